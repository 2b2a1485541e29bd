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

from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT, Applier
from drumbeat.projections.engine.bookkeeping import SQL, CheckpointMoved, Kind, ParkedStreams, park
from drumbeat.projections.engine.continuity import StreamRow
from drumbeat.projections.engine.decode import Unreadable, decode_rows, hold_back, parked, version_of
from drumbeat.projections.engine.fold import fold_batch
from drumbeat.projections.engine.lanes import Lanes
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.table import Cursor
from drumbeat.transport.records import HEALED, KafkaRow
from drumbeat.transport.source import LogRow, Row, microseconds
from drumbeat.transport.texts import as_text

log = structlog.get_logger(__name__)

_AT_ONCE = 500
"""Events of a stream that one transaction applies."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event that is parked for one projection."""

    id: int
    projection: str
    kind: Kind
    partition: str
    row: Row


def due_streams(
    cursor: Cursor, generation: str, partitions: Collection[str], projections: Collection[str]
) -> list[UUID]:
    """Streams of which something is to be tried again now; those of our partitions and projections."""
    arguments = [generation, list(partitions), list(projections)]
    return [stream_id for (stream_id,) in cursor.execute(SQL["due_streams"], arguments).fetchall()]


class Redrive:
    """Tries one stream again. Nothing else is being written meanwhile."""

    def __init__(self, applier: Applier, plan: Plan, lanes: Lanes, partitions: Collection[str]) -> None:
        self._applier = applier
        self._plan = plan
        self._lanes = lanes
        self._partitions = list(partitions)

    def stream(self, stream_id: UUID) -> bool:
        """Whether nothing of the stream waits any more. Raises what is not the events' fault.

        Events leave the table in the transaction of the rows that they change: whenever this ends, what was
        applied is not parked any more, and what is parked was not applied.
        """
        applier = self._applier
        applier.store.forget()
        waiting = self._waiting(stream_id)
        done = True
        if any(one.kind is Kind.GAP for one in waiting):
            done = self._close_the_gap(stream_id, waiting)
            waiting = self._waiting(stream_id) if done else []
        for name in dict.fromkeys(one.projection for one in waiting):
            done = self._projection(name, waiting) and done
        applier.store.forget()
        log.info("parked_stream_tried_again", stream_id=str(stream_id), events=len(waiting), applied=done)
        return done

    def _waiting(self, stream_id: UUID) -> list[Waiting]:
        arguments = [self._applier.generation, stream_id, self._partitions, list(self._plan.names)]
        with self._applier.writing.cursor() as cursor:
            found = cursor.execute(SQL["parked_of_stream"], arguments).fetchall()
        return [
            Waiting(parked_id, projection, Kind(kind), partition, _row(partition, *rest))
            for parked_id, projection, kind, partition, *rest in found
        ]

    def _close_the_gap(self, stream_id: UUID, waiting: Sequence[Waiting]) -> bool:
        """Park what was missing as well: then nothing is, and the stream waits like any other."""
        behind, rows = self._missing(stream_id, waiting)
        if rows is None or not behind:
            self._tried([one.id for one in waiting], None, "")
            return False
        continuity = self._applier.continuity
        assert continuity is not None
        partition = waiting[0].partition
        offsets = {one.row.position: one.row.next_offset for one in behind}
        whole = [
            KafkaRow(r.position, r.type, r.bytes, r.recorded_at_us, partition, offsets.get(r.position) or HEALED)
            for r in rows
        ]
        decoded = decode_rows(self._plan, whole, self._applier.ask, every_type=True)
        # What stands behind the gap may wait for more projections than read its type: all were to see the gap.
        everybody = ParkedStreams()
        everybody.note(parked(row, name, stream_id, None) for row in whole[:1] for name in self._plan.names)
        batch = hold_back(self._plan, self._plan.names, decoded, everybody)
        last = max(version_of(one.row.bytes) or 0 for one in behind)
        with self._applier.transaction() as cursor:
            self._hold(cursor, partition)
            self._take_out(cursor, [one.id for one in behind])
            park(cursor, self._applier.generation, batch.parked)
            # Until all is applied, a projector that begins after a crash goes on with it.
            cursor.execute(SQL["set_due"], [self._applier.generation, stream_id])
            continuity.note_versions(cursor, [StreamRow(stream_id, last)])
        continuity.healed_events += len(rows) - len(offsets)
        self._applier.store.forget()
        return True

    def _missing(
        self, stream_id: UUID, waiting: Sequence[Waiting]
    ) -> tuple[Sequence[Waiting], Sequence[LogRow] | None]:
        """What is parked behind the gap, and the log's rows from the first missing one on; None: not to be had."""
        continuity = self._applier.continuity
        if continuity is None or not self._lanes.is_one:
            # A projection that catches up has not come to the gap yet, and would not see it once it is closed.
            return [], None
        with self._applier.writing.cursor() as cursor:
            known = continuity.version_of(cursor, stream_id)
        behind = [one for one in waiting if (version_of(one.row.bytes) or 0) > known]
        last = max((version_of(one.row.bytes) or 0 for one in behind), default=known)
        return behind, continuity.fetch(stream_id, known + 1, last)

    def _projection(self, name: str, waiting: Sequence[Waiting]) -> bool:
        mine = [one for one in waiting if one.projection == name]
        alone = self._plan.only([name])
        for start in range(0, len(mine), _AT_ONCE):
            failed = self._in_order(alone, mine[start : start + _AT_ONCE])
            if failed is not None:
                one, error = failed
                self._tried([w.id for w in mine[mine.index(one) :]], one.id, error)
                return False
        return True

    def _in_order(self, plan: Plan, events: Sequence[Waiting]) -> tuple[Waiting, str] | None:
        """Apply events up to the first that still fails, and give that back with its reason."""
        error = self._failure(plan, events)
        if error is None:
            return None
        if len(events) == 1:
            return events[0], error
        middle = len(events) // 2
        return self._in_order(plan, events[:middle]) or self._in_order(plan, events[middle:])

    def _failure(self, plan: Plan, events: Sequence[Waiting]) -> str | None:
        """Apply events for one projection in a transaction; or none of them, and why."""
        decoded = decode_rows(plan, [one.row for one in events], self._applier.ask, every_type=True)
        for _, event in decoded:
            if isinstance(event, Unreadable):
                return event.error
        try:
            with self._applier.transaction() as cursor:
                self._hold(cursor, events[0].partition)
                self._take_out(cursor, [one.id for one in events])
                batch = hold_back(plan, plan.names, decoded, ParkedStreams())
                changes = fold_batch(plan, cursor, self._applier.store.hot, batch.events)
                self._applier.store.write(cursor, changes, self._applier.shard)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  it stays where it is, with today's reason
            self._applier.store.forget()
            return f"{type(error).__name__}: {error}"
        return None

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
            cursor.execute(SQL["tried_again"], {"ids": list(ids), "failed": failed, "error": as_text(error)})


def _row(partition: str, next_offset: int | None, position: int, type_name: str, raw: bytes, at: Any) -> Row:
    at_us = microseconds(at)
    if next_offset is None:
        return LogRow(position, type_name, raw, at_us)
    return KafkaRow(position, type_name, raw, at_us, partition, next_offset)
