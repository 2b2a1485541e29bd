"""Facts of a campaign's life. A campaign's stream never holds its contacts."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CompletionReason,
    PauseReason,
    Step,
    Vocabulary,
    WindowClosedBy,
)


class CampaignDrafted(Fact):
    """A campaign was made; nothing happens until it is launched."""

    TYPE: ClassVar[str] = "campaign.drafted.v1"
    kind: CampaignKind
    name: str
    vocabulary: Vocabulary
    settings: CampaignSettings
    source: CampaignSource
    copied_from: UUID | None = None


class CampaignRenamed(Fact):
    """The name changed (E-20)."""

    TYPE: ClassVar[str] = "campaign.renamed.v1"
    before: str
    after: str


class CampaignSettingsChanged(Fact):
    """Settings changed; `before` and `after` are whole, so that either stands alone."""

    TYPE: ClassVar[str] = "campaign.settings_changed.v1"
    settings_version: int
    before: CampaignSettings
    after: CampaignSettings


class CampaignAudienceOpened(Fact):
    """The first contacts were enrolled, in the same append.

    Written again when contacts are added to a paused campaign whose audience had been processed, or one of its
    contacts is reopened: it no longer is.
    """

    TYPE: ClassVar[str] = "campaign.audience_opened.v1"


class CampaignScheduled(Fact):
    """Launched with a start that lies ahead, or the start of a scheduled campaign moved."""

    TYPE: ClassVar[str] = "campaign.scheduled.v1"
    start_at: datetime


class CampaignLaunched(Fact):
    """The start has come. `start_at` is given when it replaces the setting: launched at another time than that."""

    TYPE: ClassVar[str] = "campaign.launched.v1"
    start_at: datetime | None = None


class CampaignActivated(Fact):
    """The campaign runs. For a survey: the first invitations are out."""

    TYPE: ClassVar[str] = "campaign.activated.v1"


class CampaignPaused(Fact):
    """No new work is handed out; what is in flight is untouched."""

    TYPE: ClassVar[str] = "campaign.paused.v1"
    pause_reason: PauseReason
    note: str = ""


class CampaignResumed(Fact):
    """Back to what the pause interrupted; to finalizing when the audience was processed meanwhile.

    `drain_until` is given when finalizing begins with this event.
    """

    TYPE: ClassVar[str] = "campaign.resumed.v1"
    drain_until: datetime | None = None


class CampaignEndExtended(Fact):
    """The end moved out; a window that the clock had closed while paused is open again."""

    TYPE: ClassVar[str] = "campaign.end_extended.v1"
    before: datetime
    after: datetime


class CampaignWindowClosed(Fact):
    """No new work from here on. `drain_until` is given when finalizing begins with this event."""

    TYPE: ClassVar[str] = "campaign.window_closed.v1"
    by: WindowClosedBy
    drain_until: datetime | None = None


class CampaignAudienceProcessed(Fact):
    """Every contact is finished or replied. `drain_until` is given when finalizing begins with this event."""

    TYPE: ClassVar[str] = "campaign.audience_processed.v1"
    drain_until: datetime | None = None


class CampaignCompletionRequested(Fact):
    """Completed by hand after the clock had closed the window of a paused campaign: finalizing begins.

    No second window_closed is written then; the completion reason will be manual.
    """

    TYPE: ClassVar[str] = "campaign.completion_requested.v1"
    drain_until: datetime


class CampaignCompleted(Fact):
    """Nothing is in flight any more, or the drain deadline passed."""

    TYPE: ClassVar[str] = "campaign.completed.v1"
    completion_reason: CompletionReason


class CampaignReportRequested(Fact):
    """A completed survey has enough sessions to be scored (A-15)."""

    TYPE: ClassVar[str] = "campaign.report_requested.v1"


class CampaignReportGenerated(Fact):
    """The report is there; the campaign cannot be reopened any more."""

    TYPE: ClassVar[str] = "campaign.report_generated.v1"


class CampaignReportNotGenerated(Fact):
    """Too few sessions to score (A-15)."""

    TYPE: ClassVar[str] = "campaign.report_not_generated.v1"
    reason: str
    have: int
    need: int


class CampaignReportFailed(Fact):
    """Scoring broke."""

    TYPE: ClassVar[str] = "campaign.report_failed.v1"
    reason: str


class CampaignCancelled(Fact):
    """Ended before its time; work in flight drains."""

    TYPE: ClassVar[str] = "campaign.cancelled.v1"
    reason: str


class CampaignReopened(Fact):
    """A completed campaign is paused again. `end` is the new end when one was given."""

    TYPE: ClassVar[str] = "campaign.reopened.v1"
    end: datetime | None = None


class CampaignArchived(Fact):
    """Out of sight, still listed under its filter."""

    TYPE: ClassVar[str] = "campaign.archived.v1"


class CampaignDeleted(Fact):
    """A tombstone: gone from every list, kept in the audit history."""

    TYPE: ClassVar[str] = "campaign.deleted.v1"


class CampaignRemindersRequested(Fact):
    """Everyone who has not responded is to be reminded (A-44)."""

    TYPE: ClassVar[str] = "campaign.reminders_requested.v1"


class CampaignImportStarted(Fact):
    """History is being recorded; the completion policy leaves the campaign alone until it is finished."""

    TYPE: ClassVar[str] = "campaign.import_started.v1"
    file_hash: str
    mapping_hash: str
    rows: int | None = None


class CampaignImportFinished(Fact):
    """Every row was accepted or refused."""

    TYPE: ClassVar[str] = "campaign.import_finished.v1"
    accepted: int
    refused: int


class CampaignSenderAssigned(Fact):
    """A number, mailbox or account works for this campaign (E-22)."""

    TYPE: ClassVar[str] = "campaign.sender_assigned.v1"
    sender_id: UUID
    weight: int = 1


class CampaignSenderWeightChanged(Fact):
    """Its share of the calls under weighted rotation changed (1 to 100)."""

    TYPE: ClassVar[str] = "campaign.sender_weight_changed.v1"
    sender_id: UUID
    before: int
    after: int


class CampaignSenderUnassigned(Fact):
    """It no longer does."""

    TYPE: ClassVar[str] = "campaign.sender_unassigned.v1"
    sender_id: UUID


class CampaignSenderDisabled(Fact):
    """A person took it out of rotation."""

    TYPE: ClassVar[str] = "campaign.sender_disabled.v1"
    sender_id: UUID


class CampaignSenderEnabled(Fact):
    """A person put it back."""

    TYPE: ClassVar[str] = "campaign.sender_enabled.v1"
    sender_id: UUID


class CampaignSenderExcluded(Fact):
    """Its spam score reached the threshold; only a command reinstates it."""

    TYPE: ClassVar[str] = "campaign.sender_excluded.v1"
    sender_id: UUID
    score: int
    threshold: int


class CampaignSenderReinstated(Fact):
    """A person judged it usable; only a new spam report excludes it again.

    `report_version` is where the sender's newest report stood in its stream then, 0 without one.
    """

    TYPE: ClassVar[str] = "campaign.sender_reinstated.v1"
    sender_id: UUID
    report_version: int = 0


class CampaignSequenceDefined(Fact):
    """The steps of a sequence, while it is a draft (B-35)."""

    TYPE: ClassVar[str] = "campaign.sequence_defined.v1"
    steps: tuple[Step, ...]
