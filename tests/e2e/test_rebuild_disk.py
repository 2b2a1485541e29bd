"""The disk fills up under a rebuild: one line says so, readers see nothing of it, and the same command goes on.

Postgres says 53100 when it cannot write. Here triggers say it at chosen places, so that it needs no file system of
its own; the last test has a small one, and really fills it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import psycopg
import pytest

from drumbeat.access.master_keys import MasterKeyFile
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.opsapi.exits import Exit
from support.disks import filled, small_disk
from support.machine import drumbeat, drumbeat_inside, environment
from support.projecting import ListLog, into_ledger, project, rows_of
from support.sealing import master_key_file
from support.story import tell_story

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

READ = ("contacts", "activity", "dashboard_counters")
FULL = """
CREATE FUNCTION is_full() RETURNS {returns} LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/16999": No space left on device' USING ERRCODE = 'disk_full';
END
$$
"""
AT_THE_FIRST_SLICE = "WHEN (NEW.done_at IS NOT NULL AND NEW.slice = 0) EXECUTE FUNCTION is_full()"
IN_A_SLICE = (
    FULL.format(returns="trigger"),
    f"CREATE TRIGGER full_now BEFORE UPDATE ON readmodel.slices FOR EACH ROW {AT_THE_FIRST_SLICE}",
)
IN_AN_INDEX = (
    FULL.format(returns="event_trigger"),
    "CREATE EVENT TRIGGER full_now ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION is_full()",
)
ROOM = "DROP FUNCTION is_full() CASCADE"
LINE = (
    'drumbeat: the database\'s disk is full: could not extend file "base/5/16999": No space left on device;'
    " nothing is lost: make room, and give the same command again"
)


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    log = ListLog()
    tell_story(log)
    into_ledger(log, database_url)
    project(log, database_url, PROJECTIONS)
    return environment(tmp_path / "state", DRUMBEAT_DATABASE_URL=database_url)


def run(url: str, *statements: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.long
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("where", [IN_A_SLICE, IN_AN_INDEX], ids=["in a slice", "in an index"])
def test_a_disk_that_is_full_is_told_in_one_line_and_the_same_command_goes_on(
    env: dict[str, str], database_url: str, where: tuple[str, ...], workers: str
) -> None:
    command = ("projections", "rebuild", "--all", "--json", "--workers", workers)
    before = [rows_of(database_url, view) for view in READ]
    run(database_url, *where)
    refused = drumbeat(*command, env=env)
    assert refused.returncode == Exit.UNAVAILABLE, refused.stderr
    assert refused.stderr.splitlines()[-1] == LINE
    assert "Traceback" not in refused.stderr
    assert [rows_of(database_url, view) for view in READ] == before
    run(database_url, ROOM)
    done = drumbeat(*command, env=env)
    assert done.returncode == Exit.DONE, done.stderr
    told = json.loads(done.stdout)
    assert (told["generation"], told["live"]) == ("gen_2", True)
    assert [rows_of(database_url, view) for view in READ] == before


class Usage(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


@contextmanager
def free(megabytes: float) -> Iterator[None]:
    with mock.patch("shutil.disk_usage", return_value=Usage(2**40, 0, int(megabytes * 2**20))):
        yield


def test_a_rebuild_for_which_the_disk_has_too_little_room_is_refused_before_anything_is_made(
    env: dict[str, str], database_url: str
) -> None:
    command = ("projections", "rebuild", "--all", "--workers", "1")
    with free(0.5):
        refused = drumbeat_inside(*command, env=env)
        foreseen = drumbeat_inside(*command, "--dry-run", env=env)
    assert refused.returncode == Exit.REFUSED
    needed = r"drumbeat: about \d+ MiB are needed for a while and 0 are free: make room, or drop .*\n"
    assert re.fullmatch(needed, refused.stderr)
    assert foreseen.stdout.endswith("0 MiB are free, which is too little\n")
    assert generations(database_url) == {"gen_1"}
    with free(10_000):
        assert drumbeat_inside(*command, env=env).returncode == Exit.DONE
    assert generations(database_url) == {"gen_1", "gen_2"}


def generations(url: str) -> set[Any]:
    with closing(psycopg.connect(url)) as connection:
        return {
            name for (name,) in connection.execute(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'gen\_%'")
        }


def test_keys_of_persons_that_are_missing_are_told_in_one_line_and_nothing_differs_once_they_are_there(
    env: dict[str, str], tmp_path: Path
) -> None:
    command = ("projections", "rebuild", "--all", "--workers", "1")
    other = MasterKeyFile(tmp_path / "other.keys")
    other.make()
    refused = drumbeat_inside(*command, env=env | {"DRUMBEAT_MASTER_KEY_FILE": str(tmp_path / "other.keys")})
    assert refused.returncode == Exit.UNFIT, refused.stderr
    assert "lack master key" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert drumbeat_inside(*command, env=env).returncode == Exit.DONE


@pytest.mark.long
def test_a_disk_that_really_fills_up_costs_nothing_but_time(tmp_path: Path) -> None:
    with small_disk(300) as disk:
        keys = master_key_file(tmp_path / "master.keys")
        env = environment(disk / "state", DRUMBEAT_MASTER_KEY_FILE=keys)
        assert drumbeat_inside("migrate", env=env).returncode == Exit.DONE
        with EmbeddedServer(disk / "state" / "postgres") as server:
            log = ListLog()
            tell_story(log, people=1_500)
            into_ledger(log, server.url)
            project(log, server.url, PROJECTIONS)
            before = [rows_of(server.url, view) for view in READ]
            command = ("projections", "rebuild", "--all", "--json", "--workers", "1")
            # It says what it needs before; here others have taken that since.
            with filled(disk, leave_bytes=2 * 2**20), free(10_000):
                refused = drumbeat_inside(*command, env=env)
            assert refused.returncode in {Exit.UNAVAILABLE, Exit.UNFIT}, refused.stderr
            assert "Traceback" not in refused.stderr
            # The server itself goes down when it is its journal that finds no room.
            said = refused.stderr.splitlines()[-1]
            assert re.match("drumbeat: (the database's disk is full|the database went away): ", said), said
            url = server.start()
            assert [rows_of(url, view) for view in READ] == before
            done = drumbeat_inside(*command, env=env)
            assert done.returncode == Exit.DONE, done.stderr
            assert json.loads(done.stdout)["live"] is True
            assert [rows_of(url, view) for view in READ] == before
