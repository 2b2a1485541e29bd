"""Two generations of a projection, compared row by row: where they differ, in which columns, and by how much.

Each side is read in a snapshot of its own, taken when it stood at the position that both are compared at, and both
are streamed in the order of their keys: memory does not grow with the rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql

from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild.generations import SQL

SAMPLES: Final = 10

_Line: TypeAlias = tuple[str, str]
"""A row's key, so that texts are ordered as keys are, and the row as JSON."""
_End: Final[_Line] = ("￿", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row that differs: its key, and the columns that do; None for a side that has no such row."""

    key: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(slots=True, kw_only=True)
class TableDifference:
    """What differs between two generations of one table. Counts are of rows; `columns` of rows by column."""

    projection: str
    table: str
    rows: int = 0
    """Rows in the newer generation."""
    same: int = 0
    changed: int = 0
    appeared: int = 0
    gone: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    campaigns: dict[str, int] = field(default_factory=dict)
    columns_added: Sequence[str] = ()
    columns_removed: Sequence[str] = ()
    samples: list[Sample] = field(default_factory=list)

    @property
    def differs(self) -> int:
        """Rows that are not the same on both sides."""
        return self.changed + self.appeared + self.gone


@dataclass(frozen=True, slots=True)
class Side:
    """One generation in a snapshot: the connection is in a repeatable-read transaction of the projectors' role."""

    generation: str
    connection: psycopg.Connection[Any]


def compare(
    projections: Sequence[Projection], before: Side, after: Side, *, samples: int = SAMPLES
) -> list[TableDifference]:
    """Every table of some projections in two generations. Shards of counters are added up.

    Both have to stand at the same position, or rows differ because one is ahead. Raises psycopg's errors.
    """
    found = []
    for projection in projections:
        counters = {measures.table for measures in projection.measures}
        for table in projection.tables():
            one = TableDifference(projection=projection.name, table=table)
            _compare(one, before, after, samples, is_counter=table in counters)
            found.append(one)
    return found


def _compare(one: TableDifference, before: Side, after: Side, samples: int, *, is_counter: bool) -> None:
    old, new = _columns(before, one.table, is_counter), _columns(after, one.table, is_counter)
    common = [column for column in new if old.get(column) == new[column]]
    one.columns_added = [column for column in new if column not in common]
    one.columns_removed = [column for column in old if column not in common]
    key = [column for column in _key(after, one.table) if column in common]
    lines = [_lines(side, one.table, common, key, is_counter=is_counter) for side in (before, after)]
    for left, right in _merged(*lines):
        if right is not None:
            one.rows += 1
        if left == right:
            one.same += 1
        else:
            _note(
                one, key, None if left is None else json.loads(left), None if right is None else json.loads(right)
            )
            if len(one.samples) > samples:
                one.samples.pop()


def _merged(before: Iterator[_Line], after: Iterator[_Line]) -> Iterator[tuple[str | None, str | None]]:
    """Rows of the same key side by side; None where a side has none."""
    left_lines, right_lines = chain(before, [_End]), chain(after, [_End])
    left, right = next(left_lines), next(right_lines)
    while left is not _End or right is not _End:
        if left[0] == right[0]:
            yield left[1], right[1]
            left, right = next(left_lines), next(right_lines)
        elif left[0] < right[0]:
            yield left[1], None
            left = next(left_lines)
        else:
            yield None, right[1]
            right = next(right_lines)


def _note(one: TableDifference, key: Sequence[str], before: Any, after: Any) -> None:
    whole = after if after is not None else before
    if before is None:
        one.appeared += 1
    elif after is None:
        one.gone += 1
    else:
        one.changed += 1
        differing = [column for column, value in after.items() if before[column] != value]
        for column in differing:
            one.columns[column] = one.columns.get(column, 0) + 1
        before, after = ({column: side[column] for column in differing} for side in (before, after))
    if whole.get("campaign_id") is not None:
        one.campaigns[whole["campaign_id"]] = one.campaigns.get(whole["campaign_id"], 0) + 1
    one.samples.append(Sample(key={column: whole[column] for column in key}, before=before, after=after))


def _columns(side: Side, table: str, is_counter: bool) -> dict[str, str]:
    found = side.connection.execute(SQL["columns_of"], {"table": f"{side.generation}.{table}"}).fetchall()
    return {column: kind for column, kind in found if not (is_counter and column == "shard")}


def _key(side: Side, table: str) -> Sequence[str]:
    row = side.connection.execute(SQL["key_of"], {"table": f"{side.generation}.{table}"}).fetchone()
    key: Sequence[str] = row[0] if row is not None and row[0] is not None else ()
    return key


def _lines(
    side: Side, table: str, columns: Sequence[str], key: Sequence[str], *, is_counter: bool
) -> Iterator[_Line]:
    names, keys = (sql.SQL(", ").join(map(sql.Identifier, some)) for some in (columns, key))
    rows = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(side.generation, table))
    if is_counter:
        rows = sql.SQL(
            "SELECT {0}, sum(value)::bigint AS value FROM {1} GROUP BY {0} HAVING sum(value) <> 0"
        ).format(keys, sql.Identifier(side.generation, table))
    # Hexadecimal, so that no collation and no escape of COPY puts keys into another order than Python does.
    statement = sql.SQL(
        "COPY (SELECT key, line FROM ("
        "SELECT encode(convert_to(ROW({0})::text, 'UTF8'), 'hex') AS key, to_jsonb(r)::text AS line"
        " FROM ({1}) AS r"
        ') AS lines ORDER BY key COLLATE "C") TO STDOUT'
    ).format(keys, rows)
    with side.connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["text", "text"])
        yield from copy.rows()
