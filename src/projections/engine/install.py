"""Make the tables and views of read models: a generation is a schema, readers use the views in `live`."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from drumbeat.projections.engine.bookkeeping import GENERATION, SQL
from drumbeat.projections.engine.feeding import begin, fed_from
from drumbeat.projections.engine.shapes import Projection
from drumbeat.queries import Queries, load_queries
from drumbeat.transport.source import LOG


class OtherDefinition(Exception):
    """A read model was made by another version of its projection; its rows do not mean what this code means."""


def install(
    connection: psycopg.Connection[Any], projections: Sequence[Projection], generation: str = GENERATION
) -> tuple[str, ...]:
    """Make what is missing, all or nothing, and name it; two that install at once take turns.

    A projection that is new beside others is fed from where they are, starts at position 0 and catches up by
    itself. Raises `OtherDefinition`.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(SQL["take_turns"])
        installed = dict(cursor.execute(SQL["installed"], [generation]).fetchall())
        refuse_other_definitions(projections, installed, generation)
        missing = [p for p in projections if p.name not in installed]
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(generation)))
        cursor.execute("SELECT set_config('search_path', %s, true)", [generation])
        cursor.execute(SQL["engine_tables"])
        scripts = [(p, load_queries(p.sql)) for p in missing]
        fed = fed_from(cursor, generation).values()
        partitions = frozenset().union(*(known for known, _, _ in fed)) or {LOG}
        for projection, script in scripts:
            cursor.execute(script["tables"])
            cursor.execute(SQL["note_installed"], [generation, projection.name, projection.version])
            begin(cursor, generation, projection.name, partitions, 0)
        for _, script in scripts:
            _make_views(cursor, script)
    return tuple(p.name for p in missing)


def refuse_other_definitions(
    projections: Sequence[Projection], installed: dict[str, int], generation: str
) -> None:
    """Raises `OtherDefinition` when a projection is installed in another version."""
    for projection in projections:
        version = installed.get(projection.name, projection.version)
        if version != projection.version:
            raise OtherDefinition(
                f"read model {projection.name} of {generation} has version {version}, this Drumbeat writes "
                f"version {projection.version}: rebuild it"
            )


def _make_views(cursor: psycopg.Cursor[Any], script: Queries) -> None:
    # After all tables, because a view may join another projection's table.
    if "views" in script:
        cursor.execute(script["views"])
