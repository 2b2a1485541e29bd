"""A real Postgres for tests: one server a session, a fresh database a test.

Every worker of a parallel session joins the same embedded server, in a folder that belongs to the session.
`DRUMBEAT_TEST_DATABASE_URL` names a server of your own instead; its user must be able to create databases.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.migrations import ACCESS, INTAKE, LEDGER, MigrationSet
from drumbeat.projections.engine.bookkeeping import READMODEL

FOR_TESTS = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "synchronous_commit": "on",
    "autovacuum": "off",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
}
MIGRATION_SETS: list[MigrationSet] = [LEDGER, ACCESS, INTAKE, READMODEL]
"""Every set whose schema the test databases have."""


@dataclass(frozen=True, slots=True)
class TestServer:
    """A server to make databases on. `template` is a migrated, empty database that nobody connects to."""

    __test__ = False
    url: str
    template: str

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The URL of a new database like the template; dropped, with whoever is still connected, at the end."""
        name = f"test_{uuid4().hex}"
        with contextlib.closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute(_CREATE.format(sql.Identifier(name), sql.Identifier(self.template)))
            try:
                yield with_database(self.url, name)
            finally:
                connection.execute(_DROP.format(sql.Identifier(name)))


_CREATE = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
_DROP = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def server_for_session(folder: Path, session: str) -> Iterator[TestServer]:
    """Join or start the session's server. `folder` is shared by the workers of the session, `session` names it."""
    own = os.environ.get("DRUMBEAT_TEST_DATABASE_URL")
    if own:
        yield TestServer(own, _template(own, folder, session))
        return
    server = EmbeddedServer(folder / "postgres", settings=FOR_TESTS, durable=False)
    url = server.start()
    try:
        yield TestServer(url, _template(url, folder, session))
    finally:
        server.stop()


def _template(url: str, folder: Path, session: str) -> str:
    name = f"template_{session}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                unfinished = f"unfinished_{session}"
                connection.execute(_DROP.format(sql.Identifier(unfinished)))
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
                for migrations in MIGRATION_SETS:
                    migrations.migrate(with_database(url, unfinished))
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name
