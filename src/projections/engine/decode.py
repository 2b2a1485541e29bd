"""From rows of the log to events, once for all projections; and what cannot be read is named, not raised."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from drumbeat.events.errors import EventError, UnknownEventType
from drumbeat.events.light import LightEvent, decode_light
from drumbeat.projections.engine.bookkeeping import Checkpoint, ParkedEvent, ParkedStreams
from drumbeat.projections.engine.plan import Handlers, Plan, is_known
from drumbeat.transport.source import LogRow, event_id_of

_UUID = rb'"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"'
_SUBJECT = re.compile(rb'"subject"\s*:\s*' + _UUID)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that could not be decoded, with what its bytes still say."""

    stream_id: UUID | None
    error: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """One row of the log. `event` is None when no projection looks at its type."""

    row: LogRow
    event: LightEvent[Any] | Unreadable | None


@dataclass(slots=True)
class Batch:
    """What is left to apply of a batch once parked streams are held back."""

    events: list[tuple[int, LightEvent[Any], Handlers]]
    parked: list[ParkedEvent]


def decode_rows(plan: Plan, rows: Iterable[LogRow]) -> list[Decoded]:
    """Decode what somebody looks at. An unknown type is looked at by everybody: it must not pass unseen."""
    decoded = []
    for row in rows:
        event: LightEvent[Any] | Unreadable | None = None
        type_name = row.type
        if plan.handlers_of(type_name) is not None:
            try:
                event = decode_light(type_name, row.bytes)
            except EventError as error:
                event = Unreadable(_found(_SUBJECT, row.bytes), str(error))
        elif not is_known(type_name):
            event = Unreadable(_found(_SUBJECT, row.bytes), str(UnknownEventType(type_name)))
        decoded.append(Decoded(row, event))
    return decoded


def hold_back(plan: Plan, active: Sequence[str], decoded: Iterable[Decoded], waiting: ParkedStreams) -> Batch:
    """Part a batch into what is applied and what is parked, so that each stream keeps its order."""
    batch = Batch([], [])
    newly: dict[UUID, set[str]] = {}
    for item in decoded:
        event = item.event
        if event is None:
            continue
        handlers = plan.handlers_of(item.row.type)
        if isinstance(event, Unreadable):
            names = active if handlers is None else [n for n in active if n in handlers.projections]
            batch.parked += [parked(item.row, name, event.stream_id, event.error) for name in names]
            if event.stream_id is not None:
                newly.setdefault(event.stream_id, set()).update(names)
            continue
        if handlers is None:
            continue
        if waiting or newly:
            stream_id = event.stream_id
            held = handlers.projections & {*waiting.waiting_for(stream_id), *newly.get(stream_id, ())}
            if held:
                batch.parked += [parked(item.row, name, stream_id, None) for name in sorted(held)]
                handlers = handlers.without(held)
        batch.events.append((item.row.position, event, handlers))
    return batch


def parked(row: LogRow, projection: str, stream_id: UUID | None, error: str | None) -> ParkedEvent:
    """A row of the log set aside for one projection."""
    return ParkedEvent(projection, row.position, stream_id, row.type, row.bytes, error)


def checkpoint_of(item: Decoded) -> Checkpoint:
    """The checkpoint of somebody who has applied this row and everything before it."""
    event = item.event
    event_id = event.id if isinstance(event, LightEvent) else event_id_of(item.row.bytes)
    return Checkpoint(item.row.position, event_id)


def _found(pattern: re.Pattern[bytes], raw: bytes) -> UUID | None:
    match = pattern.search(raw)
    return UUID(match[1].decode()) if match else None
