"""The ends of a campaign, and the way back from one: cancel, reopen, archive, delete."""

from datetime import datetime
from typing import assert_never

from drumbeat.aggregates.campaign.guards import existing, permitted, wrong_state
from drumbeat.aggregates.campaign.state import (
    Archived,
    Campaign,
    Cancelled,
    Completed,
    Deleted,
    Draft,
    Finalizing,
    Launching,
    Paused,
    ReportStatus,
    Running,
    Scheduled,
)
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import LONGEST_TEXT, required_text
from drumbeat.events import Fact
from drumbeat.events.campaign import CampaignArchived, CampaignCancelled, CampaignDeleted, CampaignReopened


def cancel_campaign(state: Campaign | None, *, reason: str) -> tuple[Fact, ...]:
    """Ended before its time; work in flight drains. Raises `wrong_state`, `out_of_range` without a reason."""
    permitted(state, "cancel_campaign")
    return (CampaignCancelled(reason=required_text("reason", reason, longest=LONGEST_TEXT)),)


def reopen_campaign(state: Campaign | None, *, end_at: datetime | None = None, now: datetime) -> tuple[Fact, ...]:
    """A completed campaign is paused again, with a new end where the old one has passed.

    Raises `wrong_state`, `not_for_an_import`, `report_exists`, `end_passed` without a new end, `end_not_later`.
    """
    core = permitted(state, "reopen_campaign").core
    if core.report in {ReportStatus.GENERATED, ReportStatus.REQUESTED}:
        raise Refused(RefusalCode.REPORT_EXISTS, f"the report is {core.report}", field="report", value=core.report)
    old = core.settings.end_at
    if end_at is not None and end_at <= now:
        raise Refused(
            RefusalCode.END_NOT_LATER,
            f"the new end {end_at.isoformat()} is not later than now",
            field="end_at",
            value=end_at.isoformat(),
            allowed=f"after {now.isoformat()}",
        )
    if end_at is None and old is not None and old <= now:
        raise Refused(
            RefusalCode.END_PASSED, "the end has passed: give a new one", field="end_at", value=old.isoformat()
        )
    return (CampaignReopened(end=end_at),)


def archive_campaign(state: Campaign | None) -> tuple[Fact, ...]:
    """Out of sight for good; a live one is cancelled first. Nothing to do when it is archived.

    Raises `wrong_state` while launching or finalizing.
    """
    campaign = existing(state)
    match campaign:
        case Scheduled() | Running() | Paused():
            return (CampaignCancelled(reason="archived"), CampaignArchived())
        case Draft() | Completed() | Cancelled():
            return (CampaignArchived(),)
        case Archived() | Deleted():
            return ()
        case Launching() | Finalizing():
            raise wrong_state(campaign, "archive_campaign")
        case _:
            assert_never(campaign)


def delete_campaign(state: Campaign | None) -> tuple[Fact, ...]:
    """A tombstone; the history stays. Raises `wrong_state` from scheduled to finalizing, `deleted`."""
    permitted(state, "delete_campaign")
    return (CampaignDeleted(),)
