"""Logins that may take one role and nothing else, and what of the catalogue they meet."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.roles import Role

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
"""What can be granted on a table or view as a whole."""


@contextmanager
def login(database_url: str, *roles: Role) -> Iterator[str]:
    """The URL of a login that is a member of these roles and of no other, made for the time being.

    `database_url` logs in a superuser, on a server that asks for no password.
    """
    name = sql.Identifier(user := f"login_{uuid4().hex}")
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        try:
            for role in roles:
                grant = sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE")
                connection.execute(grant.format(sql.Identifier(role), name))
            yield with_user(database_url, user)
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(name))


def with_user(url: str, user: str) -> str:
    """The same database, another login."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def acting_as(database_url: str, role: Role) -> Iterator[LogConnection]:
    """A connection as one role, of a login that has no other."""
    with login(database_url, role) as url, closing(open_connection(url, settings={}, role=role)) as connection:
        yield connection


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table (r), a view (v) or a sequence (S) of ours."""

    schema: str
    name: str
    kind: str

    @property
    def quoted(self) -> sql.Identifier:
        """For statements."""
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def relations(database_url: str) -> Sequence[Relation]:
    """Everything in the database that is not Postgres's own, in order."""
    with closing(psycopg.connect(database_url)) as connection:
        found = connection.execute(
            "SELECT n.nspname, c.relname, c.relkind::text "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' "
            "AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
        )
        return sorted(Relation(*row) for row in found)


def privileges(database_url: str, role: Role, relation: Relation) -> set[str]:
    """What a role may do with a relation; of columns as `INSERT(a, b)`, where not with all of them."""
    with closing(psycopg.connect(database_url)) as connection:
        return _privileges(connection, role, relation)


def _privileges(connection: psycopg.Connection[Any], role: Role, relation: Relation) -> set[str]:
    if relation.kind == "S":
        kinds = ("SELECT", "USAGE", "UPDATE")
        asked = "SELECT has_sequence_privilege(%s, %s::regclass, %s)"
        return {kind for kind in kinds if _answer(connection, asked, role, str(relation), kind)}
    asked = "SELECT has_table_privilege(%s, %s::regclass, %s)"
    held = {kind for kind in PRIVILEGES if _answer(connection, asked, role, str(relation), kind)}
    for kind in ("SELECT", "INSERT", "UPDATE", "REFERENCES"):
        columns = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND has_column_privilege(%s, attrelid, attnum, %s) ORDER BY attnum",
            [str(relation), role, kind],
        ).fetchall()
        if columns and kind not in held:
            held.add(f"{kind}({', '.join(name for (name,) in columns)})")
    return held


def _answer(connection: psycopg.Connection[Any], statement: str, *arguments: str) -> bool:
    (answer,) = connection.execute(statement.encode(), arguments).fetchone() or (False,)
    return bool(answer)


def columns_of(database_url: str, relation: Relation) -> list[str]:
    """The names of its columns."""
    with closing(psycopg.connect(database_url)) as connection:
        found = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum",
            [str(relation)],
        )
        return [name for (name,) in found]


def attempts(relation: Relation, columns: list[str]) -> Iterator[tuple[str, sql.Composed]]:
    """A statement of every sort that a table knows."""
    table, column = relation.quoted, sql.Identifier(columns[0])
    yield "SELECT", sql.SQL("SELECT * FROM {}").format(table)
    yield "INSERT", sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table)
    yield "UPDATE", sql.SQL("UPDATE {} SET {} = DEFAULT").format(table, column)
    yield "DELETE", sql.SQL("DELETE FROM {}").format(table)
    yield "TRUNCATE", sql.SQL("TRUNCATE {}").format(table)
    yield "owner", sql.SQL("ALTER TABLE {} ADD COLUMN forged integer").format(table)
    yield "owner", sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(table)
    yield "owner", sql.SQL("ALTER TABLE {} RENAME TO forged").format(table)
    yield "owner", sql.SQL("DROP TABLE {} CASCADE").format(table)
    yield "owner", sql.SQL("CREATE INDEX ON {} ({})").format(table, column)
