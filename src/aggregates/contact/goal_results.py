"""A contact's result for a goal, and what changes with it."""

from datetime import datetime
from uuid import UUID

from drumbeat.aggregates.contact.evolve import apply_all
from drumbeat.aggregates.contact.state import Contact
from drumbeat.events import Fact
from drumbeat.events.evaluations import (
    ContactAnalysisAnswerWithdrawn,
    ContactGoalAchieved,
    ContactGoalAchievementWithdrawn,
    ContactGoalEvaluationWithdrawn,
)
from drumbeat.events.values import GoalResult

_BEST_FIRST = tuple(GoalResult)


def goal_result(contact: Contact, goal_id: UUID) -> GoalResult | None:
    """The evaluation over all conversations when there is one, else the best of single conversations.

    None: not evaluated.
    """
    single: list[GoalResult] = []
    for evaluation in contact.evaluations:
        if evaluation.goal_id == goal_id:
            if evaluation.conversation_id is None:
                return evaluation.result
            single.append(evaluation.result)
    return min(single, key=_BEST_FIRST.index, default=None)


def achievement_changes(before: Contact, after: Contact) -> tuple[Fact, ...]:
    """Which goals entered or left `achieved` between two states, as facts, in the order of their evaluation."""
    goals = dict.fromkeys(e.goal_id for e in (*before.evaluations, *after.evaluations))
    facts: list[Fact] = []
    for goal_id in goals:
        was = goal_result(before, goal_id) is GoalResult.ACHIEVED
        achieved = goal_result(after, goal_id) is GoalResult.ACHIEVED
        if achieved and not was:
            facts.append(ContactGoalAchieved(goal_id=goal_id))
        elif was and not achieved:
            facts.append(ContactGoalAchievementWithdrawn(goal_id=goal_id))
    return tuple(facts)


def withdrawals(before: Contact, after: Contact, now: datetime) -> tuple[Fact, ...]:
    """What is withdrawn with conversations that turn out never to have been, and the goals that go with them."""
    gone = before.conversations() - after.conversations()
    judged: list[Fact] = [
        ContactGoalEvaluationWithdrawn(goal_id=e.goal_id, conversation_id=e.conversation_id)
        for e in before.evaluations
        if e.conversation_id is not None and e.conversation_id in gone
    ]
    judged += [
        ContactAnalysisAnswerWithdrawn(analysis_id=a.analysis_id, conversation_id=a.conversation_id)
        for a in before.answers
        if a.conversation_id in gone
    ]
    if not judged:
        return ()
    without = apply_all(after, tuple(judged), now)
    return *judged, *achievement_changes(after, without)
