"""Generations beside one another: compared row by row, put in each other's place, dropped."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import msgspec
import psycopg
import structlog

from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild import building, comparing, going_live
from drumbeat.projections.rebuild.families import names_of
from drumbeat.projections.rebuild.feeds import LOOK_SECONDS
from drumbeat.projections.rebuild.generations import SQL, Held, State, fits, live_of
from drumbeat.projections.rebuild.workbench import RebuildRefused, Workbench, is_ahead, stand_together
from drumbeat.transport.source import Places

log = structlog.get_logger(__name__)

BEHIND_SECONDS: Final = 10.0
"""How long what is live is waited for when it is behind what it is compared with."""

_LOOK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 30.0


class Switching(Workbench):
    """Compares, switches, goes back and drops. For one thread."""

    def compare(self, generation: str, *, samples: int = comparing.SAMPLES) -> list[comparing.TableDifference]:
        """A generation that is built, nearly built, or kept, against what is live, at the same position.

        What is live nowhere yet has nothing to be compared with, and is left out. Raises `RebuildRefused`.
        """
        projections = self._in(generation, State.BUILDING, State.BUILT, State.KEPT)
        found: list[comparing.TableDifference] = []
        with self._left_alone(generation, projections):
            for live, family in self._live(projections).items():
                found += self._compare_with(live, generation, family, samples)
        self._note_compared(generation, found)
        return found

    def _compare_with(
        self, live: str, generation: str, projections: Sequence[Projection], samples: int
    ) -> list[comparing.TableDifference]:
        with self._live_ahead_of(generation, live, projections) as (before, places):
            self._bring_to(generation, projections, places)
            with closing(self._snapshot()) as after:
                reached = self._places(after, generation, projections)
                if reached is None or not stand_together(reached, places):
                    raise RebuildRefused(f"{generation} was brought elsewhere meanwhile: begin again")
                sides = comparing.Side(live, before), comparing.Side(generation, after)
                return comparing.compare(projections, *sides, samples=samples)

    def _live(self, projections: Sequence[Projection]) -> dict[str, list[Projection]]:
        """What is read of these, by the generation in which it is."""
        found, shown = self.held(), dict[str, list[Projection]]()
        for projection in projections:
            generation = live_of(found, [projection])
            if generation is not None:
                shown.setdefault(generation, []).append(projection)
        return shown

    @contextmanager
    def _live_ahead_of(
        self, generation: str, live: str, projections: Sequence[Projection]
    ) -> Iterator[tuple[psycopg.Connection[Any], Places]]:
        """What is live in a snapshot, and where it stands there: a generation can be brought to that from here.

        What is live may be behind for a moment; it is waited for.
        """
        with closing(self._connect()) as connection:
            own = self._places(connection, generation, projections)
        until = time.monotonic() + BEHIND_SECONDS
        while True:
            with closing(self._snapshot()) as before:
                places = self._places(before, live, projections)
                if own is not None and places is not None and not is_ahead(own, places):
                    yield before, places
                    return
            if time.monotonic() > until:
                raise RebuildRefused(f"{generation} is ahead of {live}: let the read models catch up first")
            self._sleep(_LOOK_SECONDS)

    def compared(self, generation: str) -> list[comparing.TableDifference] | None:
        """What differed when a generation was compared last; None when it never was."""
        with closing(self._connect()) as connection:
            row = connection.execute(SQL["compared"], {"generation": generation}).fetchone()
        return None if row is None else msgspec.convert(row[0], list[comparing.TableDifference])

    def _note_compared(self, generation: str, found: Sequence[comparing.TableDifference]) -> None:
        told = msgspec.json.encode(found).decode()
        with closing(self._connect()) as connection:
            connection.execute(SQL["note_compared"], {"generation": generation, "compared": told})

    @contextmanager
    def _left_alone(self, generation: str, projections: Sequence[Projection]) -> Iterator[None]:
        """Meanwhile nobody else feeds a generation; whoever does lets go within a second."""
        names = names_of(projections)
        with self._alone_with(generation) as connection:
            ours = [o for o in self.held() if o.generation == generation and o.projection in names]
            if all(one.state is State.BUILDING for one in ours):
                self._build(connection, generation)
            else:
                self._sleep(2 * LOOK_SECONDS)
            yield

    def go_live(self, generation: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> going_live.Switched:
        """Let readers see a generation that is whole; what they saw is kept. Raises `RebuildRefused`,
        `ReadersInTheWay`."""
        projections = self._in(generation, State.BUILDING, State.BUILT, State.KEPT)
        return self._switch(generation, projections, patience_seconds)

    def roll_back(
        self, names: Collection[str], *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> tuple[str, going_live.Switched]:
        """Let readers see again what they saw before. Raises `RebuildRefused`, `ReadersInTheWay`."""
        generation, ours = self.kept(names)
        return generation, self._switch(generation, ours, patience_seconds)

    def put(self, generation: str, names: Collection[str]) -> going_live.Switched | None:
        """Let readers see some projections of a generation that is whole; None when they do already.

        Raises `RebuildRefused`, `ReadersInTheWay`.
        """
        live = {o.projection for o in self.held() if o.generation == generation and o.state is State.LIVE}
        if live >= set(names):
            return None
        ours = tuple(p for p in self.whole(generation) if p.name in names)
        return self._switch(generation, ours, patience_seconds=_PATIENCE_SECONDS)

    def whole(self, generation: str) -> tuple[Projection, ...]:
        """What of a generation may go live, whoever does it. Raises `RebuildRefused`."""
        projections = self._in(generation, State.BUILT, State.KEPT)
        self._refuse_unfit(self.held(), generation, projections)
        return projections

    def kept(self, names: Collection[str]) -> tuple[str, tuple[Projection, ...]]:
        """The generation that readers saw before, of these projections with their families, and what of it.

        Raises `RebuildRefused`.
        """
        wanted = self._wanted(names)
        found = self.held()
        kept = [
            o
            for o in found
            if o.state is State.KEPT and o.projection in names_of(wanted) and o.left_at is not None
        ]
        if not kept:
            raise RebuildRefused(f"nothing is kept of {', '.join(sorted(names_of(wanted)))}")
        newest = max(kept, key=lambda one: (one.left_at, one.generation))
        back = self._in(newest.generation, State.KEPT)
        self._refuse_unfit(found, newest.generation, back)
        return newest.generation, tuple(p for p in back if p in wanted)

    def _switch(
        self, generation: str, projections: Sequence[Projection], patience_seconds: float
    ) -> going_live.Switched:
        found = self.held()
        self._refuse_unfit(found, generation, projections)
        with closing(self._connect()) as connection:
            switched = going_live.switch(
                connection,
                self._live(self._projections),
                put=generation,
                projections=projections,
                patience_seconds=patience_seconds,
            )
        log.info("gone_live", generation=generation, milliseconds=round(switched.locked_milliseconds, 1))
        return switched

    def _refuse_unfit(self, found: Sequence[Held], generation: str, projections: Sequence[Projection]) -> None:
        if not fits(found, generation, projections):
            raise RebuildRefused(f"the rows of {generation} were made by other definitions than this Drumbeat's")
        ours = [one for one in found if one.generation == generation and one.projection in names_of(projections)]
        unfinished = [one for one in ours if one.stage not in (None, "catching up")]
        if unfinished:
            raise RebuildRefused(f"{generation} is not whole yet: it is at its {unfinished[0].stage}")

    def drop(self, generation: str) -> None:
        """Take away what is kept or built in a generation, and is not live; live or not, what was left there by
        packages that are not installed any more. Raises `RebuildRefused`."""
        going = [one for one in self.held() if one.generation == generation and self._may_go(one)]
        if not going:
            self._in(generation, State.BUILT, State.KEPT)
        views = [table for one in going if one.state is State.LIVE for table in one.tables]
        with closing(self._connect()) as connection:
            building.drop(connection, {one.projection: one.tables for one in going}, generation, views=views)

    def _may_go(self, one: Held) -> bool:
        return self.is_left(one) or (one.projection in self.names and one.state in {State.BUILT, State.KEPT})

    def _snapshot(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return connection
