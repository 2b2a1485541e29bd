"""From rows of the log to events, once for all projections; and what cannot be read is named, not raised."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from drumbeat.access.person_keys import AskKeys
from drumbeat.access.sealing import opening
from drumbeat.events.errors import EventError, UnknownEventType
from drumbeat.events.light import LightEvent, decode_light, decode_opened
from drumbeat.events.private import Sealed, find_sealed, may_be_private, put_in_place
from drumbeat.projections.engine.bookkeeping import NOBODY, Kind, ParkedEvent, ParkedStreams
from drumbeat.projections.engine.plan import Handlers, Plan, is_known
from drumbeat.transport.source import Row

_VERSION = re.compile(rb'"streamversion"\s*:\s*([0-9]{1,9})\b')
_SUBJECT = re.compile(rb'"subject"\s*:\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"')


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that cannot be applied as it is, with what its bytes still say."""

    stream_id: UUID | None
    error: str
    kind: Kind = Kind.POISON
    stream_version: int | None = None


Decoded: TypeAlias = tuple[Row, "LightEvent[Any] | Unreadable | None"]
"""One row of a source; no event when no projection looks at its type."""

Directed: TypeAlias = tuple[int, LightEvent[Any], Handlers]
"""Position, event, and to whom it goes."""


@dataclass(slots=True)
class Batch:
    """What is left to apply of a batch once parked streams are held back."""

    events: list[Directed]
    parked: list[ParkedEvent]


def decode_rows(plan: Plan, rows: Sequence[Row], ask: AskKeys, *, every_type: bool = False) -> list[Decoded]:
    """Decode what somebody looks at. An unknown type is looked at by everybody: it must not pass unseen.

    `every_type`: what nobody looks at too. The keys of all whom the rows are about are asked for at once: what is
    sealed is opened, for those who have a key. The rows stay sealed. Raises `KeysAway`.
    """
    decoded: list[Decoded] = []
    handled = plan.handlers
    sealed = _sealed_in(plan, rows)
    opener = opening(ask({one.person for one in sealed.values()}) if sealed else {})
    for index, row in enumerate(rows):
        type_name = row.type
        event: LightEvent[Any] | Unreadable | None = None
        if type_name in handled or (every_type and is_known(type_name)):
            try:
                found = sealed.get(index)
                if found is None:
                    event = decode_light(type_name, row.bytes)
                else:
                    event = decode_opened(type_name, put_in_place(row.bytes, found, opener(found)))
            except EventError as error:
                event = _unreadable(row, str(error))
        elif not is_known(type_name):
            event = _unknown(row)
        decoded.append((row, event))
    return decoded


def _sealed_in(plan: Plan, rows: Sequence[Row]) -> dict[int, Sealed]:
    found: dict[int, Sealed] = {}
    for index, row in enumerate(rows):
        if may_be_private(row.type) and row.type in plan.handlers:
            with suppress(msgspec.MsgspecError):  # decoding says what is wrong with it
                one = find_sealed(row.bytes)
                if one is not None:
                    found[index] = one
    return found


def _unknown(row: Row) -> Unreadable:
    if row.problem is not None:
        return Unreadable(None, row.problem, Kind.FOREIGN)
    return _unreadable(row, str(UnknownEventType(row.type)))


def _unreadable(row: Row, error: str) -> Unreadable:
    subject, version = _SUBJECT.search(row.bytes), version_of(row.bytes)
    # What the relay writes has a place in its stream. A record without one was written by somebody else, and a
    # stream must not wait for ever behind it. In the log nothing is anybody else's.
    if subject is None or (version is None and row.next_offset is not None):
        return Unreadable(None, error, Kind.FOREIGN)
    return Unreadable(UUID(subject[1].decode()), error, stream_version=version)


def is_foreign(item: Decoded) -> bool:
    """Whether it is no event of ours, and parked once for nobody."""
    return isinstance(item[1], Unreadable) and item[1].kind is Kind.FOREIGN


def version_of(raw: bytes) -> int | None:
    """The place in its stream that an event's bytes name, readable or not."""
    match = _VERSION.search(raw)
    return int(match[1]) if match else None


def place_of(event: "LightEvent[Any] | Unreadable | None") -> tuple[UUID, int] | None:
    """Stream and version of an event, readable or not; None where its bytes do not say them."""
    if event is None or event.stream_id is None or event.stream_version is None:
        return None
    return event.stream_id, event.stream_version


def hold_back(plan: Plan, active: Sequence[str], decoded: Iterable[Decoded], waiting: ParkedStreams) -> Batch:
    """Part a batch into what is applied and what is parked, so that each stream keeps its order."""
    batch = Batch([], [])
    newly: dict[UUID, set[str]] = {}
    for row, event in decoded:
        if event is None:
            continue
        handlers = plan.handlers.get(row.type)
        if isinstance(event, Unreadable):
            names = _whose(event, handlers, active)
            batch.parked += [parked(row, name, event.stream_id, event.error, event.kind) for name in names]
            if event.stream_id is not None:
                newly.setdefault(event.stream_id, set()).update(names)
            continue
        if handlers is None:
            continue
        if newly or waiting:
            stream_id = event.stream_id
            held = handlers.projections & {*waiting.waiting_for(stream_id), *newly.get(stream_id, ())}
            if held:
                batch.parked += [parked(row, name, stream_id, None) for name in sorted(held)]
                handlers = handlers.without(held)
        batch.events.append((row.position, event, handlers))
    return batch


def _whose(event: Unreadable, handlers: Handlers | None, active: Sequence[str]) -> Sequence[str]:
    if event.kind is Kind.FOREIGN:
        return [NOBODY]
    if handlers is None or event.kind is Kind.GAP:
        return active
    return [name for name in active if name in handlers.projections]


def parked(
    row: Row, projection: str, stream_id: UUID | None, error: str | None, kind: Kind | None = None
) -> ParkedEvent:
    """A row set aside for one projection. Without a kind: poison when there is an error, else waiting."""
    return ParkedEvent(
        projection=projection,
        kind=kind or (Kind.POISON if error is not None else Kind.WAITING),
        partition=row.partition,
        next_offset=row.next_offset,
        position=row.position,
        stream_id=stream_id,
        type=row.type,
        bytes=row.bytes,
        error=error,
        recorded_at=row.recorded_at,
    )
