"""What everything that is done with generations asks: what there is, how far it is, and bringing it further."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild.families import names_of, with_families
from drumbeat.projections.rebuild.generations import SQL, Held, State, held_at, set_state
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.transport.source import LogSource

EVENTS_A_SLICE: Final = 200_000
"""About how many events a slice is cut for; the rows that come of them are in a worker's memory together."""


class RebuildRefused(Exception):
    """A rebuild, a switch or a drop that cannot be; the message says why, and what can be done."""


class Workbench:
    """The databases of the log and of the read models, and every projection of this code. For one thread."""

    def __init__(
        self,
        log_url: str,
        read_url: str,
        known: Callable[[], Sequence[Projection]],
        asking: Callable[[], AbstractContextManager[AskKeys]],
        *,
        workers: int = 1,
        events_a_slice: int = EVENTS_A_SLICE,
        lag_limit_events: int = 20_000,
        say: Callable[[str], None] = lambda _words: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log_url = log_url
        self._read_url = read_url
        self._known = known
        self._projections = tuple(known())
        self._asking = asking
        self._workers = workers
        self._events_a_slice = events_a_slice
        self._lag_limit_events = lag_limit_events
        self._say = say
        self._sleep = sleep

    @property
    def projections(self) -> tuple[Projection, ...]:
        """Every projection of this code."""
        return self._projections

    @property
    def names(self) -> tuple[str, ...]:
        """Every projection's name."""
        return tuple(p.name for p in self._projections)

    def held(self, *, sized: bool = False) -> list[Held]:
        """Every projection in every generation; `sized`: with rows and bytes."""
        return held_at(self._read_url, self._projections, sized=sized)

    def _wanted(self, names: Collection[str]) -> tuple[Projection, ...]:
        unknown = sorted(set(names) - names_of(self._projections))
        if unknown:
            known = ", ".join(p.name for p in self._projections)
            raise RebuildRefused(f"{unknown[0]!r} is no projection: there are {known}")
        return with_families(self._projections, names)

    def _in(self, generation: str, *states: State) -> tuple[Projection, ...]:
        allowed = states or (State.BUILDING,)
        names = {o.projection for o in self.held() if o.generation == generation and o.state in allowed}
        found = tuple(p for p in self._projections if p.name in names)
        if not found:
            words = " or ".join(state.value for state in allowed)
            raise RebuildRefused(f"{generation} holds nothing that is {words}: see what there is with `list`")
        return found

    def _build(self, connection: psycopg.Connection[Any], generation: str) -> dict[str, Any]:
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(SQL["build"], {"generation": generation}).fetchone()
        if row is None or row["cancelled_at"] is not None:
            raise SliceCancelled(f"the building of {generation} was cancelled")
        return row

    def _position_in(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]
    ) -> int:
        found = connection.execute(SQL["places"]).fetchall()
        return min((p for g, name, p, _ in found if g == generation and name in names_of(projections)), default=0)

    def _position_now(self, generation: str, projections: Sequence[Projection]) -> int:
        with closing(self._connect()) as connection:
            return self._position_in(connection, generation, projections)

    def _set_state(self, generation: str, projections: Sequence[Projection], state: State) -> None:
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            set_state(cursor, generation, names_of(projections), state)

    def _connect(self) -> psycopg.Connection[Any]:
        return open_connection(self._read_url, settings={"timezone": "UTC"}, role=Role.PROJECT)

    def _high_water(self) -> int:
        with closing(LogSource(self._log_url)) as source:
            return source.high_water()

    def _bring_to(self, generation: str, projections: Sequence[Projection], position: int) -> None:
        options = ProjectorOptions(generation=generation, poll_seconds=0.01)
        with closing(LogSource(self._log_url)) as source, self._asking() as ask:
            Projector(source, self._read_url, projections, options, ask=ask).run_until(
                position, timeout_seconds=3_600
            )
