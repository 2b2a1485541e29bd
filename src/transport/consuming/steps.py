"""From records to what is to be done with each: hand it over, pass it over, park it; and nothing is missing.

A topic that lost a record shows it by the versions of a stream. What is missing is fetched from the log and put
before its successor; when it cannot be had, the stream stops there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from drumbeat.events.errors import EventError
from drumbeat.events.light import LightEvent, decode_light
from drumbeat.eventstore.healing import Heal
from drumbeat.transport.consuming.handling import ConsumedEvent, Handler, Handlers
from drumbeat.transport.consuming.kept import Kind
from drumbeat.transport.records import HEALED, KafkaRow, decode_envelope


@dataclass(frozen=True, slots=True)
class Step:
    """One event in its turn. Without `kind` it is handed over to `handler`, or passed over when there is none.

    `source` is the index of the record that brought it along.
    """

    row: KafkaRow
    source: int
    stream_id: UUID | None = None
    version: int = 0
    event: ConsumedEvent[Any] | None = None
    handler: "Handler | None" = None
    kind: Kind | None = None
    error: str | None = None


class Reading:
    """Finds for each record who handles it."""

    def __init__(self, handlers: Handlers) -> None:
        # By the name without its version: one that is too new for this code must not pass unseen.
        self._handlers = {_unversioned(fact.TYPE): handler for fact, handler in handlers.items()}
        self._of_types: dict[str, Handler | None] = {}

    def step(self, row: KafkaRow, source: int) -> Step:
        """What one record is to us, looked at alone."""
        if row.problem is not None:
            return Step(row, source, kind=Kind.FOREIGN, error=row.problem)
        try:
            envelope = decode_envelope(row.bytes)
        except msgspec.MsgspecError as error:
            return Step(row, source, kind=Kind.FOREIGN, error=f"the value is no event of Drumbeat: {error}")
        stream_id, version = envelope.subject, envelope.streamversion
        handler = self._handler_of(row.type)
        if handler is None:
            return Step(row, source, stream_id, version)
        try:
            event = decode_light(row.type, row.bytes)
        except EventError as error:
            return Step(row, source, stream_id, version, kind=Kind.POISON, error=str(error))
        return Step(row, source, stream_id, version, _at(event, row.position), handler)

    def _handler_of(self, type_name: str) -> "Handler | None":
        if type_name not in self._of_types:
            self._of_types[type_name] = self._handlers.get(_unversioned(type_name))
        return self._of_types[type_name]


def _at(event: LightEvent[Any], position: int) -> ConsumedEvent[Any]:
    attributes = msgspec.structs.asdict(event)
    return ConsumedEvent(**attributes, position=position)


def _unversioned(type_name: str) -> str:
    return type_name.rpartition(".")[0]


def whole(
    reading: Reading,
    steps: Iterable[Step],
    known: Mapping[UUID, int],
    without_predecessor: Collection[UUID],
    heal: Heal,
) -> list[Step]:
    """The steps without what was seen before, and with what was missing put in.

    `known`: the last version seen of each stream. `without_predecessor`: streams that are stopped at a gap
    already; what follows in them waits too.
    """
    versions = dict(known)
    stopped = set(without_predecessor)
    made: list[Step] = []
    for step in steps:
        stream_id, version = step.stream_id, step.version
        if stream_id is None:
            made.append(step)
            continue
        last = versions.get(stream_id, 0)
        if version <= last:
            continue
        if version > last + 1:
            missing = None if stream_id in stopped else fetched(reading, heal, step, last + 1)
            if missing is None:
                error = None if stream_id in stopped else _words(last, version)
                stopped.add(stream_id)
                made.append(_gap(step, error))
                continue
            made += missing
        versions[stream_id] = version
        made.append(step)
    return made


def fetched(reading: Reading, heal: Heal, before: Step, first: int) -> list[Step] | None:
    """The versions of a stream from `first` up to the one before a step; None when they cannot be had."""
    assert before.stream_id is not None
    last = before.version - 1
    found = heal({before.stream_id: (first, last)})
    rows = () if found is None else found.get(before.stream_id, ())
    if len(rows) != last - first + 1:
        return None
    return [
        reading.step(
            KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, before.row.partition, HEALED),
            before.source,
        )
        for row in rows
    ]


def _gap(step: Step, error: str | None) -> Step:
    return Step(step.row, step.source, step.stream_id, step.version, kind=Kind.GAP, error=error)


def _words(last: int, version: int) -> str:
    gone = f"version {last + 1}" if version == last + 2 else f"versions {last + 1} to {version - 1}"
    return f"{gone} of the stream did not come before version {version}"
