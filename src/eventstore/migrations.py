"""Forward migrations: numbered `.sql` files, each applied once, in order, in a transaction of its own.

SchemaMismatch
├── SchemaOlder   the database lacks migrations that this code needs: run `drumbeat migrate`
├── SchemaNewer   the database has migrations that this code does not know: run a newer Drumbeat
└── RolesMissing  the server lacks our roles, and this login may not make them or take them
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from drumbeat.eventstore.roles import Role
from drumbeat.queries import load_queries

_HERE = Path(__file__).parent
_SQL = load_queries(_HERE / "sql" / "migrations.sql")


class SchemaMismatch(Exception):
    """The database's schema is not the one that this code was written for."""


class SchemaOlder(SchemaMismatch):
    """The database lacks migrations."""


class SchemaNewer(SchemaMismatch):
    """The database is ahead of this code."""


class RolesMissing(SchemaMismatch):
    """The login that migrates may not make the roles, or not take them."""


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """The migrations of one schema: `NNNN_name.sql` files in a folder. Several sets may share a database."""

    name: str
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Every migration's name, in order."""
        return tuple(sorted(path.stem for path in self.folder.glob("[0-9][0-9][0-9][0-9]_*.sql")))

    def migrate(self, database_url: str) -> tuple[str, ...]:
        """Apply what is missing and name it; two that migrate at once take turns.

        Raises `SchemaNewer`, `RolesMissing`.
        """
        with contextlib.closing(psycopg.connect(database_url, autocommit=True)) as connection:
            connection.execute(_SQL["take_turns"])
            make_roles(connection)
            connection.execute(_SQL["make_bookkeeping"])
            missing = self._missing(connection)
            for name in missing:
                script = (self.folder / f"{name}.sql").read_bytes()
                with connection.transaction():
                    connection.execute(script)
                    connection.execute(_SQL["note_applied"], [self.name, name])
            return missing

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """Raises `SchemaOlder` or `SchemaNewer`, naming both sides."""
        missing = self._missing(connection)
        if missing:
            raise SchemaOlder(
                f"the {self.name} schema lacks {', '.join(missing)}, which this version of Drumbeat needs: "
                "run `drumbeat migrate`"
            )

    def _missing(self, connection: psycopg.Connection[Any]) -> tuple[str, ...]:
        known = self.names
        (exists,) = connection.execute(_SQL["has_bookkeeping"]).fetchone() or (False,)
        applied = {row[0] for row in connection.execute(_SQL["applied"], [self.name])} if exists else set[str]()
        unknown = sorted(applied - set(known))
        if unknown:
            raise SchemaNewer(
                f"the {self.name} schema has {', '.join(unknown)}, which this version of Drumbeat does not know "
                f"(its newest is {known[-1]}): run the newer Drumbeat"
            )
        return tuple(name for name in known if name not in applied)


def make_roles(connection: psycopg.Connection[Any]) -> None:
    """Make the server's roles that are missing, and let this login take them. Raises `RolesMissing`."""
    try:
        connection.execute(_SQL["make_roles"])
    except psycopg.errors.InsufficientPrivilege as error:
        raise RolesMissing(
            f"this login may not make or take the roles {', '.join(Role)} ({error.diag.message_primary}): give it "
            "CREATEROLE, or have them made and granted to it (docs/operations.md)"
        ) from error


LEDGER = MigrationSet("ledger", _HERE / "sql" / "migrations")
"""The log and what belongs to it."""

INTAKE = MigrationSet("intake", _HERE / "uploads" / "sql" / "migrations")
"""Files that wait to be enrolled; they live beside the log."""

ACCESS = MigrationSet("access", _HERE.parent / "access" / "sql" / "migrations")
"""The workspaces' keys; they live beside the log."""
