"""One projector's time with the database: from reading its checkpoints until a connection is lost.

While a batch is being written, the next one is read, decoded and folded; at most one is under way.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.healing import Heal
from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT, Applier, Folded
from drumbeat.projections.engine.bookkeeping import SQL, read_checkpoints, read_parked, take_slot
from drumbeat.projections.engine.continuity import Continuity
from drumbeat.projections.engine.lanes import Lanes
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.redrive import Redrive, due_streams
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.store import Store
from drumbeat.projections.engine.work import Work
from drumbeat.transport.source import LOG, Places, is_before


@dataclass(slots=True)
class Session:
    """`committed` is in the database; `reached` counts what is being written too. Used by one thread."""

    applier: Applier
    plan: Plan
    writer: ThreadPoolExecutor
    partitions: frozenset[str]
    committed: Lanes
    reached: Lanes
    _under_way: tuple[Folded, "Future[Places]"] | None = field(default=None)

    @property
    def lowest(self) -> int:
        """Everything up to here in our partitions is in every read model."""
        return self.committed.lowest

    def has_reached(self, places: Places) -> bool:
        """Whether nothing that is before these places is still to be committed."""
        stands = self.committed.next().places
        return not any(is_before(stands[partition], place) for partition, place in places.items())

    def apply(self, work: Work) -> None:
        """Fold a batch and begin to write it; the one before is then committed. Raises what is not its fault."""
        try:
            folded = self.applier.fold(work)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  parked in parts, below, by `Applier.apply`
            if self.settle():
                self._stand(work, self.applier.apply(work))
            return
        if self.settle():
            self.applier.store.expect(folded.changes)
            self.reached.move(work.active, work.after)
            self._under_way = folded, self.writer.submit(self.applier.write, folded)
            if folded.parked or folded.changes.erased:
                self.settle()  # the next batch must see who waits, and no row as it was before an erasure

    def settle(self) -> bool:
        """Wait until nothing is being written. False: it went in parts, what was folded on it is void."""
        if self._under_way is None:
            return True
        (folded, future), self._under_way = self._under_way, None
        work = folded.work
        try:
            reached = future.result()
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  as above
            self.applier.store.forget()
            self.committed.move(work.active, self.applier.apply(work))
            return False
        self.applier.store.keep()
        self.committed.move(work.active, reached)
        return True

    @property
    def is_writing(self) -> bool:
        """Whether a batch is under way."""
        return self._under_way is not None

    def try_again(self) -> bool:
        """Try some of what is parked and due again; whether anything was due. Nothing is being written."""
        applier = self.applier
        with applier.writing.cursor() as cursor:
            due = due_streams(cursor, applier.generation, self.partitions, self.plan.names)
        if not due and not applier.parked.count:
            return False
        redrive = Redrive(applier, self.plan, self.committed, self.partitions)
        for stream_id in due:
            redrive.stream(stream_id)
        # Also when nothing was due: what is parked may have been dismissed.
        with applier.writing.cursor() as cursor:
            applier.parked = read_parked(cursor, applier.generation, list(self.partitions))
        applier.stats.parked = applier.parked.count
        return bool(due)

    def _stand(self, work: Work, reached: Places) -> None:
        self.committed.move(work.active, reached)
        self.reached.move(work.active, reached)


@contextmanager
def open_session(
    connect: Callable[[], psycopg.Connection[Any]],
    plan: Plan,
    generation: str,
    hot_rows: int,
    stats: ProjectorStats,
    partitions: Collection[str],
    heal: Heal | None,
    ask: AskKeys,
) -> Iterator[Session]:
    """Begin with what the database says. At the end whatever is being written is finished or has failed.

    `heal`: versions are watched, and what is missing is fetched with it. `ask` gets the keys of persons.
    """
    with connect() as loading, connect() as writing, ThreadPoolExecutor(1, "drumbeat-writer") as writer:
        for connection in (loading, writing):
            _prepare(connection, generation)
        store = Store(writing, plan, hot_rows, generation)
        with loading.cursor() as cursor:
            checkpoints = read_checkpoints(cursor, generation, partitions)
            parked = read_parked(cursor, generation, list(partitions))
            shard = 0 if LOG in partitions else take_slot(cursor)
            (began_at,) = cursor.execute(SQL["began_at"], [generation]).fetchone() or (0,)
        continuity = None
        if heal is not None:
            continuity = Continuity(store.hot_streams, store.streams, heal, ask, began_at)
        applier = Applier(loading, writing, store, generation, shard, parked, continuity, ask, stats)
        committed, reached = (Lanes(checkpoints, plan.names) for _ in range(2))
        yield Session(applier, plan, writer, frozenset(partitions), committed, reached)


_SETTINGS = {
    # Rows are looked up by key alone; a plan made when a table was small must not read it whole later.
    "enable_seqscan": "off",
    "plan_cache_mode": "force_custom_plan",
    # Our own ANALYZE is to tell big from small at once; autovacuum takes its time for the rest.
    "default_statistics_target": "5",
    "timezone": "UTC",
    "client_encoding": "UTF8",
    # A server that crashes may forget the last batches, rows and checkpoint together: they are applied again.
    "synchronous_commit": "off",
}


def _prepare(connection: psycopg.Connection[Any], generation: str) -> None:
    for name, value in {"search_path": generation, **_SETTINGS}.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
