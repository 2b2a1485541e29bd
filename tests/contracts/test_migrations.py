"""Forward migrations: applied once, together equal to schema.sql, and refused by name when they do not fit."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from drumbeat.eventstore.embedded.programs import programs_for
from drumbeat.eventstore.migrations import LEDGER, MigrationSet, SchemaNewer, SchemaOlder
from support.postgres import MIGRATION_SETS, TestServer, with_database

pytestmark = pytest.mark.postgres


def test_migrating_again_applies_nothing(database_url: str) -> None:
    assert LEDGER.migrate(database_url) == ()


@pytest.mark.parametrize("migrations", MIGRATION_SETS, ids=lambda migrations: migrations.name)
def test_all_migrations_together_equal_schema_sql(postgres_server: TestServer, migrations: MigrationSet) -> None:
    with _empty(postgres_server) as by_migrations, _empty(postgres_server) as by_schema:
        for name in migrations.names:
            _run_script(by_migrations, migrations.folder / f"{name}.sql")
        _run_script(by_schema, migrations.folder.parent / "schema.sql")
        assert _dump(by_migrations) == _dump(by_schema)


def test_two_that_migrate_at_once_apply_each_migration_once(postgres_server: TestServer) -> None:
    applied: list[str] = []
    with _empty(postgres_server) as url:
        threads = [threading.Thread(target=lambda: applied.extend(LEDGER.migrate(url))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(applied) == list(LEDGER.names)


def test_an_older_schema_is_refused_by_the_names_of_what_it_lacks(database_url: str, tmp_path: Path) -> None:
    newer_code = MigrationSet("ledger", _with_one_more(tmp_path))
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(SchemaOlder, match=r"lacks 9999_later.*migrate"),
    ):
        newer_code.check(connection)


def test_a_newer_schema_is_refused_by_the_names_of_what_is_unknown(database_url: str, tmp_path: Path) -> None:
    MigrationSet("ledger", _with_one_more(tmp_path)).migrate(database_url)
    with psycopg.connect(database_url) as connection, pytest.raises(SchemaNewer, match="has 9999_later"):
        LEDGER.check(connection)
    with pytest.raises(SchemaNewer):
        LEDGER.migrate(database_url)


def test_a_migration_that_fails_leaves_nothing_of_itself(database_url: str, tmp_path: Path) -> None:
    folder = _with_one_more(tmp_path)
    (folder / "9999_later.sql").write_text("CREATE TABLE ledger.half (x int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        MigrationSet("ledger", folder).migrate(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('ledger.half')").fetchone() == (None,)
        LEDGER.check(connection)


def _with_one_more(folder: Path) -> Path:
    for name in LEDGER.names:
        (folder / f"{name}.sql").write_text((LEDGER.folder / f"{name}.sql").read_text())
    (folder / "9999_later.sql").write_text("CREATE TABLE ledger.later (x int);")
    return folder


@contextlib.contextmanager
def _empty(server: TestServer) -> Iterator[str]:
    # Named anew each time: workers of one session share the server.
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield with_database(server.url, name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _run_script(url: str, script: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.read_bytes())


def _dump(url: str) -> list[str]:
    dumped = subprocess.run(
        [programs_for(None) / "bin" / "pg_dump", "--schema-only", "--no-comments", url],
        capture_output=True,
        text=True,
        check=True,
    )
    # The lines with \restrict carry a random key.
    return [line for line in dumped.stdout.splitlines() if "restrict " not in line]
