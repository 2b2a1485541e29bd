"""What a package's declarations come to: the statements that make its tables, and the views that readers use."""

from collections.abc import Collection, Sequence

from psycopg import sql

from drumbeat.projections.own.tables import Declared
from drumbeat.queries import Queries

SHARD, VALUE = "shard", "value"


def statements(tables: Sequence[Declared], counters: Collection[str]) -> Queries:
    """The blocks `tables` and `views`, as files of ours have them. `counters`: tables whose shards are summed."""
    made = [statement for table in tables for statement in (_table(table), *_indexes(table))]
    views = [_sums(table) if table.name in counters else _view(table) for table in tables]
    blocks = {"tables": made, "views": views}
    return Queries(
        {name: sql.SQL(";\n").join(some).as_string().encode() for name, some in blocks.items()},
        {"tables": "What a package declares.", "views": "Its tables as they are; shards are summed."},
    )


def shown_columns(table: Declared, counters: Collection[str]) -> tuple[str, ...]:
    """The columns that readers see."""
    hidden = SHARD if table.name in counters else None
    return tuple(column.name for column in table.columns if column.name != hidden)


def names(columns: Sequence[str]) -> sql.Composed:
    """Columns with commas between them."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _table(table: Declared) -> sql.Composed:
    columns = [
        # One of a list of ours.
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type),
            sql.SQL("" if column.nullable else " NOT NULL"),
        )
        for column in table.columns
    ]
    return sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({})) WITH (fillfactor = {})").format(
        sql.Identifier(table.name), sql.SQL(", ").join(columns), names(table.key), sql.Literal(table.fillfactor)
    )


def _indexes(table: Declared) -> Sequence[sql.Composed]:
    # Without names of their own, so that none can be taken.
    return [
        sql.SQL("CREATE INDEX ON {} ({})").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(_indexed, columns))
        )
        for columns in table.indexes
    ]


def _indexed(column: str) -> sql.Composed:
    name, _, descending = column.partition(" ")
    return sql.SQL("{}{}").format(sql.Identifier(name), sql.SQL(" DESC" if descending else ""))


def live_view(table: str) -> sql.SQL:
    """The name of the view through which readers see a table; not quoted, as in our own statements."""
    # Checked letter by letter when the package was found.
    return sql.SQL(f"live.{table}")


def _view(table: Declared) -> sql.Composed:
    columns = [column.name for column in table.columns]
    return sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(
        live_view(table.name), names(columns), sql.Identifier(table.name)
    )


def _sums(table: Declared) -> sql.Composed:
    told = [column for column in table.key if column != SHARD]
    return sql.SQL(
        "CREATE OR REPLACE VIEW {0} AS SELECT {1}, sum(value)::bigint AS value FROM {2} GROUP BY {1}"
        " HAVING sum(value) <> 0"
    ).format(live_view(table.name), names(told), sql.Identifier(table.name))
