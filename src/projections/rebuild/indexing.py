"""What comes once all slices are in the tables: counters added up, keys, indexes and statistics, table by table.

Several tables at once, each over a connection of its own and in a transaction of its own. Whoever is killed goes
on with the tables that are left: a key or an index that is there is not made again, and sums that were added up
add up to themselves.
"""

import queue
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import psycopg
from psycopg import sql

from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.table import Cursor
from drumbeat.projections.rebuild.building import keys_and_indexes
from drumbeat.projections.rebuild.generations import SQL

Connect = Callable[[], psycopg.Connection[Any]]


def finish_tables(
    connect: Connect,
    projections: Sequence[Projection],
    generation: str,
    wanted: Sequence[tuple[str, str]],
    *,
    at_once: int,
) -> None:
    """Finish every table of a generation; `wanted`: a table, and what makes a key or index of it.

    The largest tables come first, so that they are not what is waited for in the end. Raises psycopg's errors.
    """
    counters = {measures.table for projection in projections for measures in projection.measures}
    with closing(connect()) as connection, connection.cursor() as cursor:
        made = {again for _, again, _ in keys_and_indexes(cursor, generation)}
        by_size = [name for (name,) in cursor.execute(SQL["largest_first"], {"generation": generation})]
    missing: dict[str, list[str]] = {table: [] for table in by_size}
    for table, again in wanted:
        if again not in made:
            missing[table].append(again)
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for table in missing:
        left.put(table)
    with ThreadPoolExecutor(at_once, thread_name_prefix="indexes") as threads:
        for done in [
            threads.submit(_finish_what_is_left, connect, generation, left, missing, counters)
            for _ in range(at_once)
        ]:
            done.result()


def _finish_what_is_left(
    connect: Connect,
    generation: str,
    left: "queue.SimpleQueue[str]",
    missing: Mapping[str, Sequence[str]],
    counters: Collection[str],
) -> None:
    with closing(connect()) as connection, connection.cursor() as cursor, suppress(queue.Empty):
        while True:
            table = left.get_nowait()
            with connection.transaction():
                if table in counters:
                    _add_up(cursor, generation, table)
                for statement in missing[table]:
                    # Made by Postgres itself, from what stands in our own files.
                    cursor.execute(statement.encode())
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(generation, table)))


def _add_up(cursor: Cursor, generation: str, table: str) -> None:
    # Each slice has written sums of its own, and of many campaigns several.
    name = sql.Identifier(generation, table)
    columns = cursor.execute(SQL["columns_of"], {"table": f"{generation}.{table}"}).fetchall()
    key = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns if column not in ("shard", "value"))
    cursor.execute(
        sql.SQL(
            "WITH parts AS (DELETE FROM {0} RETURNING *) INSERT INTO {0} ({1}, shard, value)"
            " SELECT {1}, 0, sum(value) FROM parts GROUP BY {1} HAVING sum(value) <> 0"
        ).format(name, key)
    )
