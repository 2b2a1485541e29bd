"""Apply a batch: checkpoint, rows, counters, log rows and parked events in one transaction.

A batch that a projection cannot fold, or whose rows Postgres refuses, is cut in halves until the event is alone;
then it is parked for the projections that fail on it and applied for all others. What has nothing to do with the
events (no database, no table, a lost race) is raised.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from drumbeat.projections.engine.bookkeeping import (
    Checkpoint,
    CheckpointMoved,
    ParkedEvent,
    ParkedStreams,
    move_checkpoints,
    park,
)
from drumbeat.projections.engine.decode import Decoded, checkpoint_of, hold_back, parked
from drumbeat.projections.engine.fold import Changes, fold_batch
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.store import Store
from drumbeat.projections.engine.table import Cursor

NO_DATABASE = (psycopg.OperationalError, psycopg.InterfaceError)
"""Later: the database is away, full, stopping, or ended our transaction."""

_NOT_THE_EVENTS_FAULT = (
    *NO_DATABASE,
    psycopg.ProgrammingError,
    psycopg.InternalError,
    psycopg.NotSupportedError,
    CheckpointMoved,
    MemoryError,
)
SHARD = 0
"""In log mode there is one projector, and one shard of every counter."""


@dataclass(slots=True)
class Applier:
    """Applies batches through one connection. Used by one thread."""

    connection: psycopg.Connection[Any]
    store: Store
    generation: str
    parked: ParkedStreams
    stats: ProjectorStats

    def apply(self, plan: Plan, active: Sequence[str], before: int, decoded: Sequence[Decoded]) -> Checkpoint:
        """Apply the events for the active projections, all of which stand at `before`.

        Returns where they then stand. When it raises, parts of the batch may be in: read the checkpoints again.
        """
        try:
            return self._apply_together(plan, active, before, decoded)
        except _NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  whatever an event does to a fold, the others must flow
            if len(decoded) == 1:
                return self._apply_apart(plan, active, before, decoded[0], error)
        middle = len(decoded) // 2
        between = self.apply(plan, active, before, decoded[:middle])
        return self.apply(plan, active, between.position, decoded[middle:])

    def _apply_together(
        self, plan: Plan, active: Sequence[str], before: int, decoded: Sequence[Decoded]
    ) -> Checkpoint:
        batch = hold_back(plan, active, decoded, self.parked)
        with self._batch(active, before, decoded[-1]) as cursor:
            with self.stats.stage("fold"):
                changes = fold_batch(plan, cursor, self.store.hot, batch.events)
            with self.stats.stage("write"):
                self.store.write(cursor, changes, SHARD)
                park(cursor, self.generation, batch.parked)
        self._done([changes], batch.parked, len(decoded))
        return checkpoint_of(decoded[-1])

    def _apply_apart(
        self, plan: Plan, active: Sequence[str], before: int, item: Decoded, error: Exception
    ) -> Checkpoint:
        batch = hold_back(plan, active, [item], self.parked)
        changes: list[Changes] = []
        with self._batch(active, before, item) as cursor:
            for name in sorted(batch.events[0][2].projections) if batch.events else ():
                alone = plan.only([name])
                try:
                    with self.connection.transaction():
                        mine = hold_back(alone, [name], [item], self.parked)
                        made = fold_batch(alone, cursor, self.store.hot, mine.events)
                        self.store.write(cursor, made, SHARD)
                except _NOT_THE_EVENTS_FAULT:
                    raise
                except Exception as failure:  # noqa: BLE001  as above
                    stream_id = batch.events[0][1].stream_id
                    reason = f"{type(failure).__name__}: {failure}"
                    batch.parked.append(parked(item.row, name, stream_id, reason))
                    self.stats.last_error = f"parked position {item.row.position} for {name}: {reason}"
                else:
                    changes.append(made)
            if not batch.events:
                raise error
            park(cursor, self.generation, batch.parked)
        self._done(changes, batch.parked, 1)
        return checkpoint_of(item)

    @contextmanager
    def _batch(self, active: Sequence[str], before: int, last: Decoded) -> Iterator[Cursor]:
        with self.connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                move_checkpoints(
                    cursor,
                    self.generation,
                    active,
                    before=before,
                    after=checkpoint_of(last),
                    recorded_at=last.row.recorded_at,
                )
                yield cursor
                with self.stats.stage("commit"):
                    cursor.execute("COMMIT")
            except BaseException:
                self.store.forget()
                with suppress(*NO_DATABASE):
                    self.connection.rollback()
                raise

    def _done(self, changes: Sequence[Changes], parked_events: Sequence[ParkedEvent], events: int) -> None:
        for made in changes:
            self.store.keep(made)
        with self.connection.cursor() as cursor:
            self.store.tell_planner(cursor)
        self.parked.note(parked_events)
        self.stats.parked = self.parked.count
        self.stats.events += events
        self.stats.batches += 1
