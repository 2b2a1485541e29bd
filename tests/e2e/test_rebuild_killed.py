"""kill -9 at each stage of a rebuild: readers see nothing of it, and the same command goes on to the end."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import pytest
from psycopg import sql

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.opsapi.exits import Exit
from support.dying import POINTS
from support.machine import drumbeat, environment, until
from support.projecting import ListLog, into_ledger, project
from support.story import tell_story

pytestmark = [pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(280)]

REBUILD = ("projections", "rebuild", "--all", "--workers", "2", "--json")
AT_THE_END = {"inside a drop", "asked to cancel"}
"""Points that a rebuild does not come to."""
WORKER = "a worker in a slice"


def rows_of_views(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What each view that people read holds; each is asked by itself, as people do."""
    views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'live' ORDER BY 1").fetchall()
    assert len(views) > 10
    statement = "SELECT count(*), md5(string_agg(r::text, ' ' ORDER BY r::text)) FROM live.{} AS r"
    return {
        name: connection.execute(sql.SQL(statement).format(sql.Identifier(name))).fetchone() for (name,) in views
    }


@dataclass
class Readers:
    """Somebody who looks at everything all the time."""

    url: str
    wrong: list[str] = field(default_factory=list)
    looks: int = 0

    def __enter__(self) -> Self:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            self.right = rows_of_views(connection)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self) -> None:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            while not self._over.wait(0.1):
                try:
                    seen = rows_of_views(connection)
                except psycopg.Error as error:
                    self.wrong.append(repr(error))
                else:
                    self.wrong += [name for name, rows in seen.items() if rows != self.right[name]]
                    self.looks += 1

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        assert self.looks > 3
        assert self.wrong == []


@dataclass(frozen=True)
class Place:
    """A log, its read models, and the commands of somebody who rebuilds them."""

    url: str
    env: dict[str, str]
    once: Path
    said: Path

    def killed(self, point: str, *arguments: str) -> None:
        """A command one of whose processes is killed at this point, and its end."""
        self.once.unlink(missing_ok=True)
        with self.said.open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "support.dying", *arguments],
                env={**self.env, "DYING_AT": point, "DYING_ONCE": str(self.once)},
                stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        try:
            code = process.wait(120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert self.once.exists(), self.said.read_text()
        assert code == (Exit.DONE if point == WORKER else -signal.SIGKILL), self.said.read_text()

    def run(self, *arguments: str) -> dict[str, Any]:
        """The same command, undisturbed: what it answers as JSON."""
        done = drumbeat(*arguments, env=self.env, seconds=120)
        assert done.returncode == Exit.DONE, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout) if "--json" in arguments else {}
        return answer

    def asked(self, statement: str) -> Sequence[Any]:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            return [row[0] for row in connection.execute(statement.encode()).fetchall()]

    def nothing_is_left(self, *generations: str) -> None:
        """Of what was killed: no schema, no row of the books, no lock, no process."""
        assert self.asked(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'gen\_%' ORDER BY 1") == [
            *generations
        ]
        for table in ("projections", "checkpoints"):
            assert self.asked(f"SELECT DISTINCT generation FROM readmodel.{table} ORDER BY 1") == [*generations]
        assert set(self.asked("SELECT generation FROM readmodel.builds")) <= {*generations}
        assert self.asked("SELECT projection FROM readmodel.projections WHERE state = 'building'") == []
        held = "SELECT classid FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database()"
        assert until(lambda: self.asked(f"{held} AND locktype = 'advisory'") == [], 10)
        assert until(lambda: self.processes() == [], 10), self.processes()

    def processes(self) -> list[list[str]]:
        """Those that work with this database."""
        return [
            found.info["cmdline"] for found in psutil.process_iter(["cmdline", "environ"]) if self._ours(found)
        ]

    def _ours(self, process: psutil.Process) -> bool:
        environ = process.info["environ"] or {}
        return environ.get("DRUMBEAT_DATABASE_URL") == self.url and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    log = ListLog()
    tell_story(log)
    into_ledger(log, database_url)
    project(log, database_url, PROJECTIONS)
    env = environment(tmp_path / "state", DRUMBEAT_DATABASE_URL=database_url)
    env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), env.get("PYTHONPATH", "")])
    return Place(database_url, env, tmp_path / "once", tmp_path / "said")


@pytest.mark.parametrize("point", [name for name in POINTS if name not in {WORKER, *AT_THE_END}])
def test_a_rebuild_that_is_killed_goes_on_with_the_same_command_and_nothing_differs(
    place: Place, point: str
) -> None:
    with Readers(place.url):
        place.killed(point, *REBUILD)
        told = place.run(*REBUILD)
    assert (told["generation"], told["live"]) == ("gen_2", True)
    assert sum(one["same"] for one in told["tables"]) > 200
    assert [one for one in told["tables"] if one["changed"] or one["appeared"] or one["gone"]] == []
    place.nothing_is_left("gen_1", "gen_2")
    assert "gen_2" in place.asked("SELECT definition FROM pg_views WHERE schemaname = 'live' LIMIT 1")[0]
    assert place.asked("SELECT reltuples FROM pg_class WHERE oid = 'gen_2.contacts'::regclass")[0] > 0


def test_a_rebuild_one_of_whose_workers_is_killed_folds_its_slice_itself_and_ends_well(place: Place) -> None:
    with Readers(place.url):
        place.killed(WORKER, *REBUILD)
    place.nothing_is_left("gen_1", "gen_2")
    assert place.asked("SELECT DISTINCT generation FROM readmodel.projections WHERE state = 'live'") == ["gen_2"]
    place.run("projections", "compare", "gen_1")


def test_a_rebuild_that_is_killed_when_it_has_just_gone_live_is_live_and_can_be_made_again(place: Place) -> None:
    with Readers(place.url):
        place.killed("after the switch", *REBUILD)
        place.nothing_is_left("gen_1", "gen_2")
        assert place.run(*REBUILD)["generation"] == "gen_3"
    place.nothing_is_left("gen_1", "gen_2", "gen_3")


def test_a_drop_that_is_killed_has_dropped_nothing_and_the_same_again_drops_everything(place: Place) -> None:
    with Readers(place.url):
        place.run(*REBUILD)
        place.killed("inside a drop", "projections", "drop", "gen_1")
        place.nothing_is_left("gen_1", "gen_2")
        place.run("projections", "drop", "gen_1")
    place.nothing_is_left("gen_2")


@pytest.mark.parametrize("point", sorted(AT_THE_END))
def test_a_cancel_that_is_killed_is_carried_out_by_the_same_command(place: Place, point: str) -> None:
    with Readers(place.url):
        place.killed("between slices and indexes", *REBUILD)
        place.killed(point, "projections", "cancel", "gen_2")
        place.run("projections", "cancel", "gen_2")
    place.nothing_is_left("gen_1")


def test_a_rebuild_after_a_cancel_that_was_killed_begins_anew(place: Place) -> None:
    with Readers(place.url):
        place.killed("between slices and indexes", *REBUILD)
        place.killed("asked to cancel", "projections", "cancel", "gen_2")
        assert place.run(*REBUILD)["live"] is True
    place.nothing_is_left("gen_1", place.asked("SELECT generation FROM readmodel.builds")[0])


@pytest.mark.parametrize("point", ["between slices and indexes", "before the first key", "comparing"])
def test_a_verification_that_is_killed_is_begun_anew_and_leaves_nothing(place: Place, point: str) -> None:
    verify = ("verify", "--workers", "2")
    with Readers(place.url):
        place.killed(point, *verify)
        place.run(*verify)
    place.nothing_is_left("gen_1")


def test_what_was_being_compared_is_fed_again_and_can_come_back(place: Place) -> None:
    with Readers(place.url):
        place.run(*REBUILD)
        place.killed("comparing", "projections", "compare", "gen_1")
        place.nothing_is_left("gen_1", "gen_2")
        place.run("projections", "rollback", "--all")
    assert "gen_1" in place.asked("SELECT definition FROM pg_views WHERE schemaname = 'live' LIMIT 1")[0]


def test_a_rollback_that_is_killed_has_changed_nothing(place: Place) -> None:
    with Readers(place.url):
        place.run(*REBUILD)
        place.killed("inside the switch", "projections", "rollback", "--all")
        assert "gen_2" in place.asked("SELECT definition FROM pg_views WHERE schemaname = 'live' LIMIT 1")[0]
        place.run("projections", "rollback", "--all")
    assert "gen_1" in place.asked("SELECT definition FROM pg_views WHERE schemaname = 'live' LIMIT 1")[0]
    place.nothing_is_left("gen_1", "gen_2")
