"""The disk fills up under an import and under a machine: nothing is lost, and it goes on when there is room.

Starting on a full disk or a read-only folder: tests/e2e/test_failures.py, tests/contracts/test_embedded_server.py.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from drumbeat.access.master_keys import MasterKeyFile
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.opsapi.exits import Exit
from support.agreement import caught_up, everything_agrees
from support.disks import filled, small_disk
from support.machine import DRUMBEAT, Machine, drumbeat_inside, environment, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PEOPLE, CALLS_EACH = 2_000, 3
MAPPING = """
name = "A log"
shape = "row_per_contact"
[contact]
reference = "id"
[call]
attempts = "n"
duration = "seconds"
[outcome]
by_duration = { above_zero = "completed", zero = "no_answer" }
"""


@pytest.fixture
def disk() -> Iterator[Path]:
    with small_disk(260) as folder:
        yield folder


@pytest.fixture
def importing(tmp_path: Path) -> list[str]:
    """The arguments that import a file of people with their calls."""
    (tmp_path / "log.toml").write_text(MAPPING)
    (tmp_path / "log.csv").write_text(
        "id,n,seconds\n" + "".join(f"p{number},{CALLS_EACH},60\n" for number in range(PEOPLE))
    )
    return ["import", "call-history", str(tmp_path / "log.csv"), "--mapping", str(tmp_path / "log.toml")]


def everything_is_in(url: str) -> None:
    """Each row of the file is in the log, once."""
    with closing(psycopg.connect(url)) as connection:
        counted: dict[str, int] = dict(
            connection.execute("SELECT type, count(*) FROM ledger.events GROUP BY type").fetchall()
        )
    assert counted["contact.enrolled.v1"] == counted["contact.finished.v1"] == PEOPLE
    assert counted["contact.call_placed.v1"] == counted["contact.call_ended.v1"] == PEOPLE * CALLS_EACH
    assert counted["campaign.completed.v1"] == 1


@pytest.mark.long
def test_an_import_whose_disk_fills_up_waits_and_goes_on_by_itself(disk: Path, importing: list[str]) -> None:
    env = environment(disk / "state")
    with EmbeddedServer(disk / "state" / "postgres") as server:
        assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
        with filled(disk, leave_bytes=4 * 2**20):
            process = subprocess.Popen(
                [DRUMBEAT, *importing], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            log = disk / "state" / "postgres" / "server.log"
            assert until(lambda: "No space left on device" in log.read_text())
            assert process.poll() is None
        _, said = process.communicate(timeout=60)
        assert process.returncode == Exit.DONE, said
        everything_is_in(server.start())


def test_an_import_on_a_full_disk_ends_in_one_line_and_the_same_command_goes_on(
    disk: Path, importing: list[str]
) -> None:
    env = environment(disk / "state")
    assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
    with filled(disk, leave_bytes=2**20):
        refused = drumbeat_inside(*importing, env=env)
    assert refused.returncode == Exit.UNFIT
    [line] = refused.stderr.splitlines()
    assert re.fullmatch(
        r"drumbeat: the state folder \S+ cannot be used: only 1 MiB of its disk are free, .*", line
    )
    finished = drumbeat_inside(*importing, env=env)
    assert finished.returncode == Exit.DONE, finished.stderr
    with EmbeddedServer(disk / "state" / "postgres") as server:
        everything_is_in(server.url)


@pytest.mark.long
def test_a_machine_whose_disk_fills_up_says_so_and_goes_on_when_there_is_room(disk: Path, tmp_path: Path) -> None:
    home = disk / "state"
    with machine(home, tmp_path / "up.log", DRUMBEAT_DATABASE_WAIT_SECONDS=2) as up:
        url = EmbeddedServer(home / "postgres").url
        campaign = drafted(url, home)
        with filled(disk, leave_bytes=64 * 2**10):
            overfill(url)
            assert until(lambda: "postgres_does_not_start" in up.said), up.said
            answer = drumbeat_inside("campaign", "rename", campaign, "too late", env=up.env)
            assert answer.returncode in {Exit.UNFIT, Exit.UNAVAILABLE}, answer.stderr
            assert "Traceback" not in answer.stderr
        assert until(lambda: is_whole(up, url)), up.said
        renamed = drumbeat_inside("campaign", "rename", campaign, "in time", env=up.env)
        assert renamed.returncode == Exit.DONE, renamed.stderr
        assert until(lambda: up.get("/campaigns")["items"][0]["name"] == "in time")
        assert "Traceback" not in up.said
        assert up.interrupt() == 0
    with EmbeddedServer(home / "postgres") as server:
        everything_agrees(server.url, MasterKeyFile(home / "master.keys"))


def test_a_state_folder_that_became_read_only_is_refused_in_one_line_and_works_again(
    disk: Path, importing: list[str]
) -> None:
    env = environment(disk / "state")
    assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for command in (["migrate"], ["status"], ["events"], ["campaign", "list"], importing):
        refused = drumbeat_inside(*command, env=env)
        assert refused.returncode == Exit.UNFIT, refused.stderr
        [line] = refused.stderr.splitlines()
        assert line.startswith("drumbeat: ")
        assert line.endswith("cannot be used: Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert drumbeat_inside(*importing, env=env).returncode == Exit.DONE
    with EmbeddedServer(disk / "state" / "postgres") as server:
        everything_is_in(server.url)


def test_a_disk_that_fills_up_loses_nothing_that_was_answered(disk: Path) -> None:
    env = environment(disk / "state")
    assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
    with EmbeddedServer(disk / "state" / "postgres") as server:
        campaign = drafted(server.url, disk / "state")
        with filled(disk, leave_bytes=64 * 2**10):
            with psycopg.connect(server.url, autocommit=True) as connection, pytest.raises(psycopg.Error):
                connection.execute("CREATE TABLE bulk AS SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
            during = drumbeat_inside("campaign", "rename", campaign, "while it was full", env=env)
            assert during.returncode in {Exit.DONE, Exit.REFUSED, Exit.UNAVAILABLE, Exit.UNFIT}, during.stderr
            assert "Traceback" not in during.stderr
        server.start()
        after = drumbeat_inside("campaign", "rename", campaign, "when there was room again", env=env)
        assert after.returncode == Exit.DONE, after.stderr
        with psycopg.connect(server.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM ledger.events WHERE type = 'campaign.renamed.v1'"
            ).fetchone()
        assert row == (1 + (during.returncode == Exit.DONE),)


def drafted(url: str, home: Path) -> str:
    """The id of a new campaign."""
    from drumbeat import bootstrap
    from drumbeat.access import person
    from drumbeat.commands.campaign import DraftCampaign
    from drumbeat.events.values import CampaignKind
    from drumbeat.settings import Settings

    with bootstrap.ledger(Settings(home=home), url) as ledger:
        draft = DraftCampaign(kind=CampaignKind.VOICE_AGENT, name="on a small disk")
        return str(bootstrap.commands(url, ledger).execute(draft, person(), now=bootstrap.now()).stream_id)


def overfill(url: str) -> None:
    """Write until not even the server's own journal finds room, and the server gives up."""
    with suppress(psycopg.Error), closing(psycopg.connect(url, autocommit=True)) as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(true, 'drumbeat', repeat('x', 1000000))")
            connection.execute("SELECT pg_switch_wal()")


def is_whole(up: Machine, url: str) -> bool:
    """Whether everything answers again, and has caught up."""
    try:
        return up.get("/health/ready") is not None and caught_up(url)
    except psycopg.OperationalError:
        return False
