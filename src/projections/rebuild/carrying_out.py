"""Does what was asked for: rebuilds one after the other, switches as soon as they are asked for.

A rebuild is written down before anybody is told of it, and its generation's name with it: whoever is killed
anywhere, the next one goes on with the same. One process of all is at rebuilds, the one that holds the lock.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog

from drumbeat.access.person_keys import KeysAway
from drumbeat.eventstore.connections import NO_DATABASE, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.rebuild.comparing import TableDifference
from drumbeat.projections.rebuild.generations import State
from drumbeat.projections.rebuild.going_live import ReadersInTheWay
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.requests import REQUESTS
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.projections.rebuild.workbench import InOtherHands, RebuildRefused
from drumbeat.transport.source import SourceUnavailable

log = structlog.get_logger(__name__)

LATER: Final = (*NO_DATABASE, SourceUnavailable, KeysAway, InOtherHands)
"""Nothing is wrong with the rebuild: it goes on when the database is back, has room, or lets go."""

MOST_TRIES: Final = 5
"""Times in a row that somebody may die over a rebuild, or fail at it, before it is given up."""

_LONGEST_PAUSE_SECONDS: Final = 5.0

OpenWork = Callable[..., Rebuild]
"""Makes what rebuilds; takes `workers` and `lag_limit_events`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A rebuild that somebody is at."""

    rebuild_id: UUID
    generation: str
    projections: Sequence[str]
    workers: int
    lag_limit_events: int
    go_live: bool
    tries: int


@dataclass(slots=True)
class CarryingOut:
    """Carries out what was asked for on a database of read models. Each `run` belongs to one thread."""

    read_url: str
    open_work: OpenWork
    look_seconds: float = 1.0

    def run_rebuilds(self, stop: Event) -> None:
        """Rebuild what is asked for until `stop` is set."""
        self._run(stop, self.rebuild_next)

    def run_switches(self, stop: Event) -> None:
        """Switch what is asked for until `stop` is set; a rebuild that is under way does not hold it up."""
        self._run(stop, self.switch_next)

    def _run(self, stop: Event, step: Callable[[], bool]) -> None:
        pause = self.look_seconds
        while not stop.is_set():
            try:
                worked = step()
            except LATER as error:
                log.warning("operation_waits", problem=str(error).strip(), seconds=pause)
            except Exception:
                log.exception("operation_broke")
            else:
                pause = self.look_seconds
                if not worked:
                    stop.wait(self.look_seconds)
                continue
            stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def rebuild_next(self) -> bool:
        """Take the oldest rebuild to its end; False when there is none, or another process is at them.

        Raises those of `LATER`, and what is wrong with the rebuild itself until it has failed too often.
        """
        with closing(self._connect()) as books:
            if books.execute(REQUESTS["hold"]).fetchone() != (True,):
                return False
            self._take_away_cancelled(books)
            row = books.execute(REQUESTS["take_up"]).fetchone()
            if row is None:
                return False
            one = Taken(*row)
            try:
                outcome, problem = self._carried_out(books, one)
            except LATER as error:
                # Told where it is asked for; where not even that is possible, it is taken up as before.
                with suppress(*NO_DATABASE):
                    told = {"rebuild_id": one.rebuild_id, "problem": str(error).strip()}
                    books.execute(REQUESTS["let_go"], told)
                raise
            ended = {"rebuild_id": one.rebuild_id, "outcome": outcome, "problem": problem}
            books.execute(REQUESTS["end"], ended)
            log.info("rebuild_ended", generation=one.generation, outcome=outcome, problem=problem)
        return True

    def _take_away_cancelled(self, books: psycopg.Connection[Any]) -> None:
        # Those whose builder was told, and those whose builder is no more.
        work = self.open_work()
        for (generation,) in books.execute(REQUESTS["cancelled_builds"]).fetchall():
            with suppress(RebuildRefused):
                work.cancel(generation)

    def _carried_out(self, books: psycopg.Connection[Any], one: Taken) -> tuple[str, str | None]:
        work = self.open_work(workers=one.workers, lag_limit_events=one.lag_limit_events)
        try:
            self._build(books, work, one)
            return self._put_in_place(books, work, one)
        except SliceCancelled:
            self._give_up(work, one)
            return "cancelled", None
        except InOtherHands:
            raise
        except RebuildRefused as refused:
            self._give_up(work, one)
            return "failed", str(refused)

    def _build(self, books: psycopg.Connection[Any], work: Rebuild, one: Taken) -> None:
        if one.tries > MOST_TRIES:
            raise RebuildRefused(f"given up after {MOST_TRIES} tries; the log of the process says why")
        self._refuse_cancelled(books, one)
        if not self._is_whole(work, one):
            work.begin(one.projections, one.generation)
            # Whoever cancelled before there was a building could not tell it.
            self._refuse_cancelled(books, one)
            work.build(one.generation)

    def _is_whole(self, work: Rebuild, one: Taken) -> bool:
        # Whoever was killed between the last step and its note did that step.
        states = {held.state for held in work.held() if held.generation == one.generation}
        return bool(states) and State.BUILDING not in states

    def _put_in_place(self, books: psycopg.Connection[Any], work: Rebuild, one: Taken) -> tuple[str, str | None]:
        if any(held.generation == one.generation and held.state is State.LIVE for held in work.held()):
            return "live", None
        try:
            differences = work.compare(one.generation)
        except InOtherHands:
            raise
        except RebuildRefused as refused:
            self._keep(work, one)
            return "built", str(refused)
        told = json.dumps([_counted(each) for each in differences])
        books.execute(REQUESTS["note_differences"], {"rebuild_id": one.rebuild_id, "differences": told})
        self._refuse_cancelled(books, one)
        problem = None
        if one.go_live and not any(each.differs for each in differences):
            try:
                work.go_live(one.generation)
            except (ReadersInTheWay, RebuildRefused) as refused:
                problem = str(refused)
            else:
                return "live", None
        self._keep(work, one)
        return "built", problem

    def _keep(self, work: Rebuild, one: Taken) -> None:
        if not self._is_whole(work, one):
            work.keep_up_to_date(one.generation)

    def _give_up(self, work: Rebuild, one: Taken) -> None:
        # What is only half there is of no use, and takes the room that the next one needs.
        with suppress(RebuildRefused):
            work.cancel(one.generation)

    def _refuse_cancelled(self, books: psycopg.Connection[Any], one: Taken) -> None:
        if books.execute(REQUESTS["is_cancelled"], {"rebuild_id": one.rebuild_id}).fetchone() != (False,):
            raise SliceCancelled(f"the building of {one.generation} was cancelled")

    def switch_next(self) -> bool:
        """Do the oldest switch that is asked for; False when there is none, or others are at them."""
        with closing(self._connect()) as books, books.transaction():
            row = books.execute(REQUESTS["take_switch"]).fetchone()
            if row is None:
                return False
            switch_id, generation, projections = row
            told = {"switch_id": switch_id, "locked_milliseconds": None, "problem": None}
            try:
                switched = self.open_work().put(generation, projections)
            except (RebuildRefused, ReadersInTheWay) as refused:
                told["problem"] = str(refused)
            else:
                told["locked_milliseconds"] = None if switched is None else switched.locked_milliseconds
            books.execute(REQUESTS["end_switch"], told)
            log.info("switch_ended", generation=generation, **told)
        return True

    def _connect(self) -> psycopg.Connection[Any]:
        return open_connection(self.read_url, settings={"timezone": "UTC"}, role=Role.PROJECT)


def _counted(one: TableDifference) -> dict[str, Any]:
    """A table's differences as anybody who may ask for rebuilds may see them: numbers, and nothing of the rows."""
    names = ("projection", "table", "rows", "same", "changed", "appeared", "gone", "columns")
    return {name: getattr(one, name) for name in names}
