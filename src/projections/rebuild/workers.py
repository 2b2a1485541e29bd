"""Those who fold the slices of a generation: any number of processes, each one slice at a time.

A slice belongs to the session that holds its lock, and is in the tables when it is marked as done, both in one
transaction: whoever is killed costs the slice that was under way, and somebody else folds it again.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import structlog

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.reader import BY_STREAM
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.garbage import Garbage
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.store import Store
from drumbeat.projections.rebuild.cutting import Slice
from drumbeat.projections.rebuild.families import names_of
from drumbeat.projections.rebuild.feeds import outdated
from drumbeat.projections.rebuild.generations import SQL, held_at
from drumbeat.projections.rebuild.slices import SliceCancelled, SliceFold

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 1.0
_THROTTLED_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 10.0
_STANDING_STILL_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker needs; it can be sent to another process.

    `known` gives every projection of this code, `names` those that are folded; `asking` opens what gets the keys
    of persons. While the read models that are read are further behind than `lag_limit_events`, and come nearer,
    the worker rests.
    """

    log_url: str
    read_url: str
    generation: str
    known: Callable[[], Sequence[Projection]]
    names: frozenset[str]
    asking: Callable[[], AbstractContextManager[AskKeys]]
    lag_limit_events: int = 20_000


def fold_all(work: Work, workers: int) -> None:
    """Fold every open slice, in this process and in `workers` - 1 more, which end with this one.

    The others only help: a slice of one that failed, or was killed, is folded here, and what failed there fails
    here. Raises as `fold_slices`.
    """
    context = multiprocessing.get_context("spawn")
    helpers = [context.Process(target=_help, args=(work,), daemon=True) for _ in range(workers - 1)]
    for helper in helpers:
        helper.start()
    try:
        fold_slices(work)
        for helper in helpers:
            helper.join()
        _fold_what_was_dropped(work)
    finally:
        for helper in helpers:
            helper.terminate()
            helper.join()


def _fold_what_was_dropped(work: Work) -> None:
    # A server takes a moment to notice that somebody who held a slice is gone.
    until = time.monotonic() + _PATIENCE_SECONDS
    with closing(open_connection(work.read_url, settings={}, role=Role.PROJECT)) as looking:
        while _open(looking, work.generation) and time.monotonic() < until:
            if fold_slices(work) == 0:
                time.sleep(_THROTTLED_SECONDS)


def _help(work: Work) -> None:
    # Ctrl-C is for whoever began this, who ends those that help.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        fold_slices(work)
    except SliceCancelled:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  said here; it is raised where the slice is folded again
        log.warning("rebuild_worker_failed", error=f"{type(error).__name__}: {error}")
        sys.exit(1)


def fold_slices(work: Work) -> int:
    """Fold slices until none is open; how many this worker did. Raises `SliceCancelled`, psycopg's errors,
    `KeysAway`."""
    done, garbage = 0, Garbage()
    with (
        closing(open_connection(work.log_url, settings=BY_STREAM, role=Role.READ)) as reading,
        closing(open_connection(work.read_url, settings={}, role=Role.PROJECT)) as writing,
        closing(open_connection(work.read_url, settings={}, role=Role.PROJECT)) as telling,
        work.asking() as ask,
        garbage.by_hand(),
    ):
        known = work.known()
        plan = Plan([projection for projection in known if projection.name in work.names])
        throttle = _throttle_of(work, known)
        store = Store(writing, plan, 0, work.generation)
        mark, slices = _bounds(telling, work.generation)
        for number in _open(telling, work.generation):
            one = Slice(generation=work.generation, mark=mark, number=number, of=slices)
            if not _is_ours(writing, one):
                continue
            told = _Told(telling, reading, one, throttle)
            with writing.transaction(), writing.cursor() as cursor:
                events = SliceFold(plan, store, reading, writing, ask, told).run(one)
                cursor.execute(
                    SQL["finish_slice"], {"generation": one.generation, "slice": number, "events": events}
                )
            done += 1
    return done


def _bounds(connection: psycopg.Connection[Any], generation: str) -> tuple[int, int]:
    row = connection.execute(SQL["build"], {"generation": generation}).fetchone()
    if row is None:
        raise SliceCancelled(f"{generation} is not being built any more")
    return row[1], row[2]


def _open(connection: psycopg.Connection[Any], generation: str) -> Sequence[int]:
    return [number for (number,) in connection.execute(SQL["open_slices"], {"generation": generation})]


def _is_ours(connection: psycopg.Connection[Any], one: Slice) -> bool:
    asked = {"generation": one.generation, "slice": one.number}
    held = connection.execute(SQL["hold_slice"], asked).fetchone() == (True,)
    return held and connection.execute(SQL["slice_is_done"], asked).fetchone() == (False,)


@dataclass(slots=True)
class _Told:
    """Tells how far a slice is, hears that nobody wants it any more, and rests while readers would feel it."""

    telling: psycopg.Connection[Any]
    reading: psycopg.Connection[Any]
    one: Slice
    throttle: "Throttle"
    _next_look: float = field(default=0.0)

    def __call__(self, events: int) -> None:
        if time.monotonic() < self._next_look:
            return
        self._tell(events)
        while self.throttle.must_rest(self._head(), self._live(), time.monotonic()):
            time.sleep(_THROTTLED_SECONDS)
            self._tell(events)
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def _tell(self, events: int) -> None:
        began = multiprocessing.parent_process()
        if began is not None and not began.is_alive():
            raise SliceCancelled(f"whoever builds {self.one.generation} is gone")
        asked = {"generation": self.one.generation, "slice": self.one.number, "events": events}
        if self.telling.execute(SQL["tell_slice"], asked).fetchone() != (False,):
            raise SliceCancelled(f"the building of {self.one.generation} was cancelled")

    def _head(self) -> int:
        (head,) = self.reading.execute(SQL["head"]).fetchone() or (0,)
        return int(head)

    def _live(self) -> int | None:
        row = self.telling.execute(SQL["live_position"], {"projections": self.throttle.fed}).fetchone()
        return None if row is None else row[0]


@dataclass(slots=True)
class Throttle:
    """Whether a worker has to rest: while the read models `fed` are behind, and come nearer when it rests.

    Of one worker. Those that nobody feeds (no projector runs, or their definition is an older one) would be behind
    for ever.
    """

    limit_events: int
    fed: list[str]
    _seen: int | None = None
    _seen_at: float = 0.0

    def must_rest(self, head: int, live: int | None, now: float) -> bool:
        """`now` in seconds of a clock that only rises."""
        if live is None or head - live <= self.limit_events:
            return False
        if live != self._seen:
            self._seen, self._seen_at = live, now
        return now - self._seen_at < _STANDING_STILL_SECONDS


def _throttle_of(work: Work, known: Sequence[Projection]) -> Throttle:
    own = [projection for projection in known if projection.package is None]
    old = names_of(outdated(held_at(work.read_url, known), own))
    return Throttle(work.lag_limit_events, sorted(names_of(own) - old))
