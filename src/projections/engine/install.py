"""Make the tables and views of read models: a generation is a schema, readers use the views in `live`."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import GENERATION, SQL
from drumbeat.projections.engine.feeding import begin, fed_from
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.engine.walls import wall_off
from drumbeat.queries import Queries
from drumbeat.transport.source import LOG


class OtherDefinition(Exception):
    """A read model was made by another version of its projection; its rows do not mean what this code means."""


class NotInstalled(Exception):
    """There are no read models yet, and this login may not make them."""


def install(
    connection: psycopg.Connection[Any], projections: Sequence[Projection], generation: str = GENERATION
) -> tuple[str, ...]:
    """Make what is missing, all or nothing, and name it; two that install at once take turns.

    A projection that is new beside others is fed from where they are, starts at position 0 and catches up by
    itself. The connection's login may take the projectors' role, which owns what is made; to make a generation it
    may create schemas too. Raises `OtherDefinition`, `NotInstalled`.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(SQL["take_turns"])
        make_schema(cursor, generation)
        cursor.execute(SQL["as_owner"])
        installed = dict(cursor.execute(SQL["installed"], [generation]).fetchall())
        refuse_other_definitions(projections, installed, generation)
        missing = [p for p in projections if p.name not in installed]
        cursor.execute("SELECT set_config('search_path', %s, true)", [generation])
        cursor.execute(SQL["engine_tables"])
        scripts = [(p, p.script()) for p in missing]
        shown: list[Queries] = []
        fed = fed_from(cursor, generation).values()
        partitions = frozenset().union(*(known for known, _, _ in fed)) or {LOG}
        for projection, script in scripts:
            cursor.execute(script["tables"])
            if note_installed(cursor, generation, projection):
                shown.append(script)
            begin(cursor, generation, projection.name, partitions, 0)
        for script in shown:
            make_views(cursor, script)
        if missing:
            wall_off(cursor, generation)
        for _, script in scripts:
            grant(cursor, script)
    return tuple(p.name for p in missing)


def note_installed(cursor: psycopg.Cursor[Any], generation: str, projection: Projection) -> bool:
    """A projection's tables are in a generation; whether readers see them: the first that there are."""
    arguments = {
        "generation": generation,
        "projection": projection.name,
        "version": projection.version,
        "package": projection.package,
        "tables": None if projection.package is None else list(projection.tables()),
    }
    return cursor.execute(SQL["note_installed"], arguments).fetchone() == (True,)


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


def make_schema(cursor: psycopg.Cursor[Any], generation: str) -> None:
    """The schema of a generation, owned by the projectors, when it is not there. Raises `NotInstalled`."""
    if cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [generation]).fetchone() == (True,):
        return
    try:
        cursor.execute(
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(
                sql.Identifier(generation), sql.Identifier(Role.PROJECT)
            )
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotInstalled(
            "there are no read models in this database, and this login may not make any: run `drumbeat migrate` "
            "with one that may create schemas"
        ) from error


def grant(cursor: psycopg.Cursor[Any], script: Queries) -> None:
    # What a projection shows to others than readers, once the tables of all are there.
    if "grants" in script:
        cursor.execute(script["grants"])


def make_views(cursor: psycopg.Cursor[Any], script: Queries) -> None:
    """The views through which readers see a projection, on the tables of the generation in the search path."""
    # After all tables, because a view may join another projection's table.
    if "views" in script:
        cursor.execute(script["views"])
