"""How a campaign's events move it through its life: said once for every read model that holds its state."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignArchived,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignCompleted,
    CampaignCompletionRequested,
    CampaignDeleted,
    CampaignDrafted,
    CampaignEndExtended,
    CampaignLaunched,
    CampaignPaused,
    CampaignReopened,
    CampaignResumed,
    CampaignScheduled,
    CampaignSettingsChanged,
    CampaignWindowClosed,
)
from drumbeat.events.fact import Fact
from drumbeat.events.light import LightEvent
from drumbeat.events.values import CampaignStatus
from drumbeat.projections.engine.rows import Row


class Stage(Row):
    """What decides a campaign's state. Rows that hold it extend this one.

    `interrupted`: the status that the pause interrupted, None when not paused. `start_at` and `end_at` are those
    that hold now, whoever set them last. `window_closed_by` None: the window is open. `reopened`: and not resumed
    since.
    """

    workspace_id: str
    campaign_id: UUID
    status: CampaignStatus
    interrupted: CampaignStatus | None
    start_at: datetime | None
    end_at: datetime | None
    window_closed_by: str | None
    drain_until: datetime | None
    audience_open: bool
    audience_processed: bool
    reopened: bool


def at_first(event: LightEvent[CampaignDrafted]) -> dict[str, Any]:
    """The fields of a stage as a campaign is drafted."""
    settings = event.data.settings
    return {
        "workspace_id": event.workspace_id,
        "campaign_id": event.stream_id,
        "status": CampaignStatus.DRAFT,
        "interrupted": None,
        "start_at": settings.start_at,
        "end_at": settings.end_at,
        "window_closed_by": None,
        "drain_until": None,
        "audience_open": False,
        "audience_processed": False,
        "reopened": False,
    }


def _to(status: CampaignStatus) -> "Change":
    def change(stage: Stage, _event: LightEvent[Any]) -> None:
        stage.status = status
        stage.interrupted = None
        stage.drain_until = None

    return change


def _drained(stage: Stage, until: datetime | None) -> None:
    # An event that gives a deadline is the one with which finalizing begins; without one the state stays.
    if until is not None:
        stage.status = CampaignStatus.FINALIZING
        stage.interrupted = None
        stage.drain_until = until


def _settings_changed(stage: Stage, event: LightEvent[CampaignSettingsChanged]) -> None:
    stage.end_at = event.data.after.end_at
    if stage.status is CampaignStatus.DRAFT:
        stage.start_at = event.data.after.start_at


def _audience_opened(stage: Stage, _event: LightEvent[CampaignAudienceOpened]) -> None:
    # Written again when contacts join a paused campaign whose audience was processed: it no longer is.
    stage.audience_open = True
    stage.audience_processed = False


def _scheduled(stage: Stage, event: LightEvent[CampaignScheduled]) -> None:
    stage.status = CampaignStatus.SCHEDULED
    stage.start_at = event.data.start_at


def _launched(stage: Stage, event: LightEvent[CampaignLaunched]) -> None:
    _to(CampaignStatus.LAUNCHING)(stage, event)
    stage.start_at = event.data.start_at or stage.start_at


def _paused(stage: Stage, _event: LightEvent[CampaignPaused]) -> None:
    stage.interrupted = stage.status
    stage.status = CampaignStatus.PAUSED


def _resumed(stage: Stage, event: LightEvent[CampaignResumed]) -> None:
    stage.status = stage.interrupted or CampaignStatus.RUNNING
    stage.interrupted = None
    stage.reopened = False
    _drained(stage, event.data.drain_until)


def _end_extended(stage: Stage, event: LightEvent[CampaignEndExtended]) -> None:
    stage.end_at = event.data.after
    stage.window_closed_by = None


def _window_closed(stage: Stage, event: LightEvent[CampaignWindowClosed]) -> None:
    stage.window_closed_by = event.data.by
    _drained(stage, event.data.drain_until)


def _audience_was_processed(stage: Stage, event: LightEvent[CampaignAudienceProcessed]) -> None:
    stage.audience_processed = True
    _drained(stage, event.data.drain_until)


def _completion_requested(stage: Stage, event: LightEvent[CampaignCompletionRequested]) -> None:
    _drained(stage, event.data.drain_until)


def _reopened(stage: Stage, event: LightEvent[CampaignReopened]) -> None:
    stage.status = CampaignStatus.PAUSED
    stage.interrupted = CampaignStatus.RUNNING
    stage.window_closed_by = None
    stage.drain_until = None
    stage.audience_processed = False
    stage.reopened = True
    if event.data.end is not None:
        stage.end_at = event.data.end


Change: TypeAlias = "Callable[[Any, LightEvent[Any]], None]"

STAGE_CHANGES: Mapping[type[Fact], Change] = {
    CampaignSettingsChanged: _settings_changed,
    CampaignAudienceOpened: _audience_opened,
    CampaignScheduled: _scheduled,
    CampaignLaunched: _launched,
    CampaignActivated: _to(CampaignStatus.RUNNING),
    CampaignPaused: _paused,
    CampaignResumed: _resumed,
    CampaignEndExtended: _end_extended,
    CampaignWindowClosed: _window_closed,
    CampaignAudienceProcessed: _audience_was_processed,
    CampaignCompletionRequested: _completion_requested,
    CampaignCompleted: _to(CampaignStatus.COMPLETED),
    CampaignCancelled: _to(CampaignStatus.CANCELLED),
    CampaignReopened: _reopened,
    CampaignArchived: _to(CampaignStatus.ARCHIVED),
    CampaignDeleted: _to(CampaignStatus.DELETED),
}
"""Event class → what it changes in place. A campaign begins with `at_first`."""
