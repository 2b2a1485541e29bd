"""Goal results of a contact."""

from uuid import UUID

import msgspec

from drumbeat.events.evaluations import ContactGoalEvaluated, ContactGoalEvaluationWithdrawn
from drumbeat.events.light import LightEvent
from drumbeat.events.values import GoalResult
from drumbeat.projections.contacts_rows import ContactState
from drumbeat.projections.engine import as_json

OVER_ALL = ""
"""Stands for the conversation in an evaluation that is about all of them."""

_BEST_FIRST = tuple(GoalResult)
_evaluations = msgspec.json.Decoder(dict[str, dict[str, GoalResult]])
_results = msgspec.json.Decoder(dict[str, str])


def goal_evaluated(
    row: ContactState | None, event: LightEvent[ContactGoalEvaluated], at: int
) -> ContactState | None:
    """A judgement replaces the one under the same key: the goal with its conversation, or with none."""
    if row is None:
        return None
    data = event.data
    by_goal = _evaluations.decode(row.evaluations) if row.evaluations else {}
    goal = str(data.goal_id)
    by_goal.setdefault(goal, {})[_key(data.conversation_id)] = data.result
    return _judged(row, by_goal, at)


def evaluation_withdrawn(
    row: ContactState | None, event: LightEvent[ContactGoalEvaluationWithdrawn], at: int
) -> ContactState | None:
    """The conversation never was: what is left of the judgements counts."""
    if row is None or row.evaluations is None:
        return row
    data = event.data
    by_goal = _evaluations.decode(row.evaluations)
    goal = str(data.goal_id)
    judgements = by_goal.get(goal, {})
    judgements.pop(_key(data.conversation_id), None)
    if not judgements:
        by_goal.pop(goal, None)
    return _judged(row, by_goal, at)


def result_of(judgements: dict[str, GoalResult]) -> GoalResult:
    """The evaluation without a conversation when there is one, else the best over the conversations."""
    over_all = judgements.get(OVER_ALL)
    return over_all if over_all is not None else min(judgements.values(), key=_BEST_FIRST.index)


def results(row: ContactState) -> dict[str, str]:
    """The contact's result by goal id; a goal that was not evaluated is not there."""
    return _results.decode(row.goal_results) if row.goal_results else {}


def _judged(row: ContactState, by_goal: dict[str, dict[str, GoalResult]], at: int) -> ContactState:
    # In order of the ids, so that the same judgements make the same row whatever order they came in.
    ordered = {goal: dict(sorted(by_goal[goal].items())) for goal in sorted(by_goal)}
    row.evaluations = as_json(ordered) if ordered else None
    goal_results = {goal: result_of(judgements) for goal, judgements in ordered.items()}
    row.goal_results = as_json(goal_results) if ordered else None
    row.position = at
    return row


def _key(conversation_id: UUID | None) -> str:
    return OVER_ALL if conversation_id is None else str(conversation_id)
