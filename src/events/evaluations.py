"""Facts about what conversations brought: goals reached, questions answered (E-41, E-51)."""

from typing import ClassVar
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.events.values import AnswerPrivate, GoalResult


class ContactEvaluationDue(Fact):
    """The completion timeout passed: goals and analyses are asked for; earlier ones were provisional."""

    TYPE: ClassVar[str] = "contact.evaluation_due.v1"


class ContactGoalEvaluated(Fact):
    """A goal was judged, over all conversations or one; a new judgement under the same key replaces the old."""

    TYPE: ClassVar[str] = "contact.goal_evaluated.v1"
    goal_id: UUID
    result: GoalResult
    conversation_id: UUID | None = None


class ContactGoalEvaluationWithdrawn(Fact):
    """The conversation that was judged never was (its outcome was corrected)."""

    TYPE: ClassVar[str] = "contact.goal_evaluation_withdrawn.v1"
    goal_id: UUID
    conversation_id: UUID


class ContactGoalAchieved(Fact):
    """The contact's result for a goal became `achieved`."""

    TYPE: ClassVar[str] = "contact.goal_achieved.v1"
    goal_id: UUID


class ContactGoalAchievementWithdrawn(Fact):
    """The contact's result for a goal is no longer `achieved`."""

    TYPE: ClassVar[str] = "contact.goal_achievement_withdrawn.v1"
    goal_id: UUID


class ContactAnalysisAnswered(Fact):
    """An analysis of a conversation has an answer."""

    TYPE: ClassVar[str] = "contact.analysis_answered.v1"
    analysis_id: UUID
    conversation_id: UUID
    private: AnswerPrivate


class ContactAnalysisAnswerWithdrawn(Fact):
    """The conversation that was analysed never was (its outcome was corrected)."""

    TYPE: ClassVar[str] = "contact.analysis_answer_withdrawn.v1"
    analysis_id: UUID
    conversation_id: UUID
