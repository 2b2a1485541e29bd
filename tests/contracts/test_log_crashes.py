"""kill -9, a lost server and a full disk under writers: what was acknowledged is there, and everybody goes on."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import LedgerUnavailable, VersionConflict
from drumbeat.events import Event, Fact
from drumbeat.events.sender import SenderRenamed
from drumbeat.eventstore.connections import open_connection, wait_for_database
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.migrations import LEDGER
from drumbeat.transport.source import LogSource, SourceUnavailable, event_id_of
from support.disks import filled, small_disk
from support.given import event
from support.sealing import MASTER
from support.tampering import altering_the_log

pytestmark = pytest.mark.postgres

SMALL = {"shared_buffers": "16MB", "max_wal_size": "64MB", "max_connections": "30", "io_method": "sync"}


def renamed(stream_id: UUID, version: int, name: str = "x") -> Event[Fact]:
    made = event(SenderRenamed(before="", after=name), version=version, stream_id=stream_id)
    return Event(**{name: getattr(made, name) for name in made.__slots__ if name != "id"}, id=uuid4())


COUNTED: Aggregate[int] = Aggregate("counted", int, lambda count, _event: (count or 0) + 1)


@contextlib.contextmanager
def _durable_server(folder: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(folder, settings=SMALL)
    try:
        LEDGER.migrate(server.start())
        yield server
    finally:
        server.stop()


def _kill(server: EmbeddedServer) -> None:
    assert server.postmaster_pid is not None
    os.kill(server.postmaster_pid, signal.SIGKILL)


@dataclass
class Writer:
    """Appends to a stream of its own until it is stopped, and remembers what was acknowledged."""

    ledger: EventStoreLedger
    bulk: bool
    acknowledged: list[UUID] = field(default_factory=list)
    unavailable: int = 0

    def run(self, stop: threading.Event) -> None:
        stream, version = uuid4(), 0
        while not stop.is_set():
            events = [renamed(stream, version + number) for number in (1, 2, 3)]
            try:
                (self.ledger.append_bulk if self.bulk else self.ledger.append)(events)
            except LedgerUnavailable:
                self.unavailable += 1
                time.sleep(0.02)
                # Whether it took effect is not known: a stream of one's own is the simplest way to not need it.
                stream, version = uuid4(), 0
                continue
            version += 3
            self.acknowledged += [event.id for event in events]


@dataclass
class Follower:
    """Follows the log until it has seen a given end, through everything."""

    url: str
    seen: list[UUID | None] = field(default_factory=list)
    position: int = 0
    unavailable: int = 0

    def run(self, stop: threading.Event) -> None:
        source = LogSource(self.url)
        while True:
            last_look = stop.is_set()
            try:
                batch = source.read(self.position, 50)
                if not batch.rows and not last_look:
                    source.wait(0.05)
            except SourceUnavailable:
                self.unavailable += 1
                time.sleep(0.02)
                continue
            self.seen += [event_id_of(row.bytes) for row in batch.rows]
            self.position = batch.up_to
            if last_look and not batch.rows:
                break
        source.close()


@pytest.mark.long
def test_kill_9_of_the_server_under_writers_loses_nothing_acknowledged_and_all_go_on(tmp_path: Path) -> None:
    with _durable_server(tmp_path / "state") as server:
        ledger = EventStoreLedger(server.url, master=MASTER)
        writers = [Writer(ledger, bulk=number == 3) for number in range(4)]
        follower, stop, done = Follower(server.url), threading.Event(), threading.Event()
        writing = [threading.Thread(target=writer.run, args=[stop]) for writer in writers]
        following = threading.Thread(target=follower.run, args=[done])
        for thread in (*writing, following):
            thread.start()
        for _ in range(2):
            time.sleep(0.4)
            _kill(server)
            time.sleep(0.1)
            server.start()
        time.sleep(0.4)
        stop.set()
        for thread in writing:
            thread.join()
        done.set()
        following.join()
        log = _log(server.url)
        assert {event_id for writer in writers for event_id in writer.acknowledged} <= set(log)
        assert follower.seen == log
        assert all(writer.acknowledged for writer in writers)
        assert sum(writer.unavailable for writer in writers) > 0
        assert follower.unavailable > 0
        ledger.close()


def _log(url: str) -> list[UUID | None]:
    connection = open_connection(url, settings={})
    rows = connection.execute("SELECT bytes FROM ledger.events ORDER BY position").fetchall()
    connection.close()
    return [event_id_of(row[0]) for row in rows]


def test_a_position_handed_out_again_after_a_crash_is_not_passed_over(tmp_path: Path) -> None:
    with _durable_server(tmp_path / "state") as server:
        ledger, source = EventStoreLedger(server.url, master=MASTER), LogSource(server.url)
        # 32 positions are made durable at a time: the one after them is on no disk until something commits.
        ledger.append([renamed(uuid4(), 1) for _ in range(33)])
        first = source.read(0, 100)
        aborting = open_connection(server.url, settings={})
        aborting.execute("BEGIN")
        aborting.execute("SELECT ledger.append_one(%s, 1, 'x', '{}')", [uuid4()])
        aborting.execute("ROLLBACK")
        aborting.close()
        position = source.read(first.up_to, 100).up_to
        _kill(server)
        server.start()
        appended = ledger.append([renamed(uuid4(), 1)])
        with pytest.raises(SourceUnavailable):
            source.read(position, 100)
        assert [row.position for row in source.read(position, 100).rows] == list(appended.positions)
        source.close()
        ledger.close()


def test_a_ledger_whose_server_was_away_between_calls_needs_no_second_try(tmp_path: Path) -> None:
    with _durable_server(tmp_path / "state") as server:
        ledger = EventStoreLedger(server.url, master=MASTER)
        stream = uuid4()
        ledger.append([renamed(stream, 1)])
        server.stop()
        with pytest.raises(LedgerUnavailable, match="does not answer"):
            ledger.append([renamed(stream, 2)])
        server.start()
        ledger.append([renamed(stream, 2)])
        with pytest.raises(VersionConflict):
            ledger.append([renamed(stream, 2)])
        ledger.close()


def test_a_state_read_before_the_server_was_lost_is_not_trusted_after(
    database_url: str,
) -> None:
    ledger, stream = EventStoreLedger(database_url, master=MASTER), uuid4()
    ledger.append([renamed(stream, 1), renamed(stream, 2)])
    assert ledger.load(COUNTED, stream).version == 2
    # The server comes back from a backup that does not have the second event.
    control = open_connection(database_url, settings={})
    with altering_the_log(control):
        control.execute("DELETE FROM ledger.events WHERE stream_id = %s AND version = 2", [stream])
    control.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert ledger.load(COUNTED, stream).version == 1
    ledger.append([renamed(stream, 2)])
    assert ledger.load(COUNTED, stream).version == 2
    control.close()
    ledger.close()


def test_a_caller_hears_in_time_that_every_connection_is_busy(database_url: str) -> None:
    ledger = EventStoreLedger(database_url, connections=1, patience_seconds=0.1, master=MASTER)
    holder = open_connection(database_url, settings={})
    holder.execute("BEGIN")
    stream = uuid4()
    holder.execute("SELECT ledger.append_one(%s, 1, 'x', '{}')", [stream])
    blocked = threading.Thread(target=_ignore_conflict, args=[ledger, renamed(stream, 1)])
    blocked.start()
    time.sleep(0.2)
    with pytest.raises(LedgerUnavailable, match="no database connection became free"):
        ledger.append([renamed(uuid4(), 1)])
    holder.execute("ROLLBACK")
    blocked.join()
    assert ledger.append([renamed(uuid4(), 1)]).position == ledger.head()
    holder.close()
    ledger.close()


def _ignore_conflict(ledger: EventStoreLedger, event_: Event[Fact]) -> None:
    with contextlib.suppress(VersionConflict):
        ledger.append([event_])


def test_a_full_disk_refuses_appends_loses_nothing_and_is_left_behind_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(240, tmp_path / "disk") as folder, _durable_server(folder / "state") as server:
        ledger = EventStoreLedger(server.url, master=MASTER)
        with filled(folder, leave_bytes=0):
            acknowledged = _append_until_refused(ledger)
        # Postgres ends itself when it cannot write its log of changes; starting it again is the supervisor's.
        server.start()
        wait_for_database(server.url, patience_seconds=30)
        assert set(acknowledged) <= set(_log(server.url))
        ledger.append([renamed(uuid4(), 1)])
        ledger.close()


def _append_until_refused(ledger: EventStoreLedger) -> list[UUID]:
    acknowledged: list[UUID] = []
    with contextlib.suppress(LedgerUnavailable):
        while len(acknowledged) < 10_000:
            events = [renamed(uuid4(), 1, os.urandom(50_000).hex()) for _ in range(10)]
            ledger.append(events)
            acknowledged += [event.id for event in events]
    assert len(acknowledged) < 10_000
    return acknowledged
