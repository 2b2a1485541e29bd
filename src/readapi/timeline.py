"""Everything that happened to one contact, from its own stream: who, when, why, what (E-31)."""

from collections.abc import Sequence

import msgspec

from drumbeat.readapi.instants import Instant
from drumbeat.readapi.ledger import Recorded
from drumbeat.readapi.words import Names, said


class Entry(msgspec.Struct, kw_only=True):
    """One event of the contact. `data` is the event's own, with what is personal in it."""

    position: int
    version: int
    time: Instant
    actor: str
    cause: str
    type: str
    words: str
    reason: str | None
    correlation_id: str
    data: msgspec.Raw


def entries(stream: Sequence[Recorded], names: Names, *, up_to: int) -> list[Entry]:
    """The entries of a stream up to a position."""
    return [_entry(one, names) for one in stream if one.position <= up_to]


def _entry(one: Recorded, names: Names) -> Entry:
    event = one.event
    return Entry(
        position=one.position,
        version=event.stream_version,
        time=event.time,
        actor=event.actor,
        cause=event.cause,
        type=event.fact.TYPE,
        words=said(event.fact, names),
        reason=getattr(event.fact, "reason", None) or None,
        correlation_id=str(event.correlation_id),
        data=msgspec.Raw(event.fact.model_dump_json(exclude_none=True).encode()),
    )
