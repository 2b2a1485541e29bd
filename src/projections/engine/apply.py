"""Apply a batch: checkpoint, rows, counters, log rows and parked events in one transaction.

A batch that a projection cannot fold, or whose rows Postgres refuses, is cut in halves until the event is alone;
then it is parked for the projections that fail on it and applied for all others. What has nothing to do with the
events (no database, no table, a lost race) is raised.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg
import structlog

from drumbeat.access.person_keys import AskKeys, KeysAway
from drumbeat.eventstore.connections import NO_DATABASE
from drumbeat.projections.engine.bookkeeping import (
    CheckpointMoved,
    ParkedEvent,
    ParkedStreams,
    move_checkpoints,
    park,
)
from drumbeat.projections.engine.continuity import Continuity
from drumbeat.projections.engine.decode import Decoded, hold_back, is_foreign, parked
from drumbeat.projections.engine.fold import Changes, fold_batch
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.store import Store, are_few
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.engine.work import Work
from drumbeat.transport.source import Places

log = structlog.get_logger(__name__)

NOT_THE_EVENTS_FAULT: Final = (
    *NO_DATABASE,
    psycopg.ProgrammingError,
    psycopg.InternalError,
    psycopg.NotSupportedError,
    CheckpointMoved,
    KeysAway,
    MemoryError,
)
"""What is raised; everything else is never to be cured by trying again."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A batch ready to be written."""

    work: Work
    changes: Changes
    parked: Sequence[ParkedEvent]


@dataclass(slots=True)
class Applier:
    """Folds and writes batches. `fold` and `write` have a connection each, so that they may run at the same time.

    Rows are loaded outside the transaction that writes them: the checkpoint's compare-and-set says afterwards
    whether anybody else could have changed them, and then the batch has not happened. `shard` is this projector's
    own share of every counter.
    """

    loading: psycopg.Connection[Any]
    writing: psycopg.Connection[Any]
    store: Store
    generation: str
    shard: int
    parked: ParkedStreams
    continuity: Continuity | None
    ask: AskKeys
    stats: ProjectorStats

    def fold(self, work: Work) -> Folded:
        """Load what the batch touches and fold it. Raises whatever a fold raises."""
        with self.stats.stage("fold"), self.loading.cursor() as cursor:
            decoded, seen = work.decoded, None
            if self.continuity is not None and decoded:
                decoded, seen = self.continuity.follow(cursor, work, self.parked)
            batch = hold_back(work.plan, work.active, decoded, self.parked)
            changes = fold_batch(work.plan, cursor, self.store.hot, batch.events)
        if seen is not None:
            changes.add(self.store.streams.name, seen)
        return Folded(work, changes, batch.parked)

    def write(self, folded: Folded) -> Places:
        """Write a batch in one transaction. Raises whatever Postgres says.

        Then nothing of it is in; or all of it, and the answer to the commit was lost: read the checkpoints again.
        """
        work = folded.work
        with self._transaction(work, few=are_few(folded.changes)) as cursor:
            self.store.write(cursor, folded.changes, self.shard)
            park(cursor, self.generation, folded.parked)
        self._count(folded.parked, len(work.decoded))
        log.debug("batch_applied", events=len(work.decoded), partitions=len(work.after))
        return work.after

    def apply(self, work: Work) -> Places:
        """Fold and write, in as many parts as poison events make necessary. When it raises, some may be in."""
        try:
            folded = self.fold(work)
            self.store.expect(folded.changes)
            reached = self.write(folded)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  whatever an event does to a fold, the others must flow
            self.store.forget()
            if len(work.decoded) == 1:
                return self._apply_last(work)
        else:
            self.store.keep()
            return reached
        first, second = work.halves()
        return {**self.apply(first), **self.apply(second)}

    def _apply_last(self, work: Work) -> Places:
        if self.continuity is not None:
            with self.loading.cursor() as cursor:
                whole, _ = self.continuity.follow(cursor, work, self.parked)
            if len(whole) > 1:
                # What was missing before it came along: now it can be cut as well.
                return self.apply(replace(work, decoded=whole))
            return self._apply_apart(work, whole[0])
        return self._apply_apart(work, work.decoded[0])

    def _apply_apart(self, work: Work, item: Decoded) -> Places:
        failures: list[ParkedEvent] = []
        with self._transaction(work) as cursor:
            for name in work.active[:1] if is_foreign(item) else work.active:
                failures += self.apply_alone(cursor, work, name, item)
            if self.continuity is not None:
                self.continuity.note(cursor, item)
            park(cursor, self.generation, failures)
        self._count(failures, 1)
        return work.after

    def apply_alone(self, cursor: Cursor, work: Work, name: str, item: Decoded) -> list[ParkedEvent]:
        """One event for one projection, in the caller's transaction; what is to be parked of it then."""
        alone = work.plan.only([name])
        batch = hold_back(alone, [name], [item], self.parked)
        try:
            with self.writing.transaction():
                changes = fold_batch(alone, cursor, self.store.hot, batch.events)
                self.store.write(cursor, changes, self.shard)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  as above
            self.store.forget()
            return [self._failed(item, name, error), *batch.parked]
        return batch.parked

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
    def _transaction(self, work: Work, *, few: bool = False) -> Iterator[Cursor]:
        with self.transaction(few=few) as cursor:
            move_checkpoints(cursor, self.generation, work.active, before=work.before, after=work.after)
            yield cursor

    @contextmanager
    def transaction(self, *, few: bool = False) -> Iterator[Cursor]:
        """A transaction of the writing connection, with the planner told afterwards.

        `few`: what is executed is sent without waiting for answers. Then no COPY may be among it, and Postgres'
        refusals are raised at the end, before anything is committed.
        """
        with self.writing.cursor() as cursor:
            try:
                with self.writing.pipeline() if few else nullcontext() as pipeline:
                    with self.stats.stage("write"):
                        cursor.execute("BEGIN")
                        yield cursor
                    with self.stats.stage("commit"):
                        cursor.execute("COMMIT")
                        if pipeline is not None:
                            pipeline.sync()
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
