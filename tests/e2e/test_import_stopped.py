"""`drumbeat import call-history` as a process, stopped by everything that may stop it: it doubles nothing."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drumbeat.eventstore.embedded import EmbeddedServer
from support.machine import DRUMBEAT, drumbeat, environment, until
from support.postgres import FOR_TESTS

pytestmark = pytest.mark.postgres

CONTACTS, CALLS_EACH = 2_000, 3
MAPPING = """
name = "A log"
shape = "row_per_call"
[contact]
reference = "id"
[outcome]
column = "end"
values = { talked = "completed", busy = "busy" }
[[goals]]
name = "Sale"
role = "primary"
column = "sold"
values = { yes = "achieved" }
"""
EVENTS = {
    "campaign.audience_opened.v1": 1,
    "campaign.completed.v1": 1,
    "campaign.drafted.v1": 1,
    "campaign.import_finished.v1": 1,
    "campaign.import_started.v1": 1,
    "contact.enrolled.v1": CONTACTS,
    "contact.call_placed.v1": CONTACTS * CALLS_EACH,
    "contact.call_ended.v1": CONTACTS * CALLS_EACH,
    "contact.goal_evaluated.v1": CONTACTS,
    "contact.goal_achieved.v1": CONTACTS,
    "contact.finished.v1": CONTACTS,
}
"""What the log holds after the import, however often it was stopped."""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The arguments that import a file in which each contact's calls lie far apart."""
    (tmp_path / "log.toml").write_text(MAPPING)
    with (tmp_path / "log.csv").open("w") as file:
        file.write("id,end,sold\n")
        for attempt in range(CALLS_EACH):
            last = attempt == CALLS_EACH - 1
            file.writelines(f"p{n},{'talked,yes' if last else 'busy,'}\n" for n in range(CONTACTS))
    return ["import", "call-history", str(tmp_path / "log.csv"), "--mapping", str(tmp_path / "log.toml"), "--json"]


class Importing:
    """One run of the command."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [DRUMBEAT, *command],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self, seconds: float = 90) -> dict[str, Any]:
        """What it came to, when it has ended well."""
        said, wrong = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, wrong
        report = json.loads(said)
        assert isinstance(report, dict)
        return report

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(database_url, autocommit=True)) as made:
        yield made


def written(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM ledger.events").fetchone()
    return 0 if row is None else int(row[0])


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    kinds = connection.execute("SELECT type, count(*) FROM ledger.events GROUP BY type").fetchall()
    return {kind: number for kind, number in kinds if kind in EVENTS}


@pytest.mark.long
def test_killed_again_and_again_it_goes_on_where_it_stopped(
    command: list[str], database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    env = environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=database_url)
    total = sum(EVENTS.values())
    for share in (0.0, 0.4, 0.9):
        importing = Importing(command, env, tmp_path)
        assert until(lambda enough=share * total: written(connection) > enough)  # type: ignore[misc]
        importing.kill()
    report = Importing(command, env, tmp_path).report()
    assert (report["accepted"], report["contacts"], report["calls"]) == (
        CONTACTS * CALLS_EACH,
        CONTACTS,
        CONTACTS * CALLS_EACH,
    )
    assert counts(connection) == EVENTS


@pytest.mark.long
def test_two_at_once_share_the_work(
    command: list[str], database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    env = environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=database_url)
    both = [Importing(command, env, tmp_path) for _ in range(2)]
    first, second = (one.report() for one in both)
    same = ("campaign_id", "rows", "accepted", "refused", "contacts", "calls")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert counts(connection) == EVENTS


@pytest.mark.long
def test_connections_that_break_again_and_again_are_made_anew(
    command: list[str], database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    importing = Importing(command, environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=database_url), tmp_path)
    for enough in range(1, sum(EVENTS.values()), 4_000):
        until(lambda enough=enough: written(connection) > enough or importing.process.poll() is not None)  # type: ignore[misc]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert importing.report()["contacts"] == CONTACTS
    assert counts(connection) == EVENTS


@pytest.mark.long
def test_an_embedded_server_that_is_killed_is_started_again(command: list[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    with EmbeddedServer(home / "postgres", settings=FOR_TESTS) as server:
        importing = Importing(command, environment(home), tmp_path)

        def recorded() -> bool:
            with closing(psycopg.connect(server.url)) as connection:
                known = connection.execute("SELECT to_regclass('ledger.events')").fetchone() != (None,)
                return known and written(connection) > 5_000

        assert until(recorded)
        assert server.postmaster_pid is not None
        os.kill(server.postmaster_pid, signal.SIGKILL)
        assert importing.report()["contacts"] == CONTACTS
        with closing(psycopg.connect(server.start())) as connection:
            assert counts(connection) == EVENTS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,end\np1,busy\n", "the column 'sold' (goal 'Sale') is missing"),
        ("id,end,sold\np1,rang off,\n", "not one of 1 rows fits the mapping"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line_and_nothing_is_written(
    command: list[str],
    content: str,
    said: str,
    database_url: str,
    connection: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    (tmp_path / "log.csv").write_text(content)
    answer = drumbeat(*command, env=environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=database_url))
    assert answer.returncode != 0
    [line] = answer.stderr.splitlines()
    assert said in line
    assert written(connection) == 0
