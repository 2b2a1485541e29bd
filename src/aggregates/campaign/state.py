"""A campaign as its decisions see it: a union of stages around one core. Holds no personal data.

Only `evolve` makes these; everything here is frozen and survives a snapshot.
"""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from uuid import UUID

import msgspec

from drumbeat.events.goals import AnalysisText
from drumbeat.events.light import struct_of
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    CompletionReason,
    GoalRole,
    SenderStanding,
    Step,
    Vocabulary,
    WindowClosedBy,
)

if TYPE_CHECKING:
    SettingsKept: TypeAlias = CampaignSettings
    AnalysisTextKept: TypeAlias = AnalysisText
    StepKept: TypeAlias = Step
else:
    # Snapshots are written by msgspec, which wants its own types: the same fields, derived, never written twice.
    SettingsKept = struct_of(CampaignSettings)
    AnalysisTextKept = struct_of(AnalysisText)
    StepKept = struct_of(Step)


class ImportState(StrEnum):
    """How far the recording of a history is."""

    NONE = "none"
    STARTED = "started"
    FINISHED = "finished"


class ReportStatus(StrEnum):
    """What became of a survey's report (A-15)."""

    NONE = "none"
    REQUESTED = "requested"
    GENERATED = "generated"
    NOT_GENERATED = "not_generated"
    FAILED = "failed"


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A goal; an archived one is always secondary."""

    name: str
    description: str
    role: GoalRole
    archived: bool = False


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """An analysis; an archived one is never active."""

    text: AnalysisTextKept
    active: bool = True
    archived: bool = False


class AssignedSender(msgspec.Struct, frozen=True, kw_only=True):
    """A sender that works for this campaign; weight 1 to 100."""

    weight: int = 1
    standing: SenderStanding = SenderStanding.ACTIVE


class Core(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign is in every stage.

    `reinstated`: sender ever reinstated → the version of its newest spam report then; up to it all are settled.
    `window_closed` is set when the end has come or a person ended the campaign; extending clears it.
    """

    kind: CampaignKind
    vocabulary: Vocabulary
    source: CampaignSource
    name: str
    settings: SettingsKept
    settings_version: int = 1
    goals: dict[UUID, Goal] = {}
    analyses: dict[UUID, Analysis] = {}
    senders: dict[UUID, AssignedSender] = {}
    reinstated: dict[UUID, int] = {}
    steps: tuple[StepKept, ...] = ()
    audience_open: bool = False
    audience_processed: bool = False
    window_closed: WindowClosedBy | None = None
    import_state: ImportState = ImportState.NONE
    report: ReportStatus = ReportStatus.NONE


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The base of the stages."""

    STATUS: ClassVar[CampaignStatus]
    core: Core


class Draft(Stage, frozen=True, kw_only=True, tag="draft"):
    """Made, not launched."""

    STATUS = CampaignStatus.DRAFT


class Scheduled(Stage, frozen=True, kw_only=True, tag="scheduled"):
    """Launched with a start that lay ahead."""

    STATUS = CampaignStatus.SCHEDULED
    start_at: datetime


class Launching(Stage, frozen=True, kw_only=True, tag="launching"):
    """Started; a survey stays here until the first invitations are out."""

    STATUS = CampaignStatus.LAUNCHING


class Running(Stage, frozen=True, kw_only=True, tag="running"):
    """Work is handed out."""

    STATUS = CampaignStatus.RUNNING


class Paused(Stage, frozen=True, kw_only=True, tag="paused"):
    """No new work. `scheduled_for` is set when the pause interrupted a campaign that had not started.

    `reopened`: nothing has been resumed since it was reopened.
    """

    STATUS = CampaignStatus.PAUSED
    scheduled_for: datetime | None = None
    was_launching: bool = False
    reopened: bool = False


class Finalizing(Stage, frozen=True, kw_only=True, tag="finalizing"):
    """Work in flight drains, until `drain_until` at the latest."""

    STATUS = CampaignStatus.FINALIZING
    completion_reason: CompletionReason
    drain_until: datetime


class Completed(Stage, frozen=True, kw_only=True, tag="completed"):
    """Over."""

    STATUS = CampaignStatus.COMPLETED
    completion_reason: CompletionReason


class Cancelled(Stage, frozen=True, kw_only=True, tag="cancelled"):
    """Ended before its time."""

    STATUS = CampaignStatus.CANCELLED


class Archived(Stage, frozen=True, kw_only=True, tag="archived"):
    """Out of sight."""

    STATUS = CampaignStatus.ARCHIVED


class Deleted(Stage, frozen=True, kw_only=True, tag="deleted"):
    """A tombstone."""

    STATUS = CampaignStatus.DELETED


Campaign: TypeAlias = (
    Draft | Scheduled | Launching | Running | Paused | Finalizing | Completed | Cancelled | Archived | Deleted
)


def settings_of(core: Core) -> CampaignSettings:
    """The settings as events carry them."""
    return CampaignSettings.model_validate(core.settings, from_attributes=True)


def kept_settings(settings: CampaignSettings) -> SettingsKept:
    """The settings as the state keeps them."""
    return msgspec.convert(settings, SettingsKept, from_attributes=True)


def text_of(analysis: Analysis) -> AnalysisText:
    """An analysis' text as events carry it."""
    return AnalysisText.model_validate(analysis.text, from_attributes=True)


def kept_text(text: AnalysisText) -> AnalysisTextKept:
    """An analysis' text as the state keeps it."""
    return msgspec.convert(text, AnalysisTextKept, from_attributes=True)


def steps_of(core: Core) -> tuple[Step, ...]:
    """The sequence as events carry it."""
    return tuple(Step.model_validate(step, from_attributes=True) for step in core.steps)


def kept_steps(steps: tuple[Step, ...]) -> tuple[StepKept, ...]:
    """The sequence as the state keeps it."""
    return tuple(msgspec.convert(step, StepKept, from_attributes=True) for step in steps)


def usable_senders(core: Core) -> frozenset[UUID]:
    """The senders that may be used now."""
    return frozenset(sid for sid, sender in core.senders.items() if sender.standing is SenderStanding.ACTIVE)
