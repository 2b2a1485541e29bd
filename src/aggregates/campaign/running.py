"""While a campaign runs: pause, resume, extend, remind; and what brings its work to an end."""

from datetime import datetime, timedelta

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.launching import started
from drumbeat.aggregates.campaign.reports import report_after_completion
from drumbeat.aggregates.campaign.state import (
    Campaign,
    Core,
    Finalizing,
    Launching,
    Paused,
    Running,
)
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import optional_text
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignAudienceProcessed,
    CampaignCompleted,
    CampaignCompletionRequested,
    CampaignEndExtended,
    CampaignPaused,
    CampaignRemindersRequested,
    CampaignResumed,
    CampaignWindowClosed,
)
from drumbeat.events.values import CampaignKind, CampaignSource, PauseReason, WindowClosedBy


def pause_campaign(
    state: Campaign | None, *, pause_reason: PauseReason = PauseReason.MANUAL, note: str = ""
) -> tuple[Fact, ...]:
    """No new work; what is in flight is untouched. Raises `wrong_state`, `not_for_an_import`, `out_of_range`."""
    permitted(state, "pause_campaign")
    return (CampaignPaused(pause_reason=pause_reason, note=optional_text("note", note)),)


def resume_campaign(state: Campaign | None, *, now: datetime) -> tuple[Fact, ...]:
    """Back to what the pause interrupted; started when its start has passed meanwhile.

    Finalizing begins when the audience was processed meanwhile. Raises `wrong_state`, `not_for_an_import`,
    `window_closed` when the end has passed and was not extended.
    """
    campaign = permitted(state, "resume_campaign")
    core = campaign.core
    assert isinstance(campaign, Paused)
    if core.window_closed is not None or _end_has_passed(core, now):
        raise Refused(
            RefusalCode.WINDOW_CLOSED, "the end has passed: extend the campaign, or complete it", field="end_at"
        )
    if core.audience_processed and _completes_by_itself(core):
        return (CampaignResumed(drain_until=drain_until(core, now)),)
    if campaign.scheduled_for is not None and campaign.scheduled_for <= now:
        return (CampaignResumed(), *started(core))
    return (CampaignResumed(),)


def complete_campaign(state: Campaign | None, *, now: datetime) -> tuple[Fact, ...]:
    """A person closes the window; finalizing begins. Raises `wrong_state`, `not_for_an_import`."""
    core = permitted(state, "complete_campaign").core
    until = drain_until(core, now)
    if core.window_closed is not None:
        return (CampaignCompletionRequested(drain_until=until),)
    return (CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=until),)


def extend_campaign(state: Campaign | None, *, end_at: datetime, now: datetime) -> tuple[Fact, ...]:
    """A later end; a window that the clock closed while paused is open again.

    Raises `wrong_state`, `not_for_an_import`, `no_end`, `end_not_later` than the old one and than now.
    """
    before = permitted(state, "extend_campaign").core.settings.end_at
    if before is None:
        raise Refused(RefusalCode.NO_END, "the campaign has no end that could be extended", field="end_at")
    if end_at <= max(before, now):
        raise Refused(
            RefusalCode.END_NOT_LATER,
            f"the new end {end_at.isoformat()} is not later than the old one and now",
            field="end_at",
            value=end_at.isoformat(),
            allowed=f"after {max(before, now).isoformat()}",
        )
    return (CampaignEndExtended(before=before, after=end_at),)


def send_reminders(state: Campaign | None) -> tuple[Fact, ...]:
    """Everyone who has not responded is to be reminded. Raises `not_for_this_kind`, `wrong_state`."""
    permitted(state, "send_reminders")
    return (CampaignRemindersRequested(),)


def close_window(state: Campaign | None, *, now: datetime) -> tuple[Fact, ...]:
    """The clock closes the window at the end: finalizing begins, or, while paused, waits for a person.

    Raises `not_yet` before the end; nothing to do when there is no window left to close, nor for an import.
    """
    if not isinstance(state, Launching | Running | Paused) or _left_alone(state.core):
        return ()
    end = state.core.settings.end_at
    if end is None or state.core.window_closed is not None:
        return ()
    if now < end:
        raise Refused(
            RefusalCode.NOT_YET,
            f"the window closes at {end.isoformat()}",
            field="now",
            value=now.isoformat(),
            allowed=f"from {end.isoformat()} on",
        )
    if isinstance(state, Paused):
        return (CampaignWindowClosed(by=WindowClosedBy.CLOCK),)
    return (CampaignWindowClosed(by=WindowClosedBy.CLOCK, drain_until=drain_until(state.core, now)),)


def mark_audience_processed(state: Campaign | None, *, now: datetime) -> tuple[Fact, ...]:
    """Every contact is finished or replied: finalizing begins, or, while paused, is what resume leads to.

    Nothing to do for a survey (its window decides), for an import, for a reopened campaign not yet resumed, or
    when it was said before.
    """
    if not isinstance(state, Running | Paused) or _left_alone(state.core) or not _completes_by_itself(state.core):
        return ()
    if isinstance(state, Running):
        return (CampaignAudienceProcessed(drain_until=drain_until(state.core, now)),)
    if state.core.audience_processed or state.reopened:
        return ()
    return (CampaignAudienceProcessed(),)


def finish_finalizing(
    state: Campaign | None, *, drained: bool, completed_sessions: int = 0, now: datetime
) -> tuple[Fact, ...]:
    """The campaign is completed: nothing is in flight any more (`drained`), or the drain deadline has passed.

    A survey's report follows from `completed_sessions`. Raises `not_yet`; nothing to do when not finalizing.
    """
    if not isinstance(state, Finalizing):
        return ()
    if not drained and now < state.drain_until:
        raise Refused(
            RefusalCode.NOT_YET,
            f"work is in flight, and may be until {state.drain_until.isoformat()}",
            field="now",
            value=now.isoformat(),
            allowed=f"from {state.drain_until.isoformat()} on",
        )
    completed = CampaignCompleted(completion_reason=state.completion_reason)
    return (completed, *report_after_completion(state.core, completed_sessions))


def drain_until(core: Core, now: datetime) -> datetime:
    """When finalizing ends at the latest if it begins now."""
    return now + timedelta(seconds=core.settings.drain_deadline_seconds)


def _end_has_passed(core: Core, now: datetime) -> bool:
    return core.settings.end_at is not None and core.settings.end_at <= now


def _completes_by_itself(core: Core) -> bool:
    return core.kind is not CampaignKind.SURVEY


def _left_alone(core: Core) -> bool:
    # An import is completed by its own end; no timer and no policy interferes.
    return core.source is CampaignSource.IMPORT
