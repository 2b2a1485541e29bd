"""What contacts and suppressions leave for the policies' clock. `timers.py` asks it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import product
from operator import attrgetter
from typing import Any
from uuid import UUID

from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryScheduled,
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
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted
from drumbeat.events.values import AddressKey, CampaignSource
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Fold, Key, KeyOf, by_stream


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
    assert event.campaign_id is not None, "a contact belongs to a campaign"
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


def _reopened(row: ContactWatch, event: LightEvent[ContactReopened], position: int) -> None:
    if not row.removed:
        row.open = True
        row.completion_due_at = event.data.completion_due_at
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


def _given(sign: str) -> KeyOf:
    has_sign = attrgetter(sign)
    return lambda event: None if has_sign(event.data) is None else by_stream(event)


def _not_imported(event: LightEvent[ContactEnrolled]) -> Key | None:
    return None if event.data.source is CampaignSource.IMPORT else by_stream(event)


CONTACT_KEYS: dict[type[Fact], KeyOf] = {
    ContactEnrolled: _not_imported,
    ContactCallPlaced: _given("lost_at"),
    ContactCallEnded: _given("attempts_allowed"),
}
"""What tells an import's events by themselves: passed over here, they cost an import nothing."""

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
