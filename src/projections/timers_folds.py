"""What timers are made of: the rows that events leave for the policies' clock. `timers.py` asks them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryScheduled,
)
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
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactFinished,
    ContactProfileChanged,
    ContactRemoved,
    ContactReopened,
)
from drumbeat.events.fact import Fact
from drumbeat.events.light import LightEvent
from drumbeat.events.sender import SenderSpamScoreReported
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted
from drumbeat.events.values import (
    AddressKey,
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    Channel,
    SenderStanding,
)
from drumbeat.projections.campaign_stage import STAGE_CHANGES, Change, Stage, at_first
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Fold, Key

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


class ContactWatch(Row):
    """A contact as the clock sees it; those of imports have no row."""

    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    open: bool
    untouched: bool
    removed: bool
    in_flight: int | None
    lost_at: datetime | None
    completion_due_at: datetime | None
    addresses: str
    addresses_position: int
    enrolled_position: int
    position: int


class ContactAddress(Row):
    """An address of an open contact."""

    workspace_id: str
    address_key: UUID
    campaign_id: UUID
    contact_id: UUID
    channel: str
    position: int


def _enrolled(_row: ContactWatch | None, event: LightEvent[ContactEnrolled], position: int) -> ContactWatch | None:
    if event.data.source is CampaignSource.IMPORT or event.campaign_id is None:
        return None
    return ContactWatch(
        workspace_id=event.workspace_id,
        campaign_id=event.campaign_id,
        contact_id=event.stream_id,
        open=True,
        untouched=True,
        removed=False,
        in_flight=None,
        lost_at=None,
        completion_due_at=None,
        addresses=_addresses(event.data.address_keys),
        addresses_position=position,
        enrolled_position=position,
        position=position,
    )


def _addresses(keys: tuple[AddressKey, ...]) -> str:
    return " ".join(f"{key.channel.value}:{key.key}" for key in keys)


def _placed(row: ContactWatch, event: LightEvent[ContactCallPlaced], _position: int) -> None:
    row.untouched = False
    row.in_flight = event.data.attempt
    if not row.removed:
        row.lost_at = event.data.lost_at
    row.completion_due_at = None


def _ended(row: ContactWatch, event: LightEvent[ContactCallEnded], _position: int) -> None:
    if row.in_flight == event.data.attempt:
        row.in_flight = row.lost_at = None
    _await(row, event.data.completion_due_at)


def _received(row: ContactWatch, event: LightEvent[ContactCallReceived], _position: int) -> None:
    row.untouched = False
    _await(row, event.data.completion_due_at)


def _corrected(row: ContactWatch, event: LightEvent[ContactCallOutcomeCorrected], _position: int) -> None:
    _await(row, event.data.completion_due_at)


def _await(row: ContactWatch, due_at: datetime | None) -> None:
    # The report of a call that was in flight when the contact was finished or removed revives nobody.
    if due_at is not None and row.open:
        row.completion_due_at = due_at


def _retry_scheduled(row: ContactWatch, _event: LightEvent[ContactRetryScheduled], _position: int) -> None:
    row.completion_due_at = None


def _finished(row: ContactWatch, _event: LightEvent[ContactFinished], _position: int) -> None:
    row.open = False
    row.completion_due_at = None


def _reopened(row: ContactWatch, _event: LightEvent[ContactReopened], position: int) -> None:
    if not row.removed:
        row.open = True
        row.completion_due_at = None
        row.addresses_position = position


def _removed(row: ContactWatch, _event: LightEvent[ContactRemoved], _position: int) -> None:
    row.removed = True
    row.open = False
    row.in_flight = row.lost_at = row.completion_due_at = None


def _profile_changed(row: ContactWatch, event: LightEvent[ContactProfileChanged], position: int) -> None:
    row.addresses = _addresses(event.data.address_keys)
    row.addresses_position = position


def _changing(change: Callable[[ContactWatch, Any, int], None]) -> Fold[ContactWatch]:
    def fold(row: ContactWatch | None, event: LightEvent[Any], position: int) -> ContactWatch | None:
        if row is not None:
            change(row, event, position)
            row.position = position
        return row

    return fold


CONTACT_FOLDS: dict[type[Fact], Fold[ContactWatch]] = {
    ContactEnrolled: _enrolled,
    ContactCallPlaced: _changing(_placed),
    ContactCallEnded: _changing(_ended),
    ContactCallReceived: _changing(_received),
    ContactCallOutcomeCorrected: _changing(_corrected),
    ContactRetryScheduled: _changing(_retry_scheduled),
    ContactFinished: _changing(_finished),
    ContactReopened: _changing(_reopened),
    ContactRemoved: _changing(_removed),
    ContactProfileChanged: _changing(_profile_changed),
}


_COUNTS = ("open", "in_flight", "awaiting")
_TALLIES = {
    flags: tuple(((what,), 1) for what, counts in zip(_COUNTS, flags, strict=True) if counts)
    for flags in product((False, True), repeat=3)
}


def progress_of(row: ContactWatch) -> tuple[tuple[tuple[str], int], ...]:
    """What one contact counts for: open, in flight, awaiting the end of the completion timeout."""
    return _TALLIES[row.open, row.in_flight is not None, row.completion_due_at is not None]


def addresses_of(row: ContactWatch) -> Iterator[ContactAddress]:
    """The addresses under which a suppression finds an open contact."""
    if not row.open:
        return
    for address in dict.fromkeys(row.addresses.split()):
        channel, _, key = address.partition(":")
        yield ContactAddress(
            workspace_id=row.workspace_id,
            address_key=UUID(key),
            campaign_id=row.campaign_id,
            contact_id=row.contact_id,
            channel=channel,
            position=row.addresses_position,
        )


class SuppressedAddress(Row):
    """An address that must not be contacted now."""

    workspace_id: str
    address_key: UUID
    position: int


def _suppressed(
    row: SuppressedAddress | None, event: LightEvent[SuppressionAdded], position: int
) -> SuppressedAddress | None:
    return row or SuppressedAddress(event.workspace_id, event.stream_id, position)


def _lifted(
    _row: SuppressedAddress | None, _event: LightEvent[SuppressionLifted], _position: int
) -> SuppressedAddress | None:
    return None


SUPPRESSION_FOLDS: dict[type[Fact], Fold[SuppressedAddress]] = {
    SuppressionAdded: _suppressed,
    SuppressionLifted: _lifted,
}


class WatchedSender(Row):
    """A sender in a campaign. An unassigned one keeps its row: what a reinstatement settled stays settled."""

    workspace_id: str
    campaign_id: UUID
    sender_id: UUID
    standing: str
    settled_reports: int
    position: int


UNASSIGNED = "unassigned"


def _standing(standing: str) -> Fold[WatchedSender]:
    def fold(row: WatchedSender | None, event: LightEvent[Any], position: int) -> WatchedSender | None:
        settled = row.settled_reports if row else 0
        return WatchedSender(
            event.workspace_id, event.stream_id, event.data.sender_id, standing, settled, position
        )

    return fold


def _reinstated(
    _row: WatchedSender | None, event: LightEvent[CampaignSenderReinstated], position: int
) -> WatchedSender | None:
    to = event.data
    active = SenderStanding.ACTIVE
    return WatchedSender(event.workspace_id, event.stream_id, to.sender_id, active, to.reports, position)


SENDER_FOLDS: dict[type[Fact], Fold[WatchedSender]] = {
    CampaignSenderAssigned: _standing(SenderStanding.ACTIVE),
    CampaignSenderEnabled: _standing(SenderStanding.ACTIVE),
    CampaignSenderDisabled: _standing(SenderStanding.DISABLED),
    CampaignSenderExcluded: _standing(SenderStanding.EXCLUDED),
    CampaignSenderUnassigned: _standing(UNASSIGNED),
    CampaignSenderReinstated: _reinstated,
}


def by_campaign_sender(event: LightEvent[Any]) -> Key:
    """The key (workspace, campaign, sender), for what a campaign's events say of a sender."""
    return event.workspace_id, event.stream_id.int, event.data.sender_id.int


class SpamScore(Row):
    """The newest spam report of a sender."""

    workspace_id: str
    sender_id: UUID
    score: int
    reports: int
    position: int


def _reported(row: SpamScore | None, event: LightEvent[SenderSpamScoreReported], position: int) -> SpamScore:
    return SpamScore(
        event.workspace_id, event.stream_id, event.data.score, (row.reports if row else 0) + 1, position
    )


SPAM_FOLDS: dict[type[Fact], Fold[SpamScore]] = {SenderSpamScoreReported: _reported}
