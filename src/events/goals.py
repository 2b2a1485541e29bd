"""Facts about what a campaign wants to achieve and to learn (E-40 … E-51); they stand in its stream."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from drumbeat.events.fact import Fact, Value
from drumbeat.events.values import GoalRole, Many, Question


class GoalText(Value):
    """What a goal says."""

    name: str
    description: str = ""


class AnalysisText(Value):
    """What an analysis asks: `options` for choices, `scale` (best value, from 1) for ratings."""

    name: str
    description: str = ""
    question: Question
    options: Many[str] = ()
    scale: int | None = None


class CampaignGoalDefined(Fact):
    """A goal was added."""

    TYPE: ClassVar[str] = "campaign.goal_defined.v1"
    goal_id: UUID
    name: str
    description: str = ""
    role: GoalRole


class CampaignGoalEdited(Fact):
    """A goal's text changed."""

    TYPE: ClassVar[str] = "campaign.goal_edited.v1"
    goal_id: UUID
    before: GoalText
    after: GoalText


class CampaignGoalArchived(Fact):
    """A goal no longer counts."""

    TYPE: ClassVar[str] = "campaign.goal_archived.v1"
    goal_id: UUID


class CampaignGoalRestored(Fact):
    """It counts again, as a secondary one."""

    TYPE: ClassVar[str] = "campaign.goal_restored.v1"
    goal_id: UUID


class CampaignPrimaryGoalChanged(Fact):
    """Another goal is the primary one; the old one stays as a secondary one."""

    TYPE: ClassVar[str] = "campaign.primary_goal_changed.v1"
    from_: UUID = Field(alias="from")
    to: UUID


class CampaignAnalysisDefined(Fact):
    """An analysis was added, active."""

    TYPE: ClassVar[str] = "campaign.analysis_defined.v1"
    analysis_id: UUID
    name: str
    description: str = ""
    question: Question
    options: tuple[str, ...] = ()
    scale: int | None = None


class CampaignAnalysisEdited(Fact):
    """An analysis' text, options or scale changed."""

    TYPE: ClassVar[str] = "campaign.analysis_edited.v1"
    analysis_id: UUID
    before: AnalysisText
    after: AnalysisText


class CampaignAnalysisActivated(Fact):
    """Asked again."""

    TYPE: ClassVar[str] = "campaign.analysis_activated.v1"
    analysis_id: UUID


class CampaignAnalysisDeactivated(Fact):
    """Not asked for the time being."""

    TYPE: ClassVar[str] = "campaign.analysis_deactivated.v1"
    analysis_id: UUID


class CampaignAnalysisArchived(Fact):
    """Out of sight; its answers stay."""

    TYPE: ClassVar[str] = "campaign.analysis_archived.v1"
    analysis_id: UUID


class CampaignAnalysisRestored(Fact):
    """Back, inactive until activated."""

    TYPE: ClassVar[str] = "campaign.analysis_restored.v1"
    analysis_id: UUID
