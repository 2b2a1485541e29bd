"""What a person is told when something is not as it must be: one line, a telling code, no traceback."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from drumbeat.opsapi.exits import Exit
from support.disks import filled, small_disk
from support.machine import drumbeat, drumbeat_inside, environment, taken_port
from support.postgres import TestServer, with_database
from support.reading import away

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def one_line(answer: subprocess.CompletedProcess[str]) -> str:
    """The last line that a command said; it said no traceback."""
    assert "Traceback" not in answer.stderr, answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line.startswith("drumbeat: ")]
    assert len(lines) == 1, answer.stderr
    return lines[0]


@pytest.mark.parametrize("command", [["up"], ["api"], ["project"], ["policies"], ["migrate"], ["status"]])
def test_a_setting_out_of_range_ends_every_command_at_once(command: list[str], tmp_path: Path) -> None:
    answer = drumbeat_inside(*command, env=environment(tmp_path / "state", DRUMBEAT_API_PORT=70000))
    assert answer.returncode == Exit.WRONG_USE
    assert (
        one_line(answer) == "drumbeat: DRUMBEAT_API_PORT is '70000', but must be a whole number from 1 to 65,535"
    )
    assert not (tmp_path / "state").exists()


def test_a_variable_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    answer = drumbeat_inside("up", env=environment(tmp_path / "state", DRUMBEAT_APY_PORT=1))
    assert answer.returncode == Exit.WRONG_USE
    assert "DRUMBEAT_APY_PORT is not a setting" in one_line(answer)


@pytest.mark.long
def test_a_database_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    with taken_port() as port:
        silent = port
    url = f"postgresql://me:secret@127.0.0.1:{silent}/drumbeat"
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=url, DRUMBEAT_DATABASE_WAIT_SECONDS=1)
    for command in (["status"], ["events"], ["campaign", "list"]):
        answer = drumbeat_inside(*command, env=env)
        assert answer.returncode == Exit.UNAVAILABLE, answer.stderr
        assert "secret" not in one_line(answer)


def test_a_read_database_that_does_not_answer_is_told_in_one_line_too(database_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url, DRUMBEAT_READ_DATABASE_URL=away(database_url))
    answer = drumbeat_inside("status", env=env)
    assert answer.returncode == Exit.UNAVAILABLE, answer.stderr
    assert "the read database does not answer" in one_line(answer)


def test_a_port_that_is_taken_ends_the_machine_with_one_line(database_url: str, tmp_path: Path) -> None:
    with taken_port() as port:
        env = environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url, DRUMBEAT_API_PORT=port)
        answer = drumbeat_inside("up", env=env)
        alone = drumbeat_inside("api", env=env)
    for refused in (answer, alone):
        assert refused.returncode == Exit.UNFIT
        assert one_line(refused) == f"drumbeat: cannot listen on 127.0.0.1 port {port}: Address already in use"


@pytest.fixture
def empty_database(postgres_server: TestServer) -> Iterator[str]:
    name = "unmigrated"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield with_database(postgres_server.url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_process_refuses_an_older_schema_until_it_is_migrated(empty_database: str, tmp_path: Path) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=empty_database)
    for command in (["api"], ["project"], ["policies"], ["events"]):
        answer = drumbeat_inside(*command, env=env)
        assert answer.returncode == Exit.UNFIT, answer.stderr
        assert "the ledger schema lacks 0001_" in one_line(answer)
        assert "drumbeat migrate" in one_line(answer)
    migrated = drumbeat_inside("migrate", env=env)
    assert migrated.returncode == Exit.DONE
    assert "ledger/0001_log" in migrated.stdout
    assert drumbeat_inside("events", env=env).returncode == Exit.DONE
    assert drumbeat_inside("migrate", env=env).stdout == ""


def test_a_process_refuses_a_newer_schema_by_name(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO public.drumbeat_migrations (set_name, name) VALUES ('ledger', '0999_later')"
        )
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url)
    for command in (["project"], ["migrate"], ["up"]):
        answer = drumbeat_inside(*command, env=env)
        assert answer.returncode == Exit.UNFIT, answer.stderr
        assert "0999_later" in one_line(answer)


def test_refusals_and_unknown_ids_are_told_with_their_reason(database_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url)
    assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
    unknown = "00000000-0000-4000-8000-000000000000"
    for command in (["launch"], ["pause"], ["cancel", "--reason", "no more"]):
        answer = drumbeat_inside("campaign", command[0], unknown, *command[1:], env=env)
        assert answer.returncode == Exit.REFUSED
        assert one_line(answer).startswith("drumbeat: refused (unknown_stream): ")
    shown = drumbeat_inside("campaign", "show", unknown, env=env)
    assert shown.returncode == Exit.REFUSED
    assert unknown in one_line(shown)
    events = drumbeat_inside("events", "--since", "yesterday", env=env)
    assert events.returncode == Exit.WRONG_USE
    assert "'yesterday'" in one_line(events)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of its own, small enough to fill."""
    with small_disk(220) as folder:
        yield folder


def test_a_read_only_state_folder_is_refused_in_one_line(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    answer = drumbeat("up", env=environment(disk / "state"))
    assert answer.returncode == Exit.UNFIT
    assert "state" in one_line(answer)
    assert "Read-only file system" in one_line(answer)


@pytest.mark.long
def test_a_full_disk_is_refused_before_anything_is_half_made(disk: Path) -> None:
    env = environment(disk / "state")
    with filled(disk, leave_bytes=8 * 2**20):
        answer = drumbeat("up", env=env)
    assert answer.returncode == Exit.UNFIT
    assert "free" in one_line(answer)
    assert drumbeat("migrate", env=env).returncode == Exit.DONE
