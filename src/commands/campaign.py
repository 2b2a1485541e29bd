"""Commands on a campaign's life. Refusals are those of the decision of the same name.

First what people command, then what the clock and policies do; those are harmless when they come too late.
"""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from drumbeat.aggregates.campaign import CAMPAIGN, drafting, ending, launching, running
from drumbeat.aggregates.campaign.state import Campaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler, OfCampaign, on_campaign
from drumbeat.commands.limits import A_NAME, Name, Note, Within
from drumbeat.commands.loop import Run, unknown
from drumbeat.commands.references import require_schedule, senders_in_use, spam_reports_on
from drumbeat.events import Fact
from drumbeat.events.values import CampaignKind, CampaignSource, Many, PauseReason, Step, Vocabulary


class DraftCampaign(Command):
    """Make a campaign. Without `campaign_id` it gets a new one; `Done.stream_id` tells it.

    `settings` holds any of the settings of `settings_rules.RULES`; the others have their defaults.
    """

    NAME: ClassVar[str] = "draft_campaign"
    campaign_id: UUID | None = None
    kind: CampaignKind
    name: Name
    vocabulary: Vocabulary | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    source: CampaignSource = CampaignSource.API


class DuplicateCampaign(Command):
    """Make a campaign like another, without its contacts; `Done.stream_id` is the copy's."""

    NAME: ClassVar[str] = "duplicate_campaign"
    campaign_id: UUID
    copy_id: UUID | None = None
    name: Annotated[str | None, A_NAME] = None


class RenameCampaign(OfCampaign):
    """Give it another name."""

    NAME: ClassVar[str] = "rename_campaign"
    name: Name


class ChangeSettings(OfCampaign):
    """Change the given settings; they hold from now on."""

    NAME: ClassVar[str] = "change_settings"
    changes: dict[str, Any]


class DefineSequence(OfCampaign):
    """Set the steps of a sequence while it is a draft."""

    NAME: ClassVar[str] = "define_sequence"
    steps: Annotated[Many[Step], Within(A_NAME)]


class LaunchCampaign(OfCampaign):
    """Launch at the given start, or at the setting, or now."""

    NAME: ClassVar[str] = "launch_campaign"
    start_at: AwareDatetime | None = None


class PauseCampaign(OfCampaign):
    """Hand out no new work."""

    NAME: ClassVar[str] = "pause_campaign"
    pause_reason: PauseReason = PauseReason.MANUAL
    note: Note = ""


class ResumeCampaign(OfCampaign):
    """Go on after a pause."""

    NAME: ClassVar[str] = "resume_campaign"


class CompleteCampaign(OfCampaign):
    """End it now, with what was reached."""

    NAME: ClassVar[str] = "complete_campaign"


class ExtendCampaign(OfCampaign):
    """Move the end out."""

    NAME: ClassVar[str] = "extend_campaign"
    end_at: AwareDatetime


class SendReminders(OfCampaign):
    """Remind everyone who has not responded to a survey."""

    NAME: ClassVar[str] = "send_reminders"


class CancelCampaign(OfCampaign):
    """End it before its time."""

    NAME: ClassVar[str] = "cancel_campaign"
    reason: Note


class ReopenCampaign(OfCampaign):
    """Make a completed campaign a paused one again."""

    NAME: ClassVar[str] = "reopen_campaign"
    end_at: AwareDatetime | None = None


class ArchiveCampaign(OfCampaign):
    """Put it out of sight for good."""

    NAME: ClassVar[str] = "archive_campaign"


class DeleteCampaign(OfCampaign):
    """Take it out of every list; its history stays."""

    NAME: ClassVar[str] = "delete_campaign"


class StartCampaign(OfCampaign):
    """The scheduled start has come."""

    NAME: ClassVar[str] = "start_campaign"


class ActivateCampaign(OfCampaign):
    """A survey's first invitations are out."""

    NAME: ClassVar[str] = "activate_campaign"


class CloseWindow(OfCampaign):
    """The end has come."""

    NAME: ClassVar[str] = "close_window"


class MarkAudienceProcessed(OfCampaign):
    """Every contact is finished or replied."""

    NAME: ClassVar[str] = "mark_audience_processed"


class FinishFinalizing(OfCampaign):
    """Nothing is in flight any more (`drained`), or the drain deadline has passed."""

    NAME: ClassVar[str] = "finish_finalizing"
    drained: bool
    completed_sessions: int = 0


def _draft(command: DraftCampaign, run: Run) -> Done:
    campaign_id = command.campaign_id or run.new_id()

    def decide(state: Campaign | None) -> tuple[Fact, ...]:
        facts = drafting.draft_campaign(
            state,
            kind=command.kind,
            name=command.name,
            vocabulary=command.vocabulary,
            settings=command.settings,
            source=command.source,
        )
        require_schedule(run, facts)
        return facts

    return run.one(CAMPAIGN, campaign_id, decide, campaign_id=campaign_id)


def _duplicate(command: DuplicateCampaign, run: Run) -> Done:
    copy_id = command.copy_id or run.new_id()

    def decide(copy: Campaign | None) -> tuple[Fact, ...]:
        if copy is not None:
            return ()
        original = run.load(CAMPAIGN, command.campaign_id).state
        if original is None:
            raise unknown("campaign", command.campaign_id)
        return drafting.duplicate_campaign(
            original,
            original_id=command.campaign_id,
            copy_id=copy_id,
            name=command.name,
            spam_reports=senders_in_use(run, original),
            now=run.now,
        )

    return run.one(CAMPAIGN, copy_id, decide, campaign_id=copy_id)


def _change_settings(command: ChangeSettings, run: Run) -> Done:
    def decide(state: Campaign | None) -> tuple[Fact, ...]:
        facts = drafting.change_settings(
            state,
            changes=command.changes,
            spam_reports=spam_reports_on(run, state) if "spam_threshold" in command.changes else None,
            now=run.now,
        )
        require_schedule(run, facts)
        return facts

    return run.one(
        CAMPAIGN,
        command.campaign_id,
        decide,
        campaign_id=command.campaign_id,
        expected_version=command.expected_version,
    )


HANDLERS: dict[type[Command], Handler] = {
    DraftCampaign: _draft,
    DuplicateCampaign: _duplicate,
    RenameCampaign: on_campaign(drafting.rename_campaign),
    ChangeSettings: _change_settings,
    DefineSequence: on_campaign(drafting.define_sequence),
    LaunchCampaign: on_campaign(launching.launch_campaign),
    PauseCampaign: on_campaign(running.pause_campaign),
    ResumeCampaign: on_campaign(running.resume_campaign),
    CompleteCampaign: on_campaign(running.complete_campaign),
    ExtendCampaign: on_campaign(running.extend_campaign),
    SendReminders: on_campaign(running.send_reminders),
    CancelCampaign: on_campaign(ending.cancel_campaign),
    ReopenCampaign: on_campaign(ending.reopen_campaign),
    ArchiveCampaign: on_campaign(ending.archive_campaign),
    DeleteCampaign: on_campaign(ending.delete_campaign),
    StartCampaign: on_campaign(launching.start_campaign),
    ActivateCampaign: on_campaign(launching.activate_campaign),
    CloseWindow: on_campaign(running.close_window),
    MarkAudienceProcessed: on_campaign(running.mark_audience_processed),
    FinishFinalizing: on_campaign(running.finish_finalizing),
}
