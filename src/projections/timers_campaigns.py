"""What campaigns and senders leave for the policies' clock. `timers.py` asks it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from drumbeat.events.campaign import (
    CampaignDrafted,
    CampaignReopened,
    CampaignResumed,
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderEnabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSettingsChanged,
)
from drumbeat.events.fact import Fact
from drumbeat.events.light import LightEvent
from drumbeat.events.sender import SenderSpamScoreReported
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus, Channel, SenderStanding
from drumbeat.projections.campaign_stage import STAGE_CHANGES, Change, Stage, at_first
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Fold

OVER = frozenset(
    {
        CampaignStatus.FINALIZING,
        CampaignStatus.COMPLETED,
        CampaignStatus.CANCELLED,
        CampaignStatus.ARCHIVED,
        CampaignStatus.DELETED,
    }
)
"""Where a campaign accepts nobody new."""

_CHANNEL = {CampaignKind.CALL: Channel.PHONE, CampaignKind.VOICE_AGENT: Channel.PHONE}


class CampaignWatch(Stage):
    """A campaign as the clock sees it. From `over_position` on the fields follow from the others."""

    spam_threshold: int
    channel: Channel | None
    by_audience: bool
    judge_after: int
    over_position: int | None
    due_kind: str | None
    due_at: datetime | None
    judgeable: bool
    position: int


def watch_drafted(
    _row: CampaignWatch | None, event: LightEvent[CampaignDrafted], position: int
) -> CampaignWatch | None:
    """A history import is nothing to watch."""
    drafted = event.data
    if drafted.source is CampaignSource.IMPORT:
        return None
    return CampaignWatch(
        **at_first(event),
        spam_threshold=drafted.settings.spam_threshold,
        channel=_CHANNEL.get(drafted.kind),
        by_audience=drafted.kind is not CampaignKind.SURVEY,
        judge_after=0,
        over_position=None,
        due_kind=None,
        due_at=None,
        judgeable=False,
        position=position,
    )


def _watching(change: Change, cls: type[Fact]) -> Fold[CampaignWatch]:
    def fold(row: CampaignWatch | None, event: LightEvent[Any], position: int) -> CampaignWatch | None:
        if row is None:
            return None
        resumed_from_reopening = cls is CampaignResumed and row.reopened
        change(row, event)
        if cls is CampaignSettingsChanged:
            row.spam_threshold = event.data.after.spam_threshold
        elif cls is CampaignReopened or resumed_from_reopening:
            row.judge_after = position
        row.over_position = (row.over_position or position) if row.status in OVER else None
        row.due_kind, row.due_at = _due(row)
        row.judgeable = _judgeable(row)
        row.position = position
        return row

    return fold


def _due(row: CampaignWatch) -> tuple[str | None, datetime | None]:
    """The one timer that the campaign's state has."""
    match row.status:
        case CampaignStatus.SCHEDULED if row.start_at is not None:
            return "start_campaign", row.start_at
        case CampaignStatus.LAUNCHING | CampaignStatus.RUNNING | CampaignStatus.PAUSED:
            if row.end_at is not None and row.window_closed_by is None:
                return "close_window", row.end_at
        case CampaignStatus.FINALIZING:
            return "end_drain", row.drain_until
        case _:
            return None, None
    return None, None


def _judgeable(row: CampaignWatch) -> bool:
    begun = row.status is CampaignStatus.RUNNING or row.interrupted is CampaignStatus.RUNNING
    return begun and row.by_audience and row.audience_open and not row.audience_processed and not row.reopened


CAMPAIGN_FOLDS: dict[type[Fact], Fold[CampaignWatch]] = {
    CampaignDrafted: watch_drafted,
    **{cls: _watching(change, cls) for cls, change in STAGE_CHANGES.items()},
}


class WatchedSender(Row):
    """A sender in a campaign. An unassigned one keeps its row: what a reinstatement settled stays settled."""

    workspace_id: str
    campaign_id: UUID
    sender_id: UUID
    standing: str
    settled_version: int
    position: int


UNASSIGNED = "unassigned"


def _standing(standing: str) -> Fold[WatchedSender]:
    def fold(row: WatchedSender | None, event: LightEvent[Any], position: int) -> WatchedSender | None:
        settled = row.settled_version if row else 0
        return WatchedSender(
            event.workspace_id, event.stream_id, event.data.sender_id, standing, settled, position
        )

    return fold


def _reinstated(
    _row: WatchedSender | None, event: LightEvent[CampaignSenderReinstated], position: int
) -> WatchedSender | None:
    to = event.data
    active = SenderStanding.ACTIVE
    return WatchedSender(event.workspace_id, event.stream_id, to.sender_id, active, to.report_version, position)


SENDER_FOLDS: dict[type[Fact], Fold[WatchedSender]] = {
    CampaignSenderAssigned: _standing(SenderStanding.ACTIVE),
    CampaignSenderEnabled: _standing(SenderStanding.ACTIVE),
    CampaignSenderDisabled: _standing(SenderStanding.DISABLED),
    CampaignSenderExcluded: _standing(SenderStanding.EXCLUDED),
    CampaignSenderUnassigned: _standing(UNASSIGNED),
    CampaignSenderReinstated: _reinstated,
}


class SpamScore(Row):
    """The newest spam report of a sender."""

    workspace_id: str
    sender_id: UUID
    score: int
    report_version: int
    position: int


def _reported(_row: SpamScore | None, event: LightEvent[SenderSpamScoreReported], position: int) -> SpamScore:
    return SpamScore(event.workspace_id, event.stream_id, event.data.score, event.stream_version, position)


SPAM_FOLDS: dict[type[Fact], Fold[SpamScore]] = {SenderSpamScoreReported: _reported}
