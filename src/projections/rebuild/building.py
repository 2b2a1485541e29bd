"""The tables of a generation that is being built: made without keys and indexes, which come last."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from drumbeat.projections.engine.bookkeeping import SQL as BOOKS
from drumbeat.projections.engine.continuity import STREAMS
from drumbeat.projections.engine.install import note_installed
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.engine.walls import wall_off
from drumbeat.projections.rebuild.generations import SQL, State, set_state
from drumbeat.projections.rebuild.workbench import RebuildRefused


def begin(
    connection: psycopg.Connection[Any],
    projections: Sequence[Projection],
    *,
    mark: int,
    slices: int,
    events: int,
    passing: bool = False,
    name: str | None = None,
) -> str:
    """Make the tables of a new generation and what is known of its building; its name: a free one, or that given.

    The connection is of the projectors' role.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(BOOKS["take_turns"])
        generation = name or next_name(cursor)
        cursor.execute(SQL["make_generation"], [generation])
        cursor.execute("SELECT set_config('search_path', %s, true)", [generation])
        cursor.execute(BOOKS["engine_tables"])
        for projection in projections:
            cursor.execute(projection.script()["tables"])
            note_installed(cursor, generation, projection)
        set_state(cursor, generation, [p.name for p in projections], State.BUILDING)
        wall_off(cursor, generation)
        statements = _without_keys_and_indexes(cursor, generation)
        arguments = {
            "generation": generation,
            "mark": mark,
            "slices": slices,
            "events": events,
            "passing": passing,
        }
        cursor.execute(SQL["begin_build"], {**arguments, "indexes": json.dumps(statements)})
        cursor.execute(SQL["begin_slices"], arguments)
    return generation


def next_name(cursor: Cursor) -> str:
    """The name of a generation that was never used. Who takes it has taken its turn."""
    (number,) = cursor.execute(SQL["next_number"]).fetchone() or (1,)
    return f"gen_{number}"


def _without_keys_and_indexes(cursor: Cursor, generation: str) -> list[tuple[str, str]]:
    made = keys_and_indexes(cursor, generation)
    for _, _, away in made:
        cursor.execute(away.encode())
    return [(table, again) for table, again, _ in made]


def keys_and_indexes(cursor: Cursor, generation: str) -> list[tuple[str, str, str]]:
    """What the tables of a generation have of both: the table, what makes it, what takes it away; keys first.

    The engine's own table is left out: it keeps its key.
    """
    # Names are told with their schema when it is not in the path.
    cursor.execute("SELECT set_config('search_path', '', false)")
    found = cursor.execute(SQL["keys_and_indexes"], {"generation": generation}).fetchall()
    return [(table, again, away) for table, again, away in found if table != STREAMS.table]


def drop(
    connection: psycopg.Connection[Any],
    tables: Mapping[str, Sequence[str]],
    generation: str,
    *,
    views: Collection[str] = (),
) -> None:
    """Take away some projections of a generation with their tables, and the generation with the last of them.

    Whoever feeds them notices, and stops. With `views`, those through which they are read go as well; without,
    raises `RebuildRefused` when some of them are read.
    """
    arguments: dict[str, Any] = {"generation": generation, "projections": list(tables)}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(BOOKS["take_turns"])
        if not views and cursor.execute(SQL["are_read"], arguments).fetchone() == (True,):
            raise RebuildRefused(f"{generation} has gone live meanwhile")
        for statement in ("forget_projections", "forget_checkpoints", "forget_parked"):
            cursor.execute(SQL[statement], arguments)
        cursor.execute(SQL["forget_build"], arguments)
        for view in views:
            cursor.execute(sql.SQL("DROP VIEW IF EXISTS live.{}").format(sql.Identifier(view)))
        for table in (table for some in tables.values() for table in some):
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(generation, table)))
        if cursor.execute(SQL["is_empty"], arguments).fetchone() == (True,):
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(generation)))
