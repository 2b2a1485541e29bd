"""Which generations there are, what each is for, and how far it is."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.rebuild.families import names_of
from drumbeat.queries import load_queries

SQL = load_queries(Path(__file__).with_name("rebuild.sql"))


class State(StrEnum):
    """What a projection's rows in a generation are for."""

    BUILDING = "building"
    """They are being made, by one process; nobody else writes them."""
    BUILT = "built"
    """They are whole and kept up to date, and may go live."""
    LIVE = "live"
    """Readers see them."""
    KEPT = "kept"
    """They were live, and are kept up to date, so that going back is one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A projection in a generation. `version` is that of the definition its rows were made by.

    `position`: everything of the log up to there is in its rows. `rows` is what the planner believes, `size_bytes`
    includes indexes; both are 0 unless they were asked for. `left_at`: when another one last took its place.
    `stage`: of what is being built. `package`: the installed package that brought it, None for Drumbeat's own.
    `passing`: nobody goes on with it, because it was cancelled or made only to be compared. `in_hand`: a process
    works on this generation now.
    """

    projection: str
    generation: str
    version: int
    state: State
    installed_at: datetime
    left_at: datetime | None = None
    stage: str | None = None
    passing: bool = False
    in_hand: bool = False
    position: int = 0
    recorded_at: datetime | None = None
    rows: int = 0
    size_bytes: int = 0
    package: str | None = None
    tables: tuple[str, ...] = ()


def held_at(
    read_url: str, projections: Sequence[Projection], *, sized: bool = False, role: Role = Role.PROJECT
) -> list[Held]:
    """Every projection in every generation of a database, by name and age, known to this code or not.

    `sized`: with rows and bytes, for which the server looks at every table's files. Raises psycopg's errors.
    """
    with (
        closing(open_connection(read_url, settings={"timezone": "UTC"}, role=role)) as connection,
        connection.cursor() as cursor,
    ):
        return _held(cursor, projections, sized=sized)


def _held(cursor: Cursor, projections: Sequence[Projection], *, sized: bool) -> list[Held]:
    places = {(g, p): (position, at) for g, p, position, at in cursor.execute(SQL["places"]).fetchall()}
    rows = cursor.execute(SQL["generations"]).fetchall()
    sizes = _sizes(cursor, sorted({generation for _, generation, *_ in rows})) if sized else {}
    tables = {p.name: p.tables() for p in projections}
    found = []
    for name, generation, version, state, installed_at, left_at, package, made, stage, passing, in_hand in rows:
        position, recorded_at = places.get((generation, name), (0, None))
        # Of what this code does not know, only the books tell which tables it has.
        of_it = tables.get(name, tuple(made or ()))
        own = [sizes.get((generation, table), (0, 0)) for table in of_it]
        found.append(
            Held(
                projection=name,
                generation=generation,
                version=version,
                state=State(state),
                installed_at=installed_at,
                left_at=left_at,
                stage=stage if state == State.BUILDING else None,
                passing=passing and state == State.BUILDING,
                in_hand=in_hand,
                position=position,
                recorded_at=recorded_at,
                rows=sum(count for _, count in own),
                size_bytes=sum(size for size, _ in own),
                package=package,
                tables=of_it,
            )
        )
    return found


def _sizes(cursor: Cursor, generations: Sequence[str]) -> Mapping[tuple[str, str], tuple[int, int]]:
    found = cursor.execute(SQL["sizes"], {"generations": list(generations)}).fetchall()
    return {(generation, table): (size, rows) for generation, table, size, rows in found}


def live_of(found: Collection[Held], projections: Sequence[Projection]) -> str | None:
    """The generation in which a family is live; None when it is not, or not as a whole."""
    names = names_of(projections)
    live = {one.projection: one.generation for one in found if one.state is State.LIVE and one.projection in names}
    return next(iter(live.values())) if len(live) == len(names) and len(set(live.values())) == 1 else None


def fits(found: Collection[Held], generation: str, projections: Sequence[Projection]) -> bool:
    """Whether a generation has all of these projections, made by the definitions of this code."""
    versions = {one.projection: one.version for one in found if one.generation == generation}
    return all(versions.get(p.name) == p.version for p in projections)


def set_state(cursor: Cursor, generation: str, projections: Collection[str], state: State) -> None:
    """What some projections of a generation are for from now on."""
    arguments: dict[str, Any] = {
        "generation": generation,
        "projections": sorted(projections),
        "state": state.value,
    }
    cursor.execute(SQL["set_state"], arguments)
