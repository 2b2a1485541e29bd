"""Every generation that is kept up to date, each by a projector of its own: what is read, what may be, what was.

What comes and goes (a rebuild that is whole, a switch, a drop) is noticed within a second.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Final

import structlog

from drumbeat.access.person_keys import KeysAway
from drumbeat.eventstore.connections import NO_DATABASE, open_connection
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.install import install
from drumbeat.projections.engine.projector import Projector
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.stats import ProjectorStats
from drumbeat.projections.rebuild.families import families, names_of
from drumbeat.projections.rebuild.generations import Held, State, fits, held_at

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.5
"""How often it is looked for what is to be fed."""

_LAST_BATCH_SECONDS: Final = 10.0

OpenProjector = Callable[["Fed", threading.Event], AbstractContextManager[Projector]]
"""Opens a projector for what is to be fed, and closes its source; the event ends what waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Fed:
    """A generation to be kept up to date, with those of its projections that are. `is_live`: some are read.

    `of_packages`: all are those of installed packages, which must not stop what Drumbeat itself shows.
    """

    generation: str
    projections: tuple[Projection, ...]
    is_live: bool

    @property
    def of_packages(self) -> bool:
        return all(projection.package is not None for projection in self.projections)


def wanted(found: Sequence[Held], projections: Sequence[Projection]) -> list[Fed]:
    """What is to be fed: whole families of a generation whose rows were made by the definitions of this code.

    What somebody works on is left alone, unless it is read; when that process ends, it is fed again.
    """
    fed = []
    fit = [one for one in found if one.state is State.LIVE or not (one.state is State.BUILDING or one.in_hand)]
    for generation in dict.fromkeys(one.generation for one in fit):
        own = [one for one in fit if one.generation == generation]
        names = {one.projection for one in own}
        whole = tuple(
            projection
            for family in families(projections)
            if names_of(family) <= names and fits(own, generation, family)
            for projection in family
        )
        if whole:
            is_live = any(one.state is State.LIVE and one.projection in names_of(whole) for one in own)
            fed.append(Fed(generation, whole, is_live))
    return fed


def outdated(found: Sequence[Held], projections: Sequence[Projection]) -> tuple[Projection, ...]:
    """Projections whose live rows this code cannot go on with: with their families they have to be rebuilt."""
    live = [one for one in found if one.state is State.LIVE]
    old: list[Projection] = []
    for family in families(projections):
        names = {one.projection for one in live} & names_of(family)
        generations = {one.generation for one in live if one.projection in names}
        if names and not (len(generations) == 1 and fits(live, next(iter(generations)), family)):
            old += family
    return tuple(old)


def install_new(read_url: str, projections: Sequence[Projection]) -> tuple[str, ...]:
    """Make the families of which there is nothing yet, and name them: readers see them at once, and see them grow.

    Those of packages are left to `renewal.renew_package`, which builds them beside.
    Raises `NotInstalled`, and psycopg's errors.
    """
    new = _new(held_at(read_url, projections), projections)
    if not new:
        return ()
    with closing(open_connection(read_url, settings={})) as connection:
        return install(connection, new, GENERATION)


def _new(found: Sequence[Held], projections: Sequence[Projection]) -> list[Projection]:
    there = {one.projection for one in found}
    ours = [projection for projection in projections if projection.package is None]
    return [p for family in families(ours) if not names_of(family) & there for p in family]


def unbuilt(found: Sequence[Held], projections: Sequence[Projection]) -> tuple[Projection, ...]:
    """Projections of packages that nobody has built to its end yet: readers see nothing of them."""
    whole = {one.projection for one in found if one.state is not State.BUILDING}
    return tuple(p for p in projections if p.package is not None and p.name not in whole)


@dataclass(slots=True)
class _Feed:
    fed: Fed
    stop: threading.Event
    thread: threading.Thread
    stats: ProjectorStats | None = None
    error: BaseException | None = None


@dataclass(slots=True)
class Feeds:
    """All feeds of a process. `run` belongs to one thread; `stats` may be read by any."""

    read_url: str
    projections: Sequence[Projection]
    open_projector: OpenProjector
    _running: dict[str, _Feed] = field(default_factory=dict)
    _given_up: set[Fed] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop` is set; a database that is away is waited for.

        Raises what stops the projector of what is read: `ProjectorStopped`, `LogRewound`, `FeedChanged` …
        """
        try:
            while not stop.is_set():
                try:
                    self._adjust(self._wanted())
                except (*NO_DATABASE, KeysAway) as error:
                    log.warning("feeds_wait_for_the_database", problem=str(error).strip())
                self._look_after()
                stop.wait(LOOK_SECONDS)
        finally:
            for feed in self._running.values():
                feed.stop.set()
            for feed in self._running.values():
                feed.thread.join(_LAST_BATCH_SECONDS)

    def stats(self) -> ProjectorStats:
        """Of what is read, that which is furthest behind."""
        live = [
            feed.stats
            for feed in list(self._running.values())
            if feed.fed.is_live and not feed.fed.of_packages and feed.stats is not None
        ]
        return max(live, key=lambda stats: stats.lag_events, default=ProjectorStats())

    def _wanted(self) -> list[Fed]:
        found = held_at(self.read_url, self.projections)
        if _new(found, self.projections):
            install_new(self.read_url, self.projections)
            found = held_at(self.read_url, self.projections)
        return wanted(found, self.projections)

    def _adjust(self, fed: Sequence[Fed]) -> None:
        by_generation: Mapping[str, Fed] = {one.generation: one for one in fed}
        for generation, feed in list(self._running.items()):
            if by_generation.get(generation) != feed.fed:
                feed.stop.set()
                feed.thread.join(_LAST_BATCH_SECONDS)
                del self._running[generation]
        for generation, one in by_generation.items():
            if generation not in self._running and one not in self._given_up:
                self._start(one)

    def _start(self, fed: Fed) -> None:
        stop = threading.Event()
        thread = threading.Thread(target=self._feed, args=[fed, stop], name=f"feed {fed.generation}", daemon=True)
        self._running[fed.generation] = _Feed(fed, stop, thread)
        log.info(
            "feeding", generation=fed.generation, projections=sorted(names_of(fed.projections)), live=fed.is_live
        )
        thread.start()

    def _feed(self, fed: Fed, stop: threading.Event) -> None:
        feed = self._running[fed.generation]
        try:
            with self.open_projector(fed, stop) as projector:
                feed.stats = projector.stats
                projector.run(stop)
        except BaseException as error:  # noqa: BLE001  handed to the thread that looks after all feeds
            feed.error = error

    def _look_after(self) -> None:
        ended = [feed for feed in self._running.values() if feed.error is not None]
        if not ended:
            return
        try:
            now = set(self._wanted())
        except (*NO_DATABASE, KeysAway):
            return  # looked after when it is back
        for feed in ended:
            del self._running[feed.fed.generation]
            if feed.fed not in now:
                continue  # dropped, or put to another use, before that was seen here
            if feed.fed.is_live and not feed.fed.of_packages:
                assert feed.error is not None
                raise feed.error
            # What is only kept, or a package's, must not stop what is read; it is tried again when something about
            # it changes.
            log.error("feed_given_up", generation=feed.fed.generation, problem=str(feed.error))
            self._given_up.add(feed.fed)
