"""The floor of `live`: read the same log in the same batches, and write the rows that each changes with COPY.

The rows are known beforehand. They go into tables like the read models' with the same indexes, none of them
unique: a row that ten batches change is written ten times, as the projector has to, but added, not changed.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, cast

import psycopg
from psycopg import sql

from benchmarks.keys import given_keys
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine.bookkeeping import GENERATION, ParkedStreams
from drumbeat.projections.engine.decode import decode_rows, hold_back
from drumbeat.projections.engine.fold import Changes, fold_batch
from drumbeat.projections.engine.hot import HotRows
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.rows import COPY_OPTIONS, csv_lines
from drumbeat.projections.engine.store import Store
from drumbeat.projections.engine.table import Table
from drumbeat.transport.source import LogSource

BATCH = 5_000
Written = Sequence[Mapping[str, bytes]]
_COPY = sql.SQL("COPY floor.{} ({}) FROM STDIN WITH ({})")


class NothingStored(Table[Any]):
    """Stands for a table of which everything is at hand."""

    def __init__(self, real: Table[Any]) -> None:
        self.key = real.key

    def load(self, cursor: Any, keys: Any, decoder: Any) -> list[Any]:
        del cursor, keys, decoder
        return []


def rows_of_batches(url: str) -> Written:
    """What every batch of the log writes, by table, as it goes to Postgres."""
    plan = Plan(PROJECTIONS)
    with closing(psycopg.connect(url, autocommit=True)) as connection, closing(LogSource(url)) as source:
        store = Store(connection, plan, 0)
        hot = [HotRows(entity, NothingStored(store.tables[entity.table]), 10**9) for entity in plan.entities]
        written: list[Mapping[str, bytes]] = []
        position = 0
        while (batch := source.read(position, BATCH)).rows:
            position = batch.up_to
            events = hold_back(plan, plan.names, decode_rows(plan, batch.rows, given_keys), ParkedStreams()).events
            changes = fold_batch(plan, cast("Any", None), hot, events)
            for rows, slots in zip(hot, changes.touched, strict=True):
                rows.expect(slots)
                rows.keep()
            written.append(_lines(store, changes))
        return written


def _lines(store: Store, changes: Changes) -> Mapping[str, bytes]:
    found: dict[str, list[Any]] = {rows.table: [*rows.added, *rows.changed] for rows in changes.rows}
    found |= {name: store.counters[name].rows_of(tally, 0) for name, tally in changes.counters.items()}
    found |= dict(changes.appended)
    return {name: csv_lines(rows) for name, rows in found.items() if rows}


def run_floor(url: str, written: Written) -> float:
    """Seconds for reading the log and writing the rows of its batches."""
    with closing(LogSource(url)) as source, closing(psycopg.connect(url, autocommit=True)) as connection:
        statements = _made(connection)
        position = 0
        started = time.perf_counter()
        for lines in written:
            position = source.read(position, BATCH).up_to
            with connection.transaction(), connection.cursor() as cursor:
                for name, rows in lines.items():
                    with cursor.copy(statements[name]) as copy:
                        copy.write(rows)
        elapsed = time.perf_counter() - started
        _check(connection, written)
        connection.execute("DROP SCHEMA floor CASCADE")
        return elapsed


def _made(connection: psycopg.Connection[Any]) -> Mapping[str, sql.Composed]:
    connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
    connection.execute("CREATE SCHEMA floor")
    store = Store(connection, Plan(PROJECTIONS), 0)
    statements = {}
    for table in (*store.tables.values(), *store.counters.values()):
        name = sql.Identifier(table.name)
        connection.execute(
            sql.SQL("CREATE TABLE floor.{} (LIKE {}.{})").format(name, sql.Identifier(GENERATION), name)
        )
        statements[table.name] = _COPY.format(
            name, sql.SQL(", ").join(map(sql.Identifier, table.columns)), sql.SQL(COPY_OPTIONS)
        )
    indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = %s", [GENERATION]).fetchall()
    for (definition,) in indexes:
        connection.execute(definition.replace("UNIQUE ", "").replace(f" ON {GENERATION}.", " ON floor."))
    return statements


def _check(connection: psycopg.Connection[Any], written: Written) -> None:
    for name in {name for lines in written for name in lines}:
        row = connection.execute(sql.SQL("SELECT count(*) FROM floor.{}").format(sql.Identifier(name))).fetchone()
        expected = sum(lines[name].count(b"\n") + 1 for lines in written if name in lines)
        assert row == (expected,), f"{name}: {row} instead of {expected} rows"
