"""Whether a package's projection fits: names are free, rows are like their tables, and it stands by itself."""

import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Derived, Log, Measures, Projection
from drumbeat.projections.own.statements import SHARD, VALUE
from drumbeat.projections.own.tables import NAME, NAMES, Declared, Misdeclared, read_tables

_KEPT_IN: Final[Mapping[type, tuple[str, ...]]] = {
    str: ("text", "jsonb", "text[]", "uuid[]", "bigint[]"),
    bool: ("boolean",),
    int: ("smallint", "integer", "bigint"),
    float: ("double precision",),
    UUID: ("uuid",),
    datetime: ("timestamptz",),
}
_WORKSPACE, _CAMPAIGN = "workspace_id", "campaign_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Names that a package may not use: of projections, and of tables and views."""

    projections: Collection[str]
    tables: Collection[str]


def declared_tables(found: object, name: str, taken: Taken) -> tuple[Declared, ...]:
    """The tables of what an entry point of this name stands for. Raises `Misdeclared`."""
    if not isinstance(found, Projection):
        raise Misdeclared("object", type(found).__name__, "a drumbeat.projections.engine.Projection")
    _check_name(found, name, taken)
    tables = _tables(found)
    owned = found.tables()
    for table in owned:
        if table in taken.tables:
            raise Misdeclared(
                "table", table, "a name that no other table or view has, and no route below /projections"
            )
    if {*owned} != {*tables} or not owned:
        raise Misdeclared(
            "tables in the .sql file", ", ".join(tables), f"those of the projection: {', '.join(owned)}"
        )
    for one in tables.values():
        _check_workspace(one)
    for entity in found.entities:
        _check_rows(tables[entity.table], entity.row, entity.key_columns)
        _check_streams(f"folds of {entity.table}", entity.folds)
    for derived in found.derived:
        _check_own(found, derived)
        _check_rows(tables[derived.table], derived.row, derived.key_columns)
    for log in found.logs:
        _check_log(tables[log.table], log)
    for measures in found.measures:
        _check_own(found, measures)
        _check_counters(tables[measures.table], measures)
    return tuple(tables.values())


def counters_of(projection: Projection) -> frozenset[str]:
    """The tables whose rows are shards of counters."""
    return frozenset(measures.table for measures in projection.measures)


def _check_name(found: Projection, name: str, taken: Taken) -> None:
    if not NAME.fullmatch(name):
        raise Misdeclared("name", name, NAMES)
    if found.name != name:
        raise Misdeclared("name", found.name, f"that of its entry point: {name}")
    if name in taken.projections:
        raise Misdeclared("name", name, "a name that no other projection has")
    if type(found.version) is not int or found.version < 1:
        raise Misdeclared("version", found.version, "a whole number from 1 on")


def _tables(found: Projection) -> dict[str, Declared]:
    try:
        script = found.script()
    except (OSError, ValueError, TypeError) as error:
        raise Misdeclared("sql", str(error), "a file with one block: -- name: tables") from error
    if list(script) != ["tables"]:
        raise Misdeclared("sql", ", ".join(script) or "no block", "a file with one block: -- name: tables")
    return {table.name: table for table in read_tables(script["tables"].decode())}


def _check_workspace(table: Declared) -> None:
    for name, kind in ((_WORKSPACE, "text"), (_CAMPAIGN, "uuid")):
        column = table.column(name)
        if column is None and name == _WORKSPACE:
            raise Misdeclared(f"table {table.name}", "no column workspace_id", "workspace_id text NOT NULL")
        if column is not None and (column.type != kind or column.nullable):
            said = f"{column.type}{'' if column.nullable else ' NOT NULL'}"
            raise Misdeclared(f"type of {table.name}.{name}", said, f"{kind} NOT NULL")

    if table.key == (_WORKSPACE,):
        raise Misdeclared(f"primary key of {table.name}", _WORKSPACE, "workspace_id and what tells its rows apart")


def _check_rows(table: Declared, row: type[Row], key_columns: int) -> None:
    _check_fields(table, row)
    key = tuple(row.__struct_fields__[:key_columns])
    if table.key != key:
        raise Misdeclared(
            f"primary key of {table.name}",
            ", ".join(table.key),
            f"the first {key_columns} fields of {row.__name__}: {', '.join(key)}",
        )


def _check_fields(table: Declared, row: Any) -> None:
    if not (isinstance(row, type) and issubclass(row, Row)):
        raise Misdeclared(f"row of {table.name}", row, "a class that derives from Row")
    hints = get_type_hints(row)
    fields, columns = [*row.__struct_fields__], [column.name for column in table.columns]
    if {*fields} != {*columns}:
        odd = ", ".join(sorted({*fields} ^ {*columns}))
        allowed = f"the fields of {row.__name__}; not on both sides: {odd}"
        raise Misdeclared(f"columns of {table.name}", ", ".join(columns), allowed)
    for column in table.columns:
        kind, optional = _plain(hints[column.name])
        kept_in = _KEPT_IN.get(kind, ())
        if column.type not in kept_in:
            known = ", ".join(one.__name__ for one in _KEPT_IN)
            allowed = " or ".join(kept_in) or f"a field of one of {known}"
            said = f"{column.type} for {kind.__name__}"
            raise Misdeclared(f"type of {table.name}.{column.name}", said, allowed)
        if optional and not column.nullable:
            said = "NOT NULL for a field that may be None"
            raise Misdeclared(f"type of {table.name}.{column.name}", said, "the type alone")


def _plain(hint: Any) -> tuple[type, bool]:
    """The type of a field, and whether it may be None as well."""
    kinds = [*get_args(hint)] if get_origin(hint) in {Union, types.UnionType} else [hint]
    optional = type(None) in kinds
    rest = [kind for kind in kinds if kind is not type(None)]
    kind = rest[0] if len(rest) == 1 else object
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str):
        kind = str
    return (kind if isinstance(kind, type) else object), optional


def _check_streams(field: str, facts: Collection[type[Fact]]) -> None:
    kinds = sorted({fact.TYPE.split(".")[0] for fact in facts})
    if len(kinds) != 1:
        raise Misdeclared(
            field, ", ".join(kinds) or "none", "events of one kind of stream: a row is made of one stream's events"
        )


def _check_own(found: Projection, follower: Measures[Any] | Derived[Any]) -> None:
    if not any(follower.of is entity for entity in found.entities):
        own = ", ".join(entity.table for entity in found.entities) or "none"
        allowed = f"one of the projection's own entities: {own}"
        raise Misdeclared(f"of, in {follower.table}", follower.of.table, allowed)


def _check_log(table: Declared, log: Log) -> None:
    _check_fields(table, log.row)
    first = table.columns[0]
    if table.key != ("position",) or log.row.__struct_fields__[0] != "position" or first.type != "bigint":
        raise Misdeclared(
            f"primary key of {table.name}", ", ".join(table.key), "position bigint, the row's first field"
        )
    if not log.rows:
        raise Misdeclared(f"rows of {table.name}", "none", "a function for one event class or more")


def _check_counters(table: Declared, measures: Measures[Any]) -> None:
    scope: Sequence[str] = measures.of.row.__struct_fields__[: measures.scope]
    key = (*scope, *measures.columns, SHARD)
    if table.key != key:
        raise Misdeclared(f"primary key of {table.name}", ", ".join(table.key), ", ".join(key))
    value, shard = table.column(VALUE), table.column(SHARD)
    if len(table.columns) != len(key) + 1 or value is None or value.nullable or value.type != "bigint":
        named = ", ".join(column.name for column in table.columns)
        raise Misdeclared(f"columns of {table.name}", named, f"{', '.join(key)}, value bigint NOT NULL")
    if shard is None or shard.type != "smallint":
        raise Misdeclared(f"type of {table.name}.{SHARD}", shard and shard.type, "smallint NOT NULL")
