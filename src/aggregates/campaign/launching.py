"""From draft to running: launch, the start by the clock, a survey's first invitations."""

from datetime import datetime

from drumbeat.aggregates.campaign.guards import existing, permitted
from drumbeat.aggregates.campaign.state import Campaign, Core, Draft, Launching, Paused, Scheduled, usable_senders
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignAudienceOpened,
    CampaignLaunched,
    CampaignScheduled,
)
from drumbeat.events.values import CampaignKind, GoalRole


def launch_campaign(
    state: Campaign | None, *, start_at: datetime | None = None, now: datetime
) -> tuple[Fact, ...]:
    """Launch at `start_at`, which replaces the setting; blank: at a draft's setting, else now.

    On a scheduled campaign: another start, or blank to start now. Raises `wrong_state`, `not_for_an_import`,
    `no_audience`, `no_sender`, `no_primary_goal`, `invalid_settings`.
    """
    campaign = permitted(state, "launch_campaign")
    core = campaign.core
    setting = core.settings.start_at if isinstance(campaign, Draft) else None
    start = start_at or setting or now
    _require_audience_sender_goal(core)
    _require_valid_window(core, start, now)
    if start <= now:
        return started(core, start_at=_replacing(core, start_at, now))
    if isinstance(campaign, Scheduled) and campaign.start_at == start:
        return ()
    return (CampaignScheduled(start_at=start),)


def start_campaign(state: Campaign | None, *, now: datetime) -> tuple[Fact, ...]:
    """The clock starts a scheduled campaign. Raises `not_yet`; nothing to do when it is not scheduled any more."""
    if not isinstance(state, Scheduled):
        return ()
    if now < state.start_at:
        raise Refused(
            RefusalCode.NOT_YET,
            f"the campaign starts at {state.start_at.isoformat()}",
            field="now",
            value=now.isoformat(),
            allowed=f"from {state.start_at.isoformat()} on",
        )
    return started(state.core)


def started(core: Core, *, start_at: datetime | None = None) -> tuple[Fact, ...]:
    """What a start writes; a survey is activated later, when the first invitations are out.

    `start_at` replaces the setting.
    """
    launched = CampaignLaunched(start_at=start_at)
    return (launched,) if core.kind is CampaignKind.SURVEY else (launched, CampaignActivated())


def _replacing(core: Core, start_at: datetime | None, now: datetime) -> datetime | None:
    # A campaign that was started early must not go on saying that its start lies ahead.
    setting = core.settings.start_at
    early = now if setting is not None and setting > now else None
    return early if start_at is None or start_at == setting else start_at


def activate_campaign(state: Campaign | None) -> tuple[Fact, ...]:
    """A survey's first invitations are out. Nothing to do unless it is launching."""
    return (CampaignActivated(),) if isinstance(state, Launching) else ()


def open_audience(state: Campaign | None) -> tuple[Fact, ...]:
    """What the campaign's own stream says when contacts are enrolled: that there is an audience.

    Nothing to do when it is known. Written again when contacts are added to a paused campaign whose audience
    had been processed. Raises `unknown_stream`, `deleted`, `wrong_state` from finalizing on.
    """
    campaign = existing(state)
    processed_before = isinstance(campaign, Paused) and campaign.core.audience_processed
    if campaign.core.audience_open and not processed_before:
        return ()
    permitted(campaign, "enrol_contacts")
    return (CampaignAudienceOpened(),)


def _require_audience_sender_goal(core: Core) -> None:
    if not core.audience_open:
        raise Refused(RefusalCode.NO_AUDIENCE, "nobody is enrolled in this campaign yet")
    if not usable_senders(core):
        raise Refused(RefusalCode.NO_SENDER, "no active sender is assigned to this campaign")
    if core.kind is CampaignKind.VOICE_AGENT and not any(
        goal.role is GoalRole.PRIMARY and not goal.archived for goal in core.goals.values()
    ):
        raise Refused(RefusalCode.NO_PRIMARY_GOAL, "a voice agent's campaign needs a primary goal")


def _require_valid_window(core: Core, start: datetime, now: datetime) -> None:
    end = core.settings.end_at
    if end is None:
        if core.kind is not CampaignKind.SURVEY:
            return
        raise Refused(
            RefusalCode.INVALID_SETTINGS, "a survey needs an end", field="end_at", allowed="after the start"
        )
    if end <= max(start, now):
        raise Refused(
            RefusalCode.INVALID_SETTINGS,
            "the end does not lie after the start",
            field="end_at",
            value=end.isoformat(),
            allowed=f"after {max(start, now).isoformat()}",
        )
