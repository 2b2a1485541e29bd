"""From rows of the log to events, once for all projections; and what cannot be read is named, not raised."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from drumbeat.events.errors import EventError, UnknownEventType
from drumbeat.events.light import LightEvent, decode_light
from drumbeat.projections.engine.bookkeeping import Checkpoint, ParkedEvent, ParkedStreams
from drumbeat.projections.engine.plan import Handlers, Plan, is_known
from drumbeat.transport.source import LogRow, event_id_of

_SUBJECT = re.compile(rb'"subject"\s*:\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"')


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that could not be decoded, with what its bytes still say."""

    stream_id: UUID | None
    error: str


Decoded: TypeAlias = tuple[LogRow, "LightEvent[Any] | Unreadable | None"]
"""One row of the log; no event when no projection looks at its type."""

Directed: TypeAlias = tuple[int, LightEvent[Any], Handlers]
"""Position, event, and to whom it goes."""


@dataclass(slots=True)
class Batch:
    """What is left to apply of a batch once parked streams are held back."""

    events: list[Directed]
    parked: list[ParkedEvent]


def decode_rows(plan: Plan, rows: Iterable[LogRow]) -> list[Decoded]:
    """Decode what somebody looks at. An unknown type is looked at by everybody: it must not pass unseen."""
    decoded: list[Decoded] = []
    handled = plan.handlers
    for row in rows:
        type_name = row.type
        event: LightEvent[Any] | Unreadable | None = None
        if type_name in handled:
            try:
                event = decode_light(type_name, row.bytes)
            except EventError as error:
                event = Unreadable(_stream_of(row.bytes), str(error))
        elif not is_known(type_name):
            event = Unreadable(_stream_of(row.bytes), str(UnknownEventType(type_name)))
        decoded.append((row, event))
    return decoded


def hold_back(plan: Plan, active: Sequence[str], decoded: Iterable[Decoded], waiting: ParkedStreams) -> Batch:
    """Part a batch into what is applied and what is parked, so that each stream keeps its order."""
    batch = Batch([], [])
    newly: dict[UUID, set[str]] = {}
    for row, event in decoded:
        if event is None:
            continue
        handlers = plan.handlers.get(row.type)
        if isinstance(event, Unreadable):
            names = active if handlers is None else [n for n in active if n in handlers.projections]
            batch.parked += [parked(row, name, event.stream_id, event.error) for name in names]
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


def parked(row: LogRow, projection: str, stream_id: UUID | None, error: str | None) -> ParkedEvent:
    """A row of the log set aside for one projection."""
    return ParkedEvent(projection, row.position, stream_id, row.type, row.bytes, error)


def checkpoint_of(row: LogRow) -> Checkpoint:
    """The checkpoint of somebody who has applied this row and everything before it."""
    return Checkpoint(row.position, event_id_of(row.bytes))


def _stream_of(raw: bytes) -> UUID | None:
    match = _SUBJECT.search(raw)
    return UUID(match[1].decode()) if match else None
