"""The walls around read models: who sees a table, and which of its rows. Put up when tables are installed.

A table has none only by having no workspaces: then nobody but its owner, the projectors' role, sees it.
"""

from pathlib import Path
from typing import LiteralString

from psycopg import sql

from drumbeat.projections.engine.table import Cursor
from drumbeat.queries import load_queries

_SQL = load_queries(Path(__file__).with_name("walls.sql"))


def wall_off(cursor: Cursor, generation: str) -> None:
    """Put up what is missing, around every table of a generation and every view that readers use.

    As the owner of both, in the transaction in which they were made: no moment passes without.
    """
    cursor.execute(_statement("open_schema").format(generation=sql.Identifier(generation)))
    for (table,) in cursor.execute(_SQL["unwalled"], [generation]).fetchall():
        cursor.execute(_statement("wall_table").format(table=sql.Identifier(generation, table)))
    for (view,) in cursor.execute(_SQL["unwalled_views"]).fetchall():
        cursor.execute(_statement("wall_view").format(view=sql.Identifier(view)))


def _statement(name: str) -> sql.SQL:
    return sql.SQL(_trusted(_SQL[name]))


def _trusted(statement: bytes) -> LiteralString:
    # Read from our own file.
    return statement.decode()
