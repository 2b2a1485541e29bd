"""What conversations brought: goals judged, questions answered."""

from datetime import datetime
from uuid import UUID

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.evolve import apply_all
from drumbeat.aggregates.contact.goal_results import achievement_changes
from drumbeat.aggregates.contact.state import Contact, Evaluation
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Fact
from drumbeat.events.evaluations import ContactAnalysisAnswered, ContactGoalEvaluated
from drumbeat.events.goals import AnalysisText
from drumbeat.events.values import AnswerPrivate, GoalResult, Many, Question

LONGEST_ANSWER_CHARACTERS = 10_000

AnswerValue = bool | int | float | str | Many[str]


def evaluate_goal(
    contact: Contact | None,
    *,
    terms: Terms,
    goal_id: UUID,
    result: GoalResult,
    conversation_id: UUID | None = None,
    now: datetime,
) -> tuple[Fact, ...]:
    """Judge a goal, over one conversation or all. The same judgement again adds nothing; another one replaces it.

    That the contact's result entered or left `achieved` stands in the same append.
    """
    known = guards.not_removed(contact)
    if goal_id not in terms.goals:
        raise Refused(RefusalCode.UNKNOWN_GOAL, "the campaign has no such goal", field="goal_id", value=goal_id)
    if conversation_id is not None:
        _took_place(known, conversation_id)
    if Evaluation(goal_id, result, conversation_id) in known.evaluations:
        return ()
    judged = (ContactGoalEvaluated(goal_id=goal_id, result=result, conversation_id=conversation_id),)
    return *judged, *achievement_changes(known, apply_all(known, judged, now))


def answer_analysis(
    contact: Contact | None,
    *,
    terms: Terms,
    analysis_id: UUID,
    conversation_id: UUID,
    value: AnswerValue,
) -> tuple[Fact, ...]:
    """Answer an analysis of a conversation, in the form its question asks for. A new answer replaces the old."""
    known = guards.not_removed(contact)
    analysis = terms.analyses.get(analysis_id)
    if analysis is None:
        raise Refused(
            RefusalCode.UNKNOWN_ANALYSIS,
            "the campaign has no such active analysis",
            field="analysis_id",
            value=analysis_id,
        )
    _took_place(known, conversation_id)
    allowed = _what_is_wrong(analysis, value)
    if allowed is not None:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            f"{analysis.name!r} is not answered like that",
            field="value",
            value=value,
            allowed=allowed,
        )
    answered = ContactAnalysisAnswered(
        analysis_id=analysis_id, conversation_id=conversation_id, private=AnswerPrivate(value=value)
    )
    return (answered,)


def _took_place(contact: Contact, conversation_id: UUID) -> None:
    if conversation_id not in contact.conversations():
        raise Refused(
            RefusalCode.NO_SUCH_CONVERSATION,
            "the contact had no such conversation",
            field="conversation_id",
            value=conversation_id,
        )


def _what_is_wrong(analysis: AnalysisText, value: AnswerValue) -> str | None:
    """What would be allowed, when the value is not."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= LONGEST_ANSWER_CHARACTERS
    chosen = value if isinstance(value, tuple) else ()
    match analysis.question:
        case Question.YES_NO:
            fits, allowed = isinstance(value, bool), "true or false"
        case Question.SINGLE_CHOICE:
            fits, allowed = value in analysis.options, f"one of {', '.join(analysis.options)}"
        case Question.MULTIPLE_CHOICE:
            distinct = len(set(chosen)) == len(chosen) > 0
            fits = distinct and set(chosen) <= set(analysis.options)
            allowed = f"some of {', '.join(analysis.options)}, each once"
        case Question.RATING:
            best = analysis.scale or 0
            fits = isinstance(value, int) and number and 1 <= value <= best
            allowed = f"a whole number from 1 to {best}"
        case Question.OPEN:
            fits, allowed = text, f"a text of 1 to {LONGEST_ANSWER_CHARACTERS} characters"
        case Question.DATA_POINT:
            fits, allowed = number or text, f"a number, or a text of 1 to {LONGEST_ANSWER_CHARACTERS} characters"
    return None if fits else allowed
