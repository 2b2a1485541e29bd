"""Follow the log and keep read models up to date: through lost connections, other projectors and poison events."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg
import structlog

from drumbeat.access.person_keys import AskKeys, KeysAway, no_keys
from drumbeat.eventstore.connections import NO_DATABASE, open_connection
from drumbeat.eventstore.healing import Heal
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import GENERATION, SQL, CheckpointMoved
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.engine.feeding import feed
from drumbeat.projections.engine.garbage import Garbage
from drumbeat.projections.engine.install import install
from drumbeat.projections.engine.lanes import cut
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.session import Session, open_session
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.engine.work import Work
from drumbeat.transport.source import Places, Reassigned, Source, SourceUnavailable

log = structlog.get_logger(__name__)

_SHORTEST_PAUSE_SECONDS = 0.05
_LOOKS_LEFT_OUT = 9
"""Of ten looks for parked events to be tried again, while there is more to read than one batch."""


class ProjectorStopped(Exception):
    """The base of what a projector cannot go on from by itself."""


class TooManyParked(ProjectorStopped):
    """More events are parked than the limit allows: something is wrong with more than a few streams."""


class GenerationGone(ProjectorStopped):
    """The generation was dropped while it was fed."""


class RebuildNeeded(ProjectorStopped):
    """Counters stand at another position than the rows they are summed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorOptions:
    """`batch_events` is the most that one transaction applies; less is applied as soon as it is there.

    `poll_seconds` is how long one wait for news may last (a source wakes up earlier, and `stop` is seen after it);
    `hot_rows` bounds the rows of each entity that stay in memory; `retry_look_seconds` is how often parked events
    are looked for that are to be tried again. `installs`: tables that are missing are made; else a generation
    without them is `GenerationGone`, so that what is dropped does not come back.
    """

    generation: str = GENERATION
    installs: bool = True
    batch_events: int = 20_000
    poll_seconds: float = 0.2
    parked_limit_events: int = 1_000
    hot_rows: int = 50_000
    longest_pause_seconds: float = 5.0
    retry_look_seconds: float = 0.5


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
        heal: Heal | None = None,
        ask: AskKeys = no_keys,
    ) -> None:
        """`heal` fetches missing events for a source that may lose some; None: the source loses none.

        `ask` gets the keys of persons, anew for every batch; without it, what is sealed has to wait.
        """
        self._ask = ask
        self.stats = ProjectorStats()
        self._source = source
        self._database_url = database_url
        self._options = options or ProjectorOptions()
        self._plan = Plan(projections)
        self._narrowed = {frozenset(self._plan.names): self._plan}
        self._clock = clock
        self._heal = heal
        self._try_again_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set; a lost database is waited for.

        Raises `ProjectorStopped`, and `LogRewound` when the log no longer holds what these rows were made of.
        """
        self._follow(lambda _session: stop.is_set(), stop, up_to=None, deadline=float("inf"))

    def run_until(self, position: int, timeout_seconds: float = 60.0) -> None:
        """Apply everything up to a position and nothing above it. Raises `TimeoutError`, and what `run` raises."""
        self._run_until(lambda session: session.lowest >= position, position, str(position), timeout_seconds)

    def run_to(self, places: Places, timeout_seconds: float = 60.0) -> None:
        """Go on until nothing is before these places, from a source that ends at them. Raises as `run_until`."""
        words = f"{min(place.position for place in places.values())} in {len(places)} partitions"
        self._run_until(lambda session: session.has_reached(places), None, words, timeout_seconds)

    def _run_until(
        self, is_there: Callable[[Session], bool], up_to: int | None, words: str, timeout_seconds: float
    ) -> None:
        deadline = monotonic() + timeout_seconds
        late = threading.Event()

        def is_done(session: Session) -> bool:
            done = is_there(session)
            if not done and monotonic() > deadline:
                late.set()
            return done or late.is_set()

        self._follow(is_done, late, up_to=up_to, deadline=deadline)
        if late.is_set():
            raise TimeoutError(f"the read models are not at {words} yet: {self.stats.last_error}")

    def _follow(
        self, is_done: Callable[[Session], bool], stop: threading.Event, *, up_to: int | None, deadline: float
    ) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        garbage = Garbage()
        while not stop.is_set():
            try:
                with garbage.by_hand(), self._session() as session:
                    while not is_done(session):
                        had_work = self._step(session, up_to)
                        garbage.after_step(self.stats.events, had_work=had_work)
                        if had_work:
                            pause = _SHORTEST_PAUSE_SECONDS
                        else:
                            self._source.wait(self._options.poll_seconds)
                    session.settle()
                    return
            except CheckpointMoved as error:
                self.stats.lost_races += 1
                self.stats.last_error = str(error)
                log.info("another_projector_was_first", problem=str(error))
            except Reassigned as error:
                log.info("partitions_reassigned", now=str(error))
                continue
            except (*NO_DATABASE, SourceUnavailable, KeysAway) as error:
                self.stats.reconnects += 1
                self.stats.last_error = str(error)
                log.warning("projector_waits_for_the_database", problem=str(error).strip(), seconds=pause)
            if monotonic() > deadline:
                stop.set()
            stop.wait(pause)
            pause = min(2 * pause, self._options.longest_pause_seconds)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        generation = self._options.generation
        everything, assigned = self._source.partitions(), self._source.assigned()
        if not assigned <= everything:
            raise SourceUnavailable("a topic was given more partitions: its streams may stand in two of them")
        if self._options.installs:
            with closing(open_connection(self._database_url, settings={})) as connection:
                install(connection, self._plan.projections, generation)
        with closing(self._connect()) as connection:
            self._refuse_gone(connection)
            feed(connection, self._plan.names, generation, everything)
        hot_rows = self._options.hot_rows
        with open_session(
            self._connect, self._plan, generation, hot_rows, self.stats, assigned, self._heal, self._ask
        ) as session:
            self.stats.parked = session.applier.parked.count
            self._refuse_uneven_counters(session)
            for name in self._plan.names:
                if assigned:
                    self._source.verify(session.committed.places_of(name))
            while session.applier.parked.count > self._options.parked_limit_events and session.try_again():
                pass  # whoever put right what was wrong has asked for it
            self._refuse_too_many_parked(session)
            yield session

    def _connect(self) -> psycopg.Connection[Any]:
        return open_connection(self._database_url, settings={}, role=Role.PROJECT)

    def _step(self, session: Session, up_to: int | None) -> bool:
        """Read, decode and fold what comes next, while what came before is written. False: there was nothing."""
        lane = session.reached.next()
        after, active = dict(lane.places), lane.names
        with self.stats.stage("read"):
            delivered = self._source.take(after, self._options.batch_events)
        delivery = cut(delivered, after, session.reached.ceilings(lane), up_to)
        had_work = bool(delivery.reached) or session.is_writing
        if delivery.reached:
            plan = self._plan_of(active)
            with self.stats.stage("decode"):
                decoded = decode_rows(plan, delivery.rows, self._ask, every_type=self._heal is not None)
            session.apply(Work(plan, active, after, decoded, delivery.reached))
        if len(delivery.rows) < self._options.batch_events or self._is_long_behind():
            session.settle()
            self._source.applied(session.committed.next().places)
            self._try_parked_again(session)
        self._refuse_too_many_parked(session)
        places = session.committed.next().places
        self.stats.partitions = {partition: place.position for partition, place in places.items()}
        newest = delivery.rows[-1].recorded_at if delivery.rows else None
        self.stats.saw(session.lowest, max(delivery.high_water, session.lowest), newest, self._clock())
        return had_work

    def _is_long_behind(self) -> bool:
        # Looking costs a moment in which nothing is read: rarely, so that a backlog is not worked off more slowly.
        return monotonic() >= self._try_again_at + _LOOKS_LEFT_OUT * self._options.retry_look_seconds

    def _try_parked_again(self, session: Session) -> None:
        # Also when nothing is known to be parked: whoever parked it may have been another.
        if monotonic() >= self._try_again_at:
            self._try_again_at = monotonic() + self._options.retry_look_seconds
            session.try_again()

    def _plan_of(self, active: Sequence[str]) -> Plan:
        names = frozenset(active)
        if names not in self._narrowed:
            self._narrowed[names] = self._plan.only(names)
        return self._narrowed[names]

    def _refuse_gone(self, connection: psycopg.Connection[Any]) -> None:
        there = dict(connection.execute(SQL["installed"], [self._options.generation]).fetchall())
        gone = [name for name in self._plan.names if name not in there]
        if gone:
            raise GenerationGone(f"{', '.join(gone)} are not in {self._options.generation} any more")

    def _refuse_uneven_counters(self, session: Session) -> None:
        lanes = session.reached
        for follower, followed in self._plan.followed():
            ours, theirs = lanes.places_of(follower), lanes.places_of(followed)
            for partition, place in ours.items():
                if place.position != theirs[partition].position:
                    raise RebuildNeeded(
                        f"{follower} is at {place.position} and {followed}, whose rows it sums, at "
                        f"{theirs[partition].position}: rebuild {follower}"
                    )

    def _refuse_too_many_parked(self, session: Session) -> None:
        count, limit = session.applier.parked.count, self._options.parked_limit_events
        if count > limit:
            raise TooManyParked(f"{count} events are parked, the limit is {limit}; last: {self.stats.last_error}")
