"""Put one generation of some projections in the place of another, for readers: all views in one transaction."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from drumbeat.projections.engine.bookkeeping import SQL as BOOKS
from drumbeat.projections.engine.install import grant, make_views
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.engine.walls import wall_off
from drumbeat.projections.rebuild.generations import SQL, State, set_state
from drumbeat.projections.rebuild.workbench import RebuildRefused

LOCK_MILLISECONDS: Final = 50
"""Readers that come meanwhile wait no longer than this for the views; then it is tried again a little later."""

_PAUSE_SECONDS: Final = 0.1


class ReadersInTheWay(Exception):
    """Readers held the views all the time; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch took. `locked_milliseconds`: how long the views were locked in the try that succeeded."""

    tries: int
    locked_milliseconds: float


def switch(
    connection: psycopg.Connection[Any],
    live: Mapping[str, Sequence[Projection]],
    *,
    put: str,
    projections: Sequence[Projection],
    patience_seconds: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Switched:
    """Let readers see `projections` in the generation `put`; what they saw before is kept.

    `live`: what is live now, by generation. Readers never see a view that is not there, and wait at most
    `LOCK_MILLISECONDS` for one. The connection is of the projectors' role. Raises `ReadersInTheWay`,
    and `RebuildRefused` when what is to be read is there no more.
    """
    deadline = time.monotonic() + patience_seconds
    tries = 0
    while True:
        tries += 1
        try:
            return Switched(tries, _try(connection, live, put, projections))
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise ReadersInTheWay(
                    f"readers have held the views for {patience_seconds:g} s; nothing was changed, try again"
                ) from error
            sleep(_PAUSE_SECONDS)


def _try(
    connection: psycopg.Connection[Any],
    live: Mapping[str, Sequence[Projection]],
    put: str,
    new: Sequence[Projection],
) -> float:
    names = {projection.name for projection in new}
    shown = {p: generation for generation, family in live.items() for p in family if p.name not in names}
    shown |= dict.fromkeys(new, put)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
        cursor.execute(BOOKS["take_turns"])
        if cursor.execute(SQL["can_be_read"], {"generation": put, "projections": sorted(names)}).fetchone() != (
            True,
        ):
            raise RebuildRefused(f"{put} was cancelled or dropped meanwhile")
        for generation, family in live.items():
            set_state(cursor, generation, {p.name for p in family} & names, State.KEPT)
        set_state(cursor, put, names, State.LIVE)
        began = time.perf_counter()
        try:
            with connection.transaction():
                _replace(cursor, {p: generation for p, generation in shown.items() if p.name in names})
        except (psycopg.errors.InvalidTableDefinition, psycopg.errors.UndefinedColumn):
            # The columns are others, not only more at the end: readers find other views, in the same moment.
            _drop_views(cursor)
            _replace(cursor, shown)
        wall_off(cursor, put)
    return (time.perf_counter() - began) * 1_000


def _replace(cursor: Cursor, shown: Mapping[Projection, str]) -> None:
    for projection, generation in shown.items():
        cursor.execute("SELECT set_config('search_path', %s, true)", [generation])
        script = projection.script()
        make_views(cursor, script)
        grant(cursor, script)


def _drop_views(cursor: Cursor) -> None:
    for (view,) in cursor.execute(SQL["views"]).fetchall():
        cursor.execute(sql.SQL("DROP VIEW IF EXISTS live.{} CASCADE").format(sql.Identifier(view)))
