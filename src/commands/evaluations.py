"""Commands that say what conversations brought: goals judged, analyses answered."""

from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates.contact import evaluations
from drumbeat.aggregates.contact.evaluations import AnswerValue
from drumbeat.commands.command import Command
from drumbeat.commands.deciding import Handler
from drumbeat.commands.on_contact import OfContact, on_contact
from drumbeat.events.values import GoalResult


class EvaluateGoal(OfContact):
    """Judge a goal, of one conversation or (without one) over all."""

    NAME: ClassVar[str] = "evaluate_goal"
    goal_id: UUID
    result: GoalResult
    conversation_id: UUID | None = None


class AnswerAnalysis(OfContact):
    """Answer an analysis of a conversation: true or false, a text, a number, or the options chosen."""

    NAME: ClassVar[str] = "answer_analysis"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"value"})
    analysis_id: UUID
    conversation_id: UUID
    value: AnswerValue


HANDLERS: dict[type[Command], Handler] = {
    EvaluateGoal: on_contact(evaluations.evaluate_goal),
    AnswerAnalysis: on_contact(evaluations.answer_analysis),
}
