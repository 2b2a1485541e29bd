"""Senders: numbers, mailboxes and accounts (E-22), and what each may do for which campaign."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from drumbeat.events.campaign import (
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderEnabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSenderWeightChanged,
)
from drumbeat.events.fact import Fact
from drumbeat.events.light import LightEvent
from drumbeat.events.sender import (
    SenderDisconnected,
    SenderReconnected,
    SenderRegistered,
    SenderRenamed,
    SenderRetired,
    SenderSpamScoreReported,
)
from drumbeat.events.values import Channel, SenderStanding
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Entity, Fold, Key, Projection, by_workspace_stream


class SenderRow(Row):
    """A sender; senders.sql says what each field means."""

    workspace_id: str
    sender_id: UUID
    channel: Channel
    friendly_name: str
    address: str
    daily_limit: int | None
    schedule_id: UUID | None
    spam_score: int | None
    spam_source: str | None
    spam_reported_at: datetime | None
    connected: bool
    disconnected_cause: str | None
    retired: bool
    version: int
    position: int


def _registered(_row: SenderRow | None, event: LightEvent[SenderRegistered], position: int) -> SenderRow | None:
    known = event.data
    return SenderRow(
        workspace_id=event.workspace_id,
        sender_id=event.stream_id,
        channel=known.channel,
        friendly_name=known.friendly_name,
        address=known.address,
        daily_limit=known.daily_limit,
        schedule_id=known.schedule_id,
        spam_score=None,
        spam_source=None,
        spam_reported_at=None,
        connected=True,
        disconnected_cause=None,
        retired=False,
        version=event.stream_version,
        position=position,
    )


def _renamed(row: SenderRow, event: LightEvent[SenderRenamed]) -> None:
    row.friendly_name = event.data.after


def _spam_reported(row: SenderRow, event: LightEvent[SenderSpamScoreReported]) -> None:
    row.spam_score, row.spam_source, row.spam_reported_at = event.data.score, event.data.source, event.time


def _disconnected(row: SenderRow, event: LightEvent[SenderDisconnected]) -> None:
    row.connected, row.disconnected_cause = False, event.data.cause


def _reconnected(row: SenderRow, _event: LightEvent[SenderReconnected]) -> None:
    row.connected, row.disconnected_cause = True, None


def _retired(row: SenderRow, _event: LightEvent[SenderRetired]) -> None:
    row.retired = True


def _changing(change: Callable[[SenderRow, Any], None]) -> Fold[SenderRow]:
    def fold(row: SenderRow | None, event: LightEvent[Any], position: int) -> SenderRow | None:
        assert row is not None, f"{event.type} came before the sender was registered"
        change(row, event)
        row.version, row.position = event.stream_version, position
        return row

    return fold


class CampaignSenderRow(Row):
    """What a sender may do for a campaign. An unassigned one has no row."""

    workspace_id: str
    campaign_id: UUID
    sender_id: UUID
    standing: SenderStanding
    standing_since: datetime
    weight: int
    assigned_at: datetime
    excluded_score: int | None
    excluded_threshold: int | None
    position: int


def _assigned(
    row: CampaignSenderRow | None, event: LightEvent[CampaignSenderAssigned], position: int
) -> CampaignSenderRow | None:
    return CampaignSenderRow(
        workspace_id=event.workspace_id,
        campaign_id=event.stream_id,
        sender_id=event.data.sender_id,
        standing=SenderStanding.ACTIVE,
        standing_since=event.time,
        weight=event.data.weight,
        assigned_at=row.assigned_at if row else event.time,
        excluded_score=None,
        excluded_threshold=None,
        position=position,
    )


def _unassigned(
    _row: CampaignSenderRow | None, _event: LightEvent[CampaignSenderUnassigned], _position: int
) -> CampaignSenderRow | None:
    return None


def _standing(standing: SenderStanding) -> Fold[CampaignSenderRow]:
    def fold(row: CampaignSenderRow | None, event: LightEvent[Any], position: int) -> CampaignSenderRow | None:
        if row is not None:
            row.standing, row.standing_since, row.position = standing, event.time, position
            excluded = standing is SenderStanding.EXCLUDED
            row.excluded_score = event.data.score if excluded else None
            row.excluded_threshold = event.data.threshold if excluded else None
        return row

    return fold


def _weight_changed(
    row: CampaignSenderRow | None, event: LightEvent[CampaignSenderWeightChanged], position: int
) -> CampaignSenderRow | None:
    if row is not None:
        row.weight, row.position = event.data.after, position
    return row


def by_campaign_sender(event: LightEvent[Any]) -> Key:
    """The key (workspace, campaign, sender), for what a campaign's events say of a sender."""
    return event.workspace_id, event.stream_id.int, event.data.sender_id.int


SENDER_FOLDS: dict[type[Fact], Fold[SenderRow]] = {
    SenderRegistered: _registered,
    SenderRenamed: _changing(_renamed),
    SenderSpamScoreReported: _changing(_spam_reported),
    SenderDisconnected: _changing(_disconnected),
    SenderReconnected: _changing(_reconnected),
    SenderRetired: _changing(_retired),
}
CAMPAIGN_SENDER_FOLDS: dict[type[Fact], Fold[CampaignSenderRow]] = {
    CampaignSenderAssigned: _assigned,
    CampaignSenderUnassigned: _unassigned,
    CampaignSenderWeightChanged: _weight_changed,
    CampaignSenderDisabled: _standing(SenderStanding.DISABLED),
    CampaignSenderEnabled: _standing(SenderStanding.ACTIVE),
    CampaignSenderExcluded: _standing(SenderStanding.EXCLUDED),
    CampaignSenderReinstated: _standing(SenderStanding.ACTIVE),
}

SENDER_ROWS = Entity(
    table="senders", row=SenderRow, key_columns=2, key_of=by_workspace_stream, folds=SENDER_FOLDS, keys={}
)
CAMPAIGN_SENDER_ROWS = Entity(
    table="campaign_senders",
    row=CampaignSenderRow,
    key_columns=3,
    key_of=by_campaign_sender,
    folds=CAMPAIGN_SENDER_FOLDS,
    keys={},
)

PROJECTION = Projection(
    name="senders",
    version=1,
    sql=Path(__file__).with_suffix(".sql"),
    entities=(SENDER_ROWS, CAMPAIGN_SENDER_ROWS),
)
