"""Follow the log and keep read models up to date: through lost connections, other projectors and poison events."""

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg

from drumbeat.projections.engine.apply import NO_DATABASE, Applier
from drumbeat.projections.engine.bookkeeping import (
    GENERATION,
    Checkpoint,
    CheckpointMoved,
    read_checkpoints,
    read_parked,
)
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.engine.install import install
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.store import Store
from drumbeat.transport.source import Source, SourceUnavailable


class ProjectorStopped(Exception):
    """The base of what a projector cannot go on from by itself."""


class TooManyParked(ProjectorStopped):
    """More events are parked than the limit allows: something is wrong with more than a few streams."""


class RebuildNeeded(ProjectorStopped):
    """Counters stand at another position than the rows they are summed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorOptions:
    """`hot_rows` bounds the rows of each entity that stay in memory. Seconds and counts as their names say."""

    generation: str = GENERATION
    batch_events: int = 5_000
    poll_seconds: float = 0.02
    parked_limit_events: int = 1_000
    hot_rows: int = 50_000
    longest_pause_seconds: float = 5.0


@dataclass(slots=True)
class _Session:
    """What belongs to one connection; a new one begins with what the database says."""

    applier: Applier
    checkpoints: dict[str, Checkpoint]

    @property
    def lowest(self) -> int:
        return min(checkpoint.position for checkpoint in self.checkpoints.values())


class Projector:
    """One projector of a set of projections. `run` belongs to one thread; `stats` may be read by any.

    Events have their effect once, whatever crashes when: rows and checkpoint are one transaction, and a second
    projector on the same read models loses the race for the checkpoint and starts over from it.
    """

    def __init__(
        self,
        source: Source,
        database_url: str,
        projections: Sequence[Projection],
        options: ProjectorOptions | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.stats = ProjectorStats()
        self._source = source
        self._database_url = database_url
        self._options = options or ProjectorOptions()
        self._plan = Plan(projections)
        self._narrowed = {frozenset(self._plan.names): self._plan}
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set; a lost database is waited for.

        Raises `ProjectorStopped`, and `LogRewound` when the log no longer holds what these rows were made of.
        """
        self._follow(lambda _session: stop.is_set(), stop)

    def run_until(self, position: int, timeout_seconds: float = 60.0) -> None:
        """Apply everything up to a position. Raises `TimeoutError`, and what `run` raises."""
        deadline = monotonic() + timeout_seconds

        def is_done(session: _Session) -> bool:
            if monotonic() > deadline:
                raise TimeoutError(f"read models are at {session.lowest}, not at {position} yet")
            return session.lowest >= position

        self._follow(is_done, threading.Event())

    def _follow(self, is_done: Callable[[_Session], bool], stop: threading.Event) -> None:
        pause = 0.05
        while not stop.is_set():
            try:
                with self._session() as session:
                    while not is_done(session):
                        if self._step(session):
                            pause = 0.05
                        else:
                            self._source.wait(self._options.poll_seconds)
                    return
            except CheckpointMoved as error:
                self.stats.lost_races += 1
                self.stats.last_error = str(error)
            except (*NO_DATABASE, SourceUnavailable) as error:
                self.stats.reconnects += 1
                self.stats.last_error = str(error)
            stop.wait(pause)
            pause = min(2 * pause, self._options.longest_pause_seconds)

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        options = self._options
        with closing(psycopg.connect(self._database_url, autocommit=True, prepare_threshold=2)) as connection:
            install(connection, self._plan.projections, options.generation)
            _prepare(connection, options.generation)
            with connection.cursor() as cursor:
                checkpoints = {
                    name: checkpoint
                    for name, checkpoint in read_checkpoints(cursor, options.generation).items()
                    if name in self._plan.names
                }
                parked = read_parked(cursor, options.generation)
            store = Store(connection, self._plan, options.hot_rows)
            session = _Session(Applier(connection, store, options.generation, parked, self.stats), checkpoints)
            self.stats.parked = parked.count
            self._refuse_uneven_counters(checkpoints)
            self._refuse_too_many_parked(session)
            for checkpoint in set(checkpoints.values()):
                if checkpoint.last_event_id is not None:
                    self._source.verify(checkpoint.position, checkpoint.last_event_id)
            yield session

    def _step(self, session: _Session) -> bool:
        """Apply one batch for the projections that are furthest behind. False when there was nothing."""
        before = session.lowest
        active = [name for name, checkpoint in session.checkpoints.items() if checkpoint.position == before]
        ahead = [c.position for c in session.checkpoints.values() if c.position > before]
        with self.stats.stage("read"):
            batch = self._source.read(before, self._options.batch_events)
        rows = [row for row in batch.rows if row.position <= min(ahead)] if ahead else batch.rows
        if rows:
            plan = self._plan_of(active)
            gc.disable()  # a batch makes many tuples and no cycles
            try:
                with self.stats.stage("decode"):
                    decoded = decode_rows(plan, rows)
                after = session.applier.apply(plan, active, before, decoded)
            finally:
                gc.enable()
            session.checkpoints.update(dict.fromkeys(active, after))
            self._refuse_too_many_parked(session)
        newest = rows[-1].recorded_at if rows else None
        self.stats.saw(session.lowest, max(batch.high_water, session.lowest), newest, self._clock())
        return bool(rows)

    def _plan_of(self, active: Sequence[str]) -> Plan:
        names = frozenset(active)
        if names not in self._narrowed:
            self._narrowed[names] = self._plan.only(names)
        return self._narrowed[names]

    def _refuse_uneven_counters(self, checkpoints: dict[str, Checkpoint]) -> None:
        for follower, followed in self._plan.followed():
            if checkpoints[follower].position != checkpoints[followed].position:
                raise RebuildNeeded(
                    f"{follower} is at {checkpoints[follower].position} and {followed}, whose rows it sums, at "
                    f"{checkpoints[followed].position}: rebuild {follower}"
                )

    def _refuse_too_many_parked(self, session: _Session) -> None:
        count, limit = session.applier.parked.count, self._options.parked_limit_events
        if count > limit:
            raise TooManyParked(f"{count} events are parked, the limit is {limit}; last: {self.stats.last_error}")


def _prepare(connection: psycopg.Connection[Any], generation: str) -> None:
    connection.execute("SELECT set_config('search_path', %s, false)", [generation])
    # Rows are looked up by key alone; a plan made when a table was small must not read it whole later.
    connection.execute("SELECT set_config('enable_seqscan', 'off', false)")
    connection.execute("SELECT set_config('plan_cache_mode', 'force_custom_plan', false)")
