"""A rebuild from its first table to the moment when readers see it. Always from the log.

1. A mark is taken, below which the log never changes, and tables without keys and indexes are made.
2. Workers fold the log up to the mark, slice by slice of its streams, and copy the rows in.
3. Keys and indexes are made, some tables at once; a projector brings all up to where the live ones are.
4. Both are compared row by row at the same position.
5. The views are put on the new one; the old one is kept, and fed, until it is dropped.

Whoever is killed anywhere goes on where it was: `Rebuild.begin` finds the generation that is being built.
"""

import shutil
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import structlog

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild import building, comparing
from drumbeat.projections.rebuild.cutting import how_many
from drumbeat.projections.rebuild.families import names_of
from drumbeat.projections.rebuild.generations import SQL, Held, State, live_of
from drumbeat.projections.rebuild.indexing import finish_tables
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.projections.rebuild.switching import Switching
from drumbeat.projections.rebuild.workbench import InOtherHands, RebuildRefused
from drumbeat.projections.rebuild.workers import Work, fold_all
from drumbeat.transport.source import LOG, Checkpoint, LogRewound, LogSource, Places, event_id_of

log = structlog.get_logger(__name__)

_MOST_STEPS: Final = 20
_USUAL_EVENTS_A_SECOND: Final = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the building of a generation is."""

    generation: str
    projections: Sequence[str]
    stage: str
    slices_done: int
    slices: int
    events: int
    events_expected: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a rebuild would take, as far as one can tell; `seconds` at the usual rate."""

    projections: Sequence[str]
    events: int
    slices: int
    workers: int
    size_bytes: int
    seconds: float
    free_words: str


class Rebuild(Switching):
    """What an operator does with generations. For one thread.

    `known` gives every projection of this code; those that go together are rebuilt together. `asking` opens what
    gets the keys of persons. Both are sent to other processes when there is more than one worker.
    """

    def progress(self) -> list[Progress]:
        """How far everything is that is being built, and was not given up meanwhile."""
        found = self.held()
        told: list[Progress] = []
        with closing(self._connect()) as connection:
            for generation in sorted({one.generation for one in found if one.state is State.BUILDING}):
                with suppress(SliceCancelled):
                    told.append(self._progress(connection, generation, found))
        return told

    def _progress(self, connection: psycopg.Connection[Any], generation: str, found: Sequence[Held]) -> Progress:
        build = self._build(connection, generation)
        row = connection.execute(SQL["progress"], {"generation": generation}).fetchone()
        done, slices, events = row or (0, 0, 0)
        names = [one.projection for one in found if one.generation == generation]
        return Progress(
            generation=generation,
            projections=names,
            stage=build["stage"],
            slices_done=done,
            slices=slices,
            events=int(events),
            events_expected=build["events"],
            seconds=(datetime.now(UTC) - build["started_at"]).total_seconds(),
        )

    def expected(self, names: Collection[str]) -> Expected:
        """What rebuilding these, with their families, would take. Raises `RebuildRefused`."""
        wanted = self._wanted(names)
        mark, size = self._high_water(), self._live_bytes(wanted)
        return Expected(
            projections=[p.name for p in wanted],
            events=mark,
            slices=how_many(mark, self._workers, self._events_a_slice),
            workers=self._workers,
            size_bytes=size,
            seconds=mark / (_USUAL_EVENTS_A_SECOND * self._workers),
            free_words=self._free_words(size),
        )

    def _live_bytes(self, projections: Sequence[Projection]) -> int:
        names = names_of(projections)
        return sum(
            one.size_bytes for one in self.held(sized=True) if one.state is State.LIVE and one.projection in names
        )

    def _free_words(self, size_bytes: int) -> str:
        free = self._free_bytes()
        if free is None:
            return "how much is free there cannot be seen from here"
        return f"{free / 2**20:,.0f} MiB are free" + ("" if free > 2 * size_bytes else ", which is too little")

    def _free_bytes(self) -> int | None:
        # Where the server's files can be seen: on this machine.
        with closing(self._connect()) as connection:
            (folder,) = connection.execute(SQL["data_directory"]).fetchone() or (None,)
        try:
            return None if folder is None else shutil.disk_usage(folder).free
        except OSError:
            return None

    def begin(self, names: Collection[str], generation: str | None = None, *, passing: bool = False) -> str:
        """The generation in which these projections, with their families, are being built; begun if need be.

        `generation`: it is to be this one, whose name is nobody else's, and no other. `passing`: it is made only
        to be compared. What nobody goes on with is taken away first. Raises `RebuildRefused` for a name that is
        none, and when some of them are being built in other company.
        """
        wanted = self._wanted(names)
        found = self._without_leftovers(names_of(wanted))
        going = {
            one.generation for one in found if one.state is State.BUILDING and one.projection in names_of(wanted)
        }
        for other in going:
            together = {one.projection for one in found if one.generation == other}
            if together != names_of(wanted) or generation not in (None, other):
                raise RebuildRefused(
                    f"{other} is being built with {', '.join(sorted(together))}: let it end, or cancel it"
                )
            return other
        mark = self._high_water()
        slices = how_many(mark, self._workers, self._events_a_slice)
        size, free = self._live_bytes(wanted), self._free_bytes()
        if free is not None and free < 2 * size:
            raise RebuildRefused(
                f"about {2 * size / 2**20:,.0f} MiB are needed for a while and {free / 2**20:,.0f} are free:"
                " make room, or drop a generation that is only kept"
            )
        with closing(self._connect()) as connection:
            begun = building.begin(
                connection, wanted, mark=mark, slices=slices, events=mark, passing=passing, name=generation
            )
        log.info("rebuild_begun", generation=begun, projections=sorted(names_of(wanted)), mark=mark)
        return begun

    def build(self, generation: str) -> None:
        """Fold, index and bring up to date what is being built, or go on with it. It may be killed anywhere.

        Raises `RebuildRefused` when another process builds it, and `SliceCancelled` when it is taken away.
        """
        projections = self._in(generation)
        with self._alone_with(generation) as connection:
            try:
                self._build_in_stages(connection, generation, projections)
            except SliceCancelled:
                # Who cancelled it could not take it away while it was in our hands.
                _take_away(connection, generation, projections)
                raise

    def _build_in_stages(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]
    ) -> None:
        build = self._build(connection, generation)
        if build["stage"] == "slices":
            self._fold(connection, generation, projections)
            with connection.transaction():
                self._stand_at_mark(connection, generation, projections, build["mark"])
                connection.execute(SQL["reach_stage"], {"generation": generation, "stage": "indexes"})
        if self._build(connection, generation)["stage"] == "indexes":
            self._say("making keys and indexes")
            finish_tables(self._connect, projections, generation, build["indexes"], at_once=self._workers)
            connection.execute(SQL["reach_stage"], {"generation": generation, "stage": "catching up"})
        self._say("catching up")
        self._catch_up(connection, generation, projections)

    def _fold(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]
    ) -> None:
        work = Work(
            log_url=self._log_url,
            read_url=self._read_url,
            generation=generation,
            known=self._known,
            names=names_of(projections),
            asking=self._asking,
            lag_limit_events=self._lag_limit_events,
        )
        fold_all(work, self._workers)
        if connection.execute(SQL["open_slices"], {"generation": generation}).fetchone() is not None:
            raise InOtherHands(f"slices of {generation} are in other hands still: begin again to go on")

    def _stand_at_mark(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection], mark: int
    ) -> None:
        with closing(open_connection(self._log_url, settings={}, role=Role.READ)) as log_connection:
            last = log_connection.execute(SQL["last_at_mark"], {"mark": mark}).fetchone()
        position, raw, recorded_at = last or (0, b"", None)
        arguments = {
            "generation": generation,
            "projections": sorted(names_of(projections)),
            "position": position,
            "event_id": event_id_of(raw) if raw else None,
            "recorded_at": recorded_at,
        }
        connection.execute(SQL["stand_at"], arguments)

    def _catch_up(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]
    ) -> None:
        # Each step is as long as what came during the one before.
        reached = -1
        for _ in range(_MOST_STEPS):
            self._build(connection, generation)
            places = self._live_places(projections)
            lowest = min(place.position for place in places.values())
            if lowest <= reached:
                return
            self._bring_to(generation, projections, places)
            reached = lowest

    def _live_places(self, projections: Sequence[Projection]) -> Places:
        # Where nothing is live yet, or not all of it together, the log says how far one can go.
        live = live_of(self.held(), projections)
        if live is not None:
            with closing(self._snapshot()) as connection:
                places = self._places(connection, live, projections)
            if places is not None:
                return places
        return {LOG: Checkpoint(self._high_water())}

    def keep_up_to_date(self, generation: str) -> None:
        """What was built is whole: whoever feeds read models feeds it too. Raises `RebuildRefused`."""
        self._set_state(generation, self._in(generation, State.BUILDING), State.BUILT)

    def verify(
        self, names: Collection[str], *, samples: int = comparing.SAMPLES
    ) -> list[comparing.TableDifference]:
        """What differs between the rows that are read and those of a fresh fold of the log; nothing is kept of it.

        A counter that is not the sum of the rows behind it differs too: the fresh ones are. Raises `LogRewound`
        when the log no longer holds the event that a checkpoint names, and what building raises.
        """
        wanted = names_of(self._wanted(names))
        found = self._without_leftovers(wanted)
        if any(one.state is State.BUILDING and one.projection in wanted for one in found):
            raise RebuildRefused("these are being rebuilt now: that compares them too")
        self._check_places(wanted)
        generation = self.begin(names, passing=True)
        try:
            self.build(generation)
            return self.compare(generation, samples=samples)
        finally:
            self.cancel(generation)

    def _check_places(self, names: Collection[str]) -> None:
        with closing(self._connect()) as connection, closing(LogSource(self._log_url)) as source:
            places = connection.execute(SQL["live_places"]).fetchall()
            for name, partition, position, event_id in places:
                if name not in names:
                    continue
                if partition == LOG and event_id is not None:
                    source.verify_event(position, event_id)
                elif partition != LOG and position > source.high_water():
                    # A consumer's place may be that of a watermark, which is no event; it is never above the log.
                    raise LogRewound(position, event_id, None)

    def cancel(self, generation: str) -> None:
        """Give up what is being built, and take its tables away; who builds it just now does that, within seconds.

        Raises `RebuildRefused`.
        """
        projections = self._in(generation, State.BUILDING)
        with closing(self._connect()) as connection:
            connection.execute(SQL["cancel"], {"generation": generation})
        with suppress(InOtherHands), self._alone_with(generation) as connection:
            _take_away(connection, generation, projections)

    def _without_leftovers(self, names: Collection[str]) -> list[Held]:
        # Of a cancel or a verification that was killed: nobody else would ever take it away.
        found = self.held()
        left = {o.generation for o in found if o.passing and not o.in_hand and o.projection in names}
        for generation in left:
            self.cancel(generation)
        return self.held() if left else found


def _take_away(connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]) -> None:
    building.drop(connection, {p.name: p.tables() for p in projections}, generation)
