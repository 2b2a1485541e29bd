"""What everything that is done with generations asks: what there is, how far it is, and bringing it further."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.healing import FromLog
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import read_checkpoints
from drumbeat.projections.engine.feeding import FeedChanged, fed_from
from drumbeat.projections.engine.projector import GenerationGone, Projector, ProjectorOptions
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.models import installed
from drumbeat.projections.own.found import installed_names
from drumbeat.projections.rebuild.families import names_of, with_families
from drumbeat.projections.rebuild.generations import SQL, Held, State, held_at, set_state
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.transport.log_in_partitions import LogInPartitions
from drumbeat.transport.source import LOG, LogSource, Places, how_far, is_before

EVENTS_A_SLICE: Final = 200_000
"""About how many events a slice is cut for: what a worker that is killed has done for nothing."""

_PATIENCE_SECONDS: Final = 3_600.0


class RebuildRefused(Exception):
    """A rebuild, a switch or a drop that cannot be; the message says why, and what can be done."""


class InOtherHands(RebuildRefused):
    """Another process is at it; it may be tried again a little later."""


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
        role: Role = Role.PROJECT,
    ) -> None:
        """`role`: on the read models; `OPERATE` may look and ask what can be done, and do none of it."""
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
        self._role = role

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
        return held_at(self._read_url, self._projections, sized=sized, role=self._role)

    def is_left(self, one: Held) -> bool:
        """Whether it was left behind by a package that is not installed any more."""
        return one.package is not None and one.projection not in {*self.names, *installed_names()}

    def _wanted(self, names: Collection[str]) -> tuple[Projection, ...]:
        unknown = sorted(set(names) - names_of(self._projections))
        if unknown:
            refused = [one for one in installed().refused if one.name == unknown[0]]
            if refused:
                raise RebuildRefused(str(refused[0]))
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

    @contextmanager
    def _alone_with(self, generation: str) -> Iterator[psycopg.Connection[Any]]:
        """Nobody else builds, compares or cancels a generation meanwhile, or feeds what of it is not read. It ends
        with this process, however that ends. Raises `InOtherHands`."""
        with closing(self._connect()) as connection:
            if connection.execute(SQL["one_at_a_time"], {"number": int(generation[4:])}).fetchone() != (True,):
                raise InOtherHands(f"another process builds {generation}, or compares it: watch it, or cancel it")
            yield connection

    def _places(
        self, connection: psycopg.Connection[Any], generation: str, projections: Sequence[Projection]
    ) -> Places | None:
        """Where some projections of a generation stand; None while they do not all stand together."""
        with connection.cursor() as cursor:
            fed = fed_from(cursor, generation)
            partitions = frozenset[str]().union(*(names for names, _, _ in fed.values()))
            found = read_checkpoints(cursor, generation, partitions)
        own = [found.get(projection.name, {}) for projection in projections]
        together = own and all(stand_together(own[0], one) for one in own)
        return own[0] if together and own[0] else None

    def _set_state(self, generation: str, projections: Sequence[Projection], state: State) -> None:
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            set_state(cursor, generation, names_of(projections), state)

    def _connect(self) -> psycopg.Connection[Any]:
        return open_connection(self._read_url, settings={"timezone": "UTC"}, role=self._role)

    def _high_water(self) -> int:
        with closing(LogSource(self._log_url)) as source:
            return source.high_water()

    def _bring_to(self, generation: str, projections: Sequence[Projection], places: Places) -> None:
        """Apply from the log what is between a generation and these places, and nothing behind them.

        From then on it stands in the partitions that the places name. Raises `RebuildRefused`.
        """
        options = ProjectorOptions(generation=generation, installs=False, poll_seconds=0.01)
        with (
            closing(LogSource(self._log_url)) as source,
            closing(FromLog(self._log_url)) as heal,
            self._asking() as ask,
        ):
            try:
                if LOG in places:
                    projector = Projector(source, self._read_url, projections, options, ask=ask)
                    projector.run_until(places[LOG].position, _PATIENCE_SECONDS)
                else:
                    joining = LogInPartitions(source, places)
                    projector = Projector(joining, self._read_url, projections, options, heal=heal, ask=ask)
                    projector.run_to(places, _PATIENCE_SECONDS)
            except (FeedChanged, GenerationGone) as error:
                raise RebuildRefused(str(error)) from error


def stand_together(one: Places, other: Places) -> bool:
    """Whether two stand at the same places of the same partitions."""
    return one.keys() == other.keys() and all(
        how_far(place) == how_far(other[name]) for name, place in one.items()
    )


def is_ahead(one: Places, other: Places) -> bool:
    """Whether the first has something that the second may not have yet."""
    if one.keys() == other.keys():
        return any(is_before(other[name], place) for name, place in one.items())
    # Fed from elsewhere: only positions can be compared.
    return max(place.position for place in one.values()) > min(place.position for place in other.values())
