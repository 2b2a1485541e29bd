"""The bank file, imported and projected once for all tests that only look at it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from drumbeat.commands.dispatch import Commands
from drumbeat.intake.call_history import ImportReport, import_call_history
from drumbeat.intake.mapping_files import load_mapping
from support.postgres import TestServer, with_database
from support.whole import ADA, whole_system

NAME = "bank-additional-full.csv"
BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data" / NAME
IMPORTED_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bank:
    """A database that holds the imported campaign, in the log and in the read models."""

    url: str
    campaign_id: UUID


def bank_csv() -> Path:
    """The file. Without it the test is skipped, and says so; in continuous integration it fails."""
    file = Path(os.environ.get("DRUMBEAT_BANK_CSV") or BESIDE_THE_PROJECT)
    if not file.is_file():
        missing = f"{NAME} is not at {file}: get it from the UCI archive and name it in DRUMBEAT_BANK_CSV"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(f"NOT TESTED: {missing}")
    return file


@contextmanager
def imported_bank(server: TestServer, folder: Path) -> Iterator[Bank]:
    """The imported file on the session's server; parallel workers share one database. Only for reading."""
    bank_csv()
    name = server.template.replace("template_", "bank_")
    url = with_database(server.url, name)
    with closing(psycopg.connect(server.url, autocommit=True)) as control:
        with _alone(control):
            if control.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                _import(control, server, name, folder)
            # While somebody is connected, nobody else can drop it.
            using = psycopg.connect(url)
        row = using.execute(
            "SELECT DISTINCT stream_id FROM ledger.events WHERE type = 'campaign.drafted.v1'"
        ).fetchone()
        assert row is not None
        yield Bank(url, row[0])
        using.close()
        with _alone(control), suppress(psycopg.errors.ObjectInUse):
            control.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


@contextmanager
def _alone(control: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    control.execute("SELECT pg_advisory_lock(hashtext('the imported bank file'))")
    try:
        yield
    finally:
        control.execute("SELECT pg_advisory_unlock(hashtext('the imported bank file'))")


def _import(control: psycopg.Connection[tuple[object, ...]], server: TestServer, name: str, folder: Path) -> None:
    unfinished = f"unfinished_{name}"
    control.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(unfinished), sql.Identifier(server.template)
        )
    )
    with whole_system(with_database(server.url, unfinished)) as whole:
        import_bank(whole.commands, folder)
        whole.project()
    control.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name))
    )


def import_bank(commands: Commands, folder: Path) -> ImportReport:
    """Import the file; the report of refused rows would go to `folder`."""
    return import_call_history(
        bank_csv(),
        load_mapping("bank-marketing"),
        commands=commands,
        principal=ADA,
        clock=lambda: IMPORTED_AT,
        refused_rows=folder / "refused.csv",
    )
