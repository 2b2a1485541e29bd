"""The tables of a generation that is being built: made without keys and indexes, which come last."""

import json
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from drumbeat.projections.engine.bookkeeping import SQL as BOOKS
from drumbeat.projections.engine.install import make_schema, note_installed
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.engine.walls import wall_off
from drumbeat.projections.rebuild.families import tables_of
from drumbeat.projections.rebuild.generations import SQL, State, set_state
from drumbeat.queries import load_queries


def begin(
    connection: psycopg.Connection[Any], projections: Sequence[Projection], *, mark: int, slices: int, events: int
) -> str:
    """Make the tables of a new generation and what is known of its building; its name.

    The connection's login may create schemas. Raises `NotInstalled`.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(BOOKS["take_turns"])
        (number,) = cursor.execute(SQL["next_number"]).fetchone() or (1,)
        generation = f"gen_{number}"
        make_schema(cursor, generation)
        cursor.execute(BOOKS["as_owner"])
        cursor.execute("SELECT set_config('search_path', %s, true)", [generation])
        cursor.execute(BOOKS["engine_tables"])
        for projection in projections:
            cursor.execute(load_queries(projection.sql)["tables"])
            note_installed(cursor, generation, projection)
        set_state(cursor, generation, [p.name for p in projections], State.BUILDING)
        wall_off(cursor, generation)
        statements = _without_keys_and_indexes(cursor, generation)
        arguments = {"generation": generation, "mark": mark, "slices": slices, "events": events}
        cursor.execute(SQL["begin_build"], {**arguments, "indexes": json.dumps(statements)})
        cursor.execute(SQL["begin_slices"], arguments)
    return generation


def _without_keys_and_indexes(cursor: Cursor, generation: str) -> list[str]:
    # Names are told with their schema when it is not in the path. The engine's own table is left as it is.
    cursor.execute("SELECT set_config('search_path', '', true)")
    found = cursor.execute(SQL["keys_and_indexes"], {"generation": generation}).fetchall()
    made = [(again, away) for again, away in found if f"{generation}.streams " not in f"{again} "]
    for _, away in made:
        cursor.execute(_ours(away))
    return [again for again, _ in made]


def make_keys_and_indexes(
    connection: psycopg.Connection[Any],
    projections: Sequence[Projection],
    generation: str,
    statements: Sequence[str],
) -> None:
    """Add up the counters of all slices, and make every key and index; in the caller's transaction."""
    with connection.cursor() as cursor:
        for projection in projections:
            for table in {measures.table for measures in projection.measures}:
                _add_up(cursor, generation, table)
        for statement in statements:
            cursor.execute(_ours(statement))


def tell_planner(connection: psycopg.Connection[Any], projections: Sequence[Projection], generation: str) -> None:
    """Take the statistics of every table."""
    for projection in projections:
        for table in tables_of(projection):
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(generation, table)))


def _add_up(cursor: Cursor, generation: str, table: str) -> None:
    # Each slice has written its own sums.
    name = sql.Identifier(generation, table)
    columns = cursor.execute(SQL["columns_of"], {"table": f"{generation}.{table}"}).fetchall()
    key = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns if column not in ("shard", "value"))
    cursor.execute(
        sql.SQL(
            "WITH parts AS (DELETE FROM {0} RETURNING *) INSERT INTO {0} ({1}, shard, value)"
            " SELECT {1}, 0, sum(value) FROM parts GROUP BY {1} HAVING sum(value) <> 0"
        ).format(name, key)
    )


def drop(connection: psycopg.Connection[Any], projections: Sequence[Projection], generation: str) -> None:
    """Take away some projections of a generation, and the generation with the last of them.

    Whoever feeds them notices, and stops. They must not be live.
    """
    arguments: dict[str, Any] = {"generation": generation, "projections": [p.name for p in projections]}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(BOOKS["take_turns"])
        for statement in ("forget_projections", "forget_checkpoints", "forget_parked"):
            cursor.execute(SQL[statement], arguments)
        cursor.execute(SQL["forget_build"], arguments)
        for projection in projections:
            for table in tables_of(projection):
                cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(generation, table)))
        if cursor.execute(SQL["is_empty"], arguments).fetchone() == (True,):
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(generation)))


def _ours(statement: str) -> bytes:
    # Made by Postgres itself, from what stands in our own files.
    return statement.encode()
