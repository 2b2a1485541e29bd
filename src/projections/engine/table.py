"""One table of a read model, as the projector sees it: load rows by key, add, change and take away rows.

The columns are read from the database when the projector connects, so that the `.sql` file is their only
definition; a row type that does not fit is a `TableMismatch`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from drumbeat.projections.engine.rows import COPY_OPTIONS, Row, as_array, csv_lines, json_rows
from drumbeat.projections.engine.shapes import Key
from drumbeat.queries import load_queries

R = TypeVar("R", bound=Row)
Cursor = psycopg.Cursor[Any]

SQL = load_queries(Path(__file__).with_name("table.sql"))

FEW_ROWS = 500
"""Up to so many in a batch are written by statements that can be sent without waiting; more by COPY."""

_STAGED_ROWS_UNTIL_TRUNCATE = 20_000
_ROWS_WORTH_A_LOOK = 500
_GROWTH_WORTH_A_LOOK = 4


Tally: TypeAlias = Mapping[Key, Mapping[Key, int]]
"""Amounts by the counter's place (the first columns of an entity's key) and its own columns."""


class TableMismatch(Exception):
    """A row type and its table do not have the same columns, or the table is missing: a mistake in our code."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table as the database has it: column types by name, and its rows as the planner believes (-1: no idea)."""

    types: Mapping[str, str]
    known_rows: int


def find_tables(cursor: Cursor, generation: str) -> Mapping[str, Found]:
    """Every table of a generation, by name."""
    found = cursor.execute(SQL["tables_of"], [generation]).fetchall()
    return {name: Found(dict(zip(columns, types, strict=True)), rows) for name, rows, columns, types in found}


class Table(Generic[R]):
    """Statements for one table of the generation in the connection's search_path. Used by one projector."""

    def __init__(self, found: Found | None, name: str, columns: Sequence[str], key_columns: int) -> None:
        types = found.types if found is not None else {}
        if set(types) != set(columns):
            raise TableMismatch(f"table {name} has {sorted(types)}, its row type {sorted(columns)}")
        self.name = name
        self.columns = tuple(columns)
        self.key = self.columns[:key_columns]
        self._types = types
        known_rows = found.known_rows if found is not None else 0
        self._known_rows = max(0, known_rows)
        # Of a table that was never looked at, the planner is told at the next chance.
        self._new_rows = _ROWS_WORTH_A_LOOK + 1 if known_rows < 0 else 0
        self._staged = 0
        self._has_staging = False
        self._write_statements(key_columns)

    def _write_statements(self, key_columns: int) -> None:
        columns = _names(self.columns)
        key = _names(self.key)
        staging = sql.Identifier(f"staging_{self.name}")
        match: sql.Composable = sql.SQL(" AND ").join(
            sql.SQL("{0}.{1} = k.{1}").format(sql.Identifier(self.name), sql.Identifier(c)) for c in self.key
        )
        types = (self._types[column] for column in self.columns)
        parts = {
            "table": sql.Identifier(self.name),
            "few": sql.SQL(", ").join(sql.SQL(f"(r ->> {n})::{kind}") for n, kind in enumerate(types)),
            "staging": staging,
            "columns": columns,
            "key": key,
            "keys": self._key_arrays(),
            "options": sql.SQL(COPY_OPTIONS),
            "values": sql.SQL(", ").join(map(self._as_read, self.columns)),
            "set": self._set_clause(self.columns[key_columns:]),
            "match": match,
        }
        # LIMIT keeps the planner at one look into an index a key, whatever it believes of the table.
        self._select = sql.SQL(
            "SELECT json_agg(found.row)::text FROM {keys} AS k({key}), LATERAL"
            " (SELECT json_build_array({values}) AS row FROM {table} WHERE {match} LIMIT 1) AS found"
        ).format(**parts)
        self._add_few = sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {few} FROM jsonb_array_elements(%s::jsonb) AS rows (r)"
        ).format(**parts)
        self._change_few = sql.SQL("{add} ON CONFLICT ({key}) DO {set}").format(add=self._add_few, **parts)
        self._copy = sql.SQL("COPY {table} ({columns}) FROM STDIN WITH ({options})").format(**parts)
        self._make_staging = sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {staging} AS SELECT {columns} FROM {table} LIMIT 0"
        ).format(**parts)
        self._stage = sql.SQL("COPY {staging} ({columns}) FROM STDIN WITH ({options})").format(**parts)
        # In key order, so that neighbours in the index are written together.
        self._merge = sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {staging} ORDER BY {key}"
            " ON CONFLICT ({key}) DO {set}"
        ).format(**parts)
        self._empty = sql.SQL("DELETE FROM {staging}").format(**parts)
        self._analyze = sql.SQL("ANALYZE {table}").format(**parts)
        self._truncate = sql.SQL("TRUNCATE {staging}").format(**parts)
        self._delete = sql.SQL("DELETE FROM {table} USING {keys} AS k({key}) WHERE {match}").format(**parts)

    def _key_arrays(self) -> sql.Composable:
        arrays = sql.SQL(", ").join(sql.SQL("%s::" + self._types[column] + "[]") for column in self.key)
        return sql.SQL("unnest({})").format(arrays)

    def _as_read(self, column: str) -> sql.Composable:
        kind = self._types[column]
        held_as_text = kind.endswith("[]") or kind.startswith("json")
        return sql.SQL("{}.{}{}").format(
            sql.Identifier(self.name), sql.Identifier(column), sql.SQL("::text" if held_as_text else "")
        )

    def _set_clause(self, columns: Sequence[str]) -> sql.Composable:
        if not columns:
            return sql.SQL("NOTHING")
        assignments = (sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in columns)
        return sql.SQL("UPDATE SET {}").format(sql.SQL(", ").join(assignments))

    def load(self, cursor: Cursor, keys: Sequence[Key], decoder: msgspec.json.Decoder[list[R]]) -> list[R]:
        """The rows that exist under some keys, in one query, in no order."""
        found = cursor.execute(self._select, self._key_literals(keys)).fetchone()
        return decoder.decode(found[0]) if found and found[0] is not None else []

    def key_of(self, row: R) -> Key:
        """The key under which a loaded row is held."""
        values = (getattr(row, column) for column in self.key)
        return tuple(value.int if isinstance(value, UUID) else value for value in values)

    def add(self, cursor: Cursor, rows: Sequence[Any], *, few: bool = False) -> None:
        """Write rows whose keys are not in the table: nobody else writes it, so that is known.

        `few`: by one statement that a pipeline can send. COPY waits for the server, which pays with many rows.
        """
        if few:
            cursor.execute(self._add_few, [json_rows(rows)], prepare=True)
        else:
            with cursor.copy(self._copy) as copy:
                copy.write(csv_lines(rows))
        self._new_rows += len(rows)

    def change(self, cursor: Cursor, rows: Sequence[Any], *, few: bool = False) -> None:
        """Write rows over those of the same keys (counters: add to them). `few`: see `add`."""
        if few:
            cursor.execute(self._change_few, [json_rows(rows)], prepare=True)
        else:
            self._change_many(cursor, rows)

    def _change_many(self, cursor: Cursor, rows: Sequence[Any]) -> None:
        if not self._has_staging:
            cursor.execute(self._make_staging)
            self._has_staging = True
        with cursor.copy(self._stage) as copy:
            copy.write(csv_lines(rows))
        cursor.execute(self._merge)
        # Emptied by hand: ON COMMIT DELETE ROWS costs a third of a millisecond a table at every commit.
        self._staged += len(rows)
        full = self._staged > _STAGED_ROWS_UNTIL_TRUNCATE
        cursor.execute(self._truncate if full else self._empty)
        self._staged = 0 if full else self._staged

    def forget(self) -> None:
        """A transaction failed: the staging table may have gone with it."""
        self._has_staging = False
        self._staged = 0

    def tell_planner(self, cursor: Cursor) -> None:
        """Renew the statistics when the table has grown much; outside a transaction.

        A planner that believes a table is small takes any index that shares a column with the key: reading 2,000
        of 40,000 calls took 11 s that way. Autovacuum looks once a minute, which is too late for an import.
        """
        if self._new_rows > max(_ROWS_WORTH_A_LOOK, _GROWTH_WORTH_A_LOOK * self._known_rows):
            cursor.execute(self._analyze)
            self._known_rows += self._new_rows
            self._new_rows = 0

    def take_away(self, cursor: Cursor, keys: Sequence[Key]) -> None:
        """Delete the rows of some keys."""
        cursor.execute(self._delete, self._key_literals(keys))

    def _key_literals(self, keys: Sequence[Key]) -> list[str]:
        columns = zip(*keys, strict=True)
        return [_literal(self._types[name], values) for name, values in zip(self.key, columns, strict=True)]


class CounterTable(Table[Row]):
    """A table of counters: `change` adds the value, the last column, to what is there."""

    def rows_of(self, tally: Tally, shard: int) -> list[list[Any]]:
        """Amounts as rows of one shard; they come by place (workspace, campaign) and own columns."""
        rows = []
        for place, amounts in tally.items():
            names = self.key[: len(place)]
            told = [_uuid(v) if self._types[n] == "uuid" else v for n, v in zip(names, place, strict=True)]
            rows += [[*told, *columns, shard, amount] for columns, amount in amounts.items() if amount]
        return rows

    def _set_clause(self, columns: Sequence[str]) -> sql.Composable:
        return sql.SQL("UPDATE SET {0} = {1}.{0} + excluded.{0}").format(
            sql.Identifier(columns[-1]), sql.Identifier(self.name)
        )


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _literal(kind: str, values: Sequence[Any]) -> str:
    if kind == "uuid":
        return "{" + ",".join(map(_uuid, values)) + "}"
    if kind.startswith("timestamp"):
        return as_array([value.isoformat() if isinstance(value, datetime) else value for value in values])
    return as_array(values)


def contact_literals(contacts: Sequence[Key]) -> list[str]:
    """Keys (workspace, campaign, contact) as three arrays."""
    kinds = ("text", "uuid", "uuid")
    return [_literal(kind, values) for kind, values in zip(kinds, zip(*contacts, strict=True), strict=True)]


def _uuid(value: int) -> str:
    return f"{value:032x}"
