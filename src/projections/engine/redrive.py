"""Parked events tried again: in their stream's order, by the projector whose partition they came from.

Only a projector writes its read models, so whoever wants events tried again marks them (`retry_at`) and the
projector does it. Streams behind a gap are marked by the projector itself, with a growing pause, and go on with
what the log holds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from drumbeat.events.light import LightEvent
from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT, Applier
from drumbeat.projections.engine.bookkeeping import SQL, CheckpointMoved, Kind, ParkedStreams
from drumbeat.projections.engine.continuity import StreamRow
from drumbeat.projections.engine.decode import Decoded, Unreadable, decode_rows, hold_back
from drumbeat.projections.engine.fold import fold_batch
from drumbeat.projections.engine.lanes import Lanes
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.table import Cursor
from drumbeat.transport.records import HEALED, KafkaRow
from drumbeat.transport.source import LogRow, Row, microseconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event that is parked for one projection."""

    id: int
    projection: str
    kind: Kind
    row: Row


def due_streams(cursor: Cursor, generation: str, partitions: Collection[str]) -> list[UUID]:
    """Streams of which something is to be tried again now; those of our partitions."""
    rows = cursor.execute(SQL["due_streams"], [generation, list(partitions)]).fetchall()
    return [stream_id for (stream_id,) in rows]


class Redrive:
    """Tries one stream again. Nothing else is being written meanwhile."""

    def __init__(self, applier: Applier, plan: Plan, lanes: Lanes) -> None:
        self._applier = applier
        self._plan = plan
        self._lanes = lanes

    def stream(self, stream_id: UUID) -> bool:
        """Whether nothing of the stream waits any more. Raises what is not the events' fault."""
        applier = self._applier
        applier.store.forget()
        waiting = self._waiting(stream_id)
        if not waiting:
            return True
        if any(one.kind is Kind.GAP for one in waiting):
            done = self._over_the_gap(stream_id, waiting)
        else:
            names = dict.fromkeys(one.projection for one in waiting)
            results = [self._projection(name, waiting) for name in names]
            done = all(results)
        applier.store.forget()
        log.info("parked_stream_tried_again", stream_id=str(stream_id), events=len(waiting), applied=done)
        return done

    def _waiting(self, stream_id: UUID) -> list[Waiting]:
        with self._applier.writing.cursor() as cursor:
            found = cursor.execute(SQL["parked_of_stream"], [self._applier.generation, stream_id]).fetchall()
        return [
            Waiting(parked_id, projection, Kind(kind), _row(partition, next_offset, position, *rest))
            for parked_id, projection, kind, partition, next_offset, position, *rest in found
        ]

    def _over_the_gap(self, stream_id: UUID, waiting: Sequence[Waiting]) -> bool:
        continuity = self._applier.continuity
        assert continuity is not None, "only a source with partitions has gaps"
        versions = [
            e.stream_version
            for _, e in decode_rows(self._plan, [w.row for w in waiting], every_type=True)
            if isinstance(e, LightEvent)
        ]
        with self._applier.writing.cursor() as cursor:
            known = continuity.version_of(cursor, stream_id)
        rows = continuity.fetch(stream_id, known + 1, max(versions)) if versions else None
        ids = [one.id for one in waiting]
        if rows is None:
            self._tried(ids, None, "")
            return False
        partition = waiting[0].row.partition
        whole = [KafkaRow(r.position, r.type, r.bytes, r.recorded_at_us, partition, HEALED) for r in rows]
        decoded = decode_rows(self._plan, whole, every_type=True)
        try:
            with self._applier.transaction() as cursor:
                self._hold(cursor, partition)
                self._take_out(cursor, ids)
                self._fold(cursor, self._plan, decoded)
                continuity.note_versions(cursor, [StreamRow(stream_id, max(versions))])
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  an event behind the gap is poison: it waits for a person
            self._tried(ids, ids[0], f"{type(error).__name__}: {error}")
            return False
        continuity.healed_events += len(rows)
        return True

    def _projection(self, name: str, waiting: Sequence[Waiting]) -> bool:
        # One by one: what can be applied before the one that still fails is applied.
        mine = [one for one in waiting if one.projection == name]
        alone = self._plan.only([name])
        for index, one in enumerate(mine):
            ((_, event),) = decoded = decode_rows(self._plan, [one.row], every_type=True)
            error: Exception | None = None
            if isinstance(event, Unreadable):
                error = ValueError(event.error)
            else:
                try:
                    with self._applier.transaction() as cursor:
                        self._hold(cursor, one.row.partition)
                        self._take_out(cursor, [one.id])
                        self._fold(cursor, alone, decoded)
                except NOT_THE_EVENTS_FAULT:
                    raise
                except Exception as raised:  # noqa: BLE001  it stays where it is, with today's reason
                    error = raised
            if error is not None:
                self._tried([w.id for w in mine[index:]], one.id, f"{type(error).__name__}: {error}")
                return False
        return True

    def _fold(self, cursor: Cursor, plan: Plan, decoded: Sequence[Decoded]) -> None:
        batch = hold_back(plan, plan.names, decoded, ParkedStreams())
        if batch.parked:
            raise ValueError(batch.parked[0].error)
        changes = fold_batch(plan, cursor, self._applier.store.hot, batch.events)
        self._applier.store.write(cursor, changes, self._applier.shard)

    def _hold(self, cursor: Cursor, partition: str) -> None:
        # The compare-and-set of a batch, without the set: a projector that lost the partition changes nothing.
        held = cursor.execute(SQL["hold_checkpoints"], [self._applier.generation, partition]).fetchall()
        for name, position, next_offset in held:
            if name in self._plan.names:
                place = self._lanes.places_of(name)[partition]
                if (place.position, place.next_offset) != (position, next_offset):
                    raise CheckpointMoved(f"{name} is not at {place.position} in {partition} any more")

    def _take_out(self, cursor: Cursor, ids: Sequence[int]) -> None:
        if cursor.execute(SQL["take_out"], [list(ids)]).rowcount != len(ids):
            raise CheckpointMoved("another projector has tried the same parked events again")

    def _tried(self, ids: Sequence[int], failed: int | None, error: str) -> None:
        with self._applier.writing.cursor() as cursor:
            cursor.execute(SQL["tried_again"], {"ids": list(ids), "failed": failed, "error": error})


def _row(partition: str, next_offset: int | None, position: int, type_name: str, raw: bytes, at: Any) -> Row:
    at_us = microseconds(at)
    if next_offset is None:
        return LogRow(position, type_name, raw, at_us)
    return KafkaRow(position, type_name, raw, at_us, partition, next_offset)
