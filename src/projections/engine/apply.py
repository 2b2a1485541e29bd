"""Apply a batch: checkpoint, rows, counters, log rows and parked events in one transaction.

A batch that a projection cannot fold, or whose rows Postgres refuses, is cut in halves until the event is alone;
then it is parked for the projections that fail on it and applied for all others. What has nothing to do with the
events (no database, no table, a lost race) is raised.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog

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
from drumbeat.transport.source import LogRow

log = structlog.get_logger(__name__)

NO_DATABASE: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
"""Later: the database is away, full, stopping, standing by, or ended our transaction."""

NOT_THE_EVENTS_FAULT: Final = (
    *NO_DATABASE,
    psycopg.ProgrammingError,
    psycopg.InternalError,
    psycopg.NotSupportedError,
    CheckpointMoved,
    MemoryError,
)
"""What is raised; everything else is never to be cured by trying again."""

SHARD: Final = 0
"""In log mode there is one projector, and one shard of every counter."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A batch ready to be written for the projections that stand at `before`."""

    plan: Plan
    active: Sequence[str]
    before: int
    decoded: Sequence[Decoded]
    changes: Changes
    parked: Sequence[ParkedEvent]

    @property
    def last(self) -> LogRow:
        """Where the projections stand afterwards."""
        return self.decoded[-1][0]


@dataclass(slots=True)
class Applier:
    """Folds and writes batches. `fold` and `write` have a connection each, so that they may run at the same time.

    Rows are loaded outside the transaction that writes them: the checkpoint's compare-and-set says afterwards
    whether anybody else could have changed them, and then the batch has not happened.
    """

    loading: psycopg.Connection[Any]
    writing: psycopg.Connection[Any]
    store: Store
    generation: str
    parked: ParkedStreams
    stats: ProjectorStats

    def fold(self, plan: Plan, active: Sequence[str], before: int, decoded: Sequence[Decoded]) -> Folded:
        """Load what the batch touches and fold it. Raises whatever a fold raises."""
        batch = hold_back(plan, active, decoded, self.parked)
        with self.stats.stage("fold"), self.loading.cursor() as cursor:
            changes = fold_batch(plan, cursor, self.store.hot, batch.events)
        return Folded(plan, active, before, decoded, changes, batch.parked)

    def write(self, folded: Folded) -> Checkpoint:
        """Write a batch in one transaction. Raises whatever Postgres says.

        Then nothing of it is in; or all of it, and the answer to the commit was lost: read the checkpoints again.
        """
        with self._transaction(folded.active, folded.before, folded.last) as cursor:
            self.store.write(cursor, folded.changes, SHARD)
            park(cursor, self.generation, folded.parked)
        self._count(folded.parked, len(folded.decoded))
        log.debug("batch_applied", events=len(folded.decoded), position=folded.last.position)
        return checkpoint_of(folded.last)

    def apply(self, plan: Plan, active: Sequence[str], before: int, decoded: Sequence[Decoded]) -> Checkpoint:
        """Fold and write, in as many parts as poison events make necessary. When it raises, some may be in."""
        try:
            folded = self.fold(plan, active, before, decoded)
            self.store.expect(folded.changes)
            checkpoint = self.write(folded)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  whatever an event does to a fold, the others must flow
            self.store.forget()
            if len(decoded) == 1:
                return self._apply_apart(plan, active, before, decoded[0])
        else:
            self.store.keep()
            return checkpoint
        middle = len(decoded) // 2
        between = self.apply(plan, active, before, decoded[:middle])
        return self.apply(plan, active, between.position, decoded[middle:])

    def _apply_apart(self, plan: Plan, active: Sequence[str], before: int, item: Decoded) -> Checkpoint:
        failures: list[ParkedEvent] = []
        with self._transaction(active, before, item[0]) as cursor:
            for name in active:
                alone = plan.only([name])
                batch = hold_back(alone, [name], [item], self.parked)
                try:
                    with self.writing.transaction():
                        changes = fold_batch(alone, cursor, self.store.hot, batch.events)
                        self.store.write(cursor, changes, SHARD)
                except NOT_THE_EVENTS_FAULT:
                    raise
                except Exception as error:  # noqa: BLE001  as above
                    self.store.forget()
                    failures.append(self._failed(item, name, error))
                failures += batch.parked
            park(cursor, self.generation, failures)
        self._count(failures, 1)
        return checkpoint_of(item[0])

    def _failed(self, item: Decoded, projection: str, error: Exception) -> ParkedEvent:
        row, event = item
        reason = f"{type(error).__name__}: {error}"
        self.stats.last_error = f"{projection} parked position {row.position}: {reason}"
        log.error(
            "event_parked",
            projection=projection,
            position=row.position,
            type=row.type,
            stream_id=str(getattr(event, "stream_id", None)),
            correlation_id=str(getattr(event, "correlation_id", None)),
            reason=reason,
        )
        return parked(row, projection, getattr(event, "stream_id", None), reason)

    @contextmanager
    def _transaction(self, active: Sequence[str], before: int, last: LogRow) -> Iterator[Cursor]:
        with self.writing.cursor() as cursor:
            try:
                with self.stats.stage("write"):
                    cursor.execute("BEGIN")
                    move_checkpoints(
                        cursor,
                        self.generation,
                        active,
                        before=before,
                        after=checkpoint_of(last),
                        recorded_at=last.recorded_at,
                    )
                    yield cursor
                with self.stats.stage("commit"):
                    cursor.execute("COMMIT")
            except BaseException:
                with suppress(*NO_DATABASE):
                    self.writing.rollback()
                raise
            self.store.tell_planner(cursor)

    def _count(self, parked_events: Sequence[ParkedEvent], events: int) -> None:
        self.parked.note(parked_events)
        self.stats.parked = self.parked.count
        self.stats.events += events
        self.stats.batches += 1
