"""Master keys are rotated while the system runs: no event changes, nothing becomes unreadable, nobody waits."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from drumbeat.access import rotation
from drumbeat.access.master_keys import MasterKeyFile, MasterKeyMissing
from drumbeat.access.rotation import rewrap
from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.values import CampaignSource, ContactPrivate
from drumbeat.eventstore.ledger import EventStoreLedger
from support.given import event
from support.machine import drumbeat_inside, environment

pytestmark = pytest.mark.postgres

ENROLLED = ContactEnrolled(reference="r", source=CampaignSource.API, private=ContactPrivate(name="Ada Lovelace"))


@pytest.fixture
def file(tmp_path: Path) -> MasterKeyFile:
    made = MasterKeyFile(tmp_path / "master.keys")
    made.make()
    return made


@pytest.fixture
def ledger(database_url: str, file: MasterKeyFile) -> Iterator[EventStoreLedger]:
    with closing(EventStoreLedger(database_url, master=MasterKeyFile(file.path))) as made:
        yield made


def enrol(ledger: EventStoreLedger, count: int) -> None:
    """Append about so many new persons."""
    ledger.append_bulk([event(ENROLLED, stream_id=uuid4()) for _ in range(count)])


def masters(url: str) -> dict[str, int]:
    with closing(psycopg.connect(url)) as connection:
        return dict(connection.execute("SELECT master, count(*) FROM access.person_keys GROUP BY 1").fetchall())


def log_of(url: str) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(url)) as connection:
        return connection.execute("SELECT position, bytes FROM ledger.events ORDER BY 1").fetchall()


def readable(ledger: EventStoreLedger, url: str) -> bool:
    with closing(psycopg.connect(url)) as connection:
        streams = connection.execute("SELECT DISTINCT stream_id FROM ledger.events").fetchall()
    return all(
        recorded.event.fact == ENROLLED for (one,) in streams for recorded in ledger.read_stream("default", one)
    )


def test_every_key_is_wrapped_by_the_new_one_and_no_event_is_touched(
    database_url: str, ledger: EventStoreLedger, file: MasterKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "KEYS_A_STEP", 7)
    enrol(ledger, 40)
    before = log_of(database_url)
    new = file.add()
    told: list[float] = []
    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        assert rewrap(owner, file, told=told.append) == 40
        assert rewrap(owner, file) == 0
    assert masters(database_url) == {new: 40}
    assert log_of(database_url) == before
    assert (len(told), told[-1]) == (6, 1.0)
    assert readable(ledger, database_url)
    only_new = MasterKeyFile(file.path)
    lines = file.path.read_text().splitlines()
    file.path.write_text("\n".join([*lines[:2], lines[-1]]) + "\n")
    with closing(EventStoreLedger(database_url, master=only_new)) as other:
        assert readable(other, database_url)


def test_a_rotation_that_is_cut_off_goes_on(
    database_url: str, ledger: EventStoreLedger, file: MasterKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "KEYS_A_STEP", 5)
    enrol(ledger, 20)
    old = file.newest()
    new = file.add()

    def cut_off(share: float) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        with pytest.raises(KeyboardInterrupt):
            rewrap(owner, file, told=cut_off)
        assert masters(database_url) == {old: 10, new: 10}
        assert readable(ledger, database_url)
        assert rewrap(owner, file) == 10
    assert masters(database_url) == {new: 20}


def test_appends_go_on_while_keys_are_wrapped_anew(
    database_url: str, ledger: EventStoreLedger, file: MasterKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "KEYS_A_STEP", 3)
    enrol(ledger, 60)
    failures: list[BaseException] = []
    over = threading.Event()
    person = uuid4()

    def write() -> None:
        try:
            while not over.is_set():
                ledger.append([replace(event(ENROLLED, stream_id=uuid4()), person_id=person)])
                enrol(ledger, 2)
        except BaseException as error:  # noqa: BLE001  told by the thread that asks
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        for _ in range(3):
            file.add()
            rewrap(owner, file)
        over.set()
        for writer in writers:
            writer.join()
        rewrap(owner, file)
    assert failures == []
    assert list(masters(database_url)) == [file.newest()]
    assert readable(ledger, database_url)


def test_a_key_that_is_destroyed_meanwhile_stays_destroyed(
    database_url: str, ledger: EventStoreLedger, file: MasterKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(ledger, 3)
    file.add()
    unwrap = MasterKeyFile.unwrap

    def destroyed_first(self: MasterKeyFile, master: str, wrapped: bytes, place: bytes) -> bytes:
        with closing(psycopg.connect(database_url, autocommit=True)) as other:
            other.execute("DELETE FROM access.person_keys")
        return unwrap(self, master, wrapped, place)

    monkeypatch.setattr(MasterKeyFile, "unwrap", destroyed_first)
    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        assert rewrap(owner, file) == 0
    assert masters(database_url) == {}


def test_a_key_whose_master_key_is_lost_is_named_and_nothing_is_changed(
    database_url: str, ledger: EventStoreLedger, tmp_path: Path
) -> None:
    enrol(ledger, 3)
    before = masters(database_url)
    other = MasterKeyFile(tmp_path / "other.keys")
    other.make()
    with closing(psycopg.connect(database_url, autocommit=True)) as owner, pytest.raises(MasterKeyMissing):
        rewrap(owner, other)
    assert masters(database_url) == before


def test_the_command_adds_a_key_wraps_all_by_it_and_finishes_what_was_cut_off(
    database_url: str, ledger: EventStoreLedger, file: MasterKeyFile, tmp_path: Path
) -> None:
    enrol(ledger, 4)
    env = environment(
        tmp_path / "home", DRUMBEAT_DATABASE_URL=database_url, DRUMBEAT_MASTER_KEY_FILE=str(file.path)
    )
    rotated = drumbeat_inside("people", "rotate-master-key", env=env)
    assert rotated.returncode == 0, rotated.stderr
    assert f"added master key {file.newest()} to {file.path}" in rotated.stdout
    assert "4 keys of persons wrapped anew" in rotated.stdout
    assert masters(database_url) == {file.newest(): 4}
    newest = file.newest()
    finished = drumbeat_inside("people", "rotate-master-key", "--finish", env=env)
    assert finished.stdout == "0 keys of persons wrapped anew\n"
    assert file.newest() == newest
    file.path.chmod(0o644)
    refused = drumbeat_inside("people", "rotate-master-key", env=env)
    assert refused.returncode == 4
    assert "has mode 0644" in refused.stderr
