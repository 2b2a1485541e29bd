"""One projector's time with the database: from reading its checkpoints until a connection is lost.

While a batch is being written, the next one is read, decoded and folded; at most one is under way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT, Applier, Folded
from drumbeat.projections.engine.bookkeeping import Checkpoint, read_checkpoints, read_parked
from drumbeat.projections.engine.decode import Decoded
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.store import Store


@dataclass(slots=True)
class Session:
    """`checkpoints` are committed; `reached` counts what is folded and being written too. Used by one thread."""

    applier: Applier
    writer: ThreadPoolExecutor
    checkpoints: dict[str, Checkpoint]
    reached: dict[str, int]
    _under_way: tuple[Folded, "Future[Checkpoint]"] | None = field(default=None)

    @property
    def lowest(self) -> int:
        """Everything up to here is in every read model."""
        return min(checkpoint.position for checkpoint in self.checkpoints.values())

    def next_after(self, up_to: int | None) -> tuple[int, list[str], int | None]:
        """Where to read on, for whom, and up to where: the projections furthest behind catch up with the next."""
        after = min(self.reached.values())
        active = [name for name, position in self.reached.items() if position == after]
        ceilings = [position for position in self.reached.values() if position > after]
        if up_to is not None:
            ceilings.append(up_to)
        return after, active, min(ceilings, default=None)

    def apply(self, plan: Plan, active: Sequence[str], before: int, decoded: Sequence[Decoded]) -> None:
        """Fold a batch and begin to write it; the one before is then committed. Raises what is not its fault."""
        try:
            folded = self.applier.fold(plan, active, before, decoded)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  parked in parts, below, by `Applier.apply`
            if self.settle():
                self._stand(active, self.applier.apply(plan, active, before, decoded))
            return
        if self.settle():
            self.applier.store.expect(folded.changes)
            self.reached.update(dict.fromkeys(active, folded.last.position))
            self._under_way = folded, self.writer.submit(self.applier.write, folded)
            if folded.parked:
                self.settle()  # the next batch must see who waits

    def settle(self) -> bool:
        """Wait until nothing is being written. False: it went in parts, what was folded on it is void."""
        if self._under_way is None:
            return True
        (folded, future), self._under_way = self._under_way, None
        try:
            checkpoint = future.result()
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  as above
            store = self.applier.store
            store.forget()
            self._stand(
                folded.active, self.applier.apply(folded.plan, folded.active, folded.before, folded.decoded)
            )
            return False
        self.applier.store.keep()
        self.checkpoints.update(dict.fromkeys(folded.active, checkpoint))
        return True

    @property
    def is_writing(self) -> bool:
        """Whether a batch is under way."""
        return self._under_way is not None

    def _stand(self, active: Sequence[str], checkpoint: Checkpoint) -> None:
        self.checkpoints.update(dict.fromkeys(active, checkpoint))
        self.reached.update(dict.fromkeys(active, checkpoint.position))


@contextmanager
def open_session(
    connect: Callable[[], psycopg.Connection[Any]],
    plan: Plan,
    generation: str,
    hot_rows: int,
    stats: ProjectorStats,
) -> Iterator[Session]:
    """Begin with what the database says. At the end whatever is being written is finished or has failed."""
    with connect() as loading, connect() as writing, ThreadPoolExecutor(1, "drumbeat-writer") as writer:
        for connection in (loading, writing):
            _prepare(connection, generation)
        with loading.cursor() as cursor:
            known = read_checkpoints(cursor, generation)
            parked = read_parked(cursor, generation)
        checkpoints = {name: known[name] for name in plan.names}
        applier = Applier(loading, writing, Store(writing, plan, hot_rows, generation), generation, parked, stats)
        yield Session(applier, writer, checkpoints, _positions(checkpoints))


def _positions(checkpoints: Mapping[str, Checkpoint]) -> dict[str, int]:
    return {name: checkpoint.position for name, checkpoint in checkpoints.items()}


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
