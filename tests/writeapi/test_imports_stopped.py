"""Imports that are stopped anywhere: whoever goes on repeats nothing and leaves nothing out."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import psycopg
import pytest

from drumbeat.access.master_keys import MasterKeyMissing, MasterKeySet
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.uploads import Lease, Progress, RefusedRow, UploadState
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.uploads import StoredUploads
from drumbeat.intake.upload_worker import UploadWorker
from drumbeat.opsapi.uploading import importing
from drumbeat.settings import Settings
from support.machine import until
from support.reading import get, problem
from support.sealing import MASTER, master_key_file
from support.whole import OneKey
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

ROWS = 9
CHUNK = 2
FILE = "reference,phone\n" + "".join(f"p-{n},{'x' if n % 4 == 3 else f'+35191{n:07}'}\n" for n in range(ROWS))
REFUSED = sum(n % 4 == 3 for n in range(ROWS))


class Killed(BaseException):
    """The process ends here."""


class Step:
    """Calls something when a worker has taken so many steps; a step is anything that it asks of the outside."""

    def __init__(self, at: int, call: Callable[[], object]) -> None:
        self._left, self._call = at, call

    def taken(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._call()


def kill() -> None:
    raise Killed


class WatchedUploads(StoredUploads):
    """Uploads whose lease counts steps before and after each call."""

    step: Step

    @contextmanager
    def claim(self, *, now: datetime) -> Iterator[Any]:
        with super().claim(now=now) as lease:
            yield lease and WatchedLease(lease, self.step)


class WatchedLease:
    def __init__(self, lease: Lease, step: Step) -> None:
        self._lease, self._step = lease, step
        self.upload, self.progress = lease.upload, lease.progress
        self.cancelling, self.hopeless = lease.cancelling, lease.hopeless

    def advance(self, progress: Progress, refused: Sequence[RefusedRow]) -> bool:
        self._step.taken()
        answer = self._lease.advance(progress, refused)
        self._step.taken()
        return answer

    def end(self, state: UploadState, now: datetime, failure: str | None = None) -> None:
        self._step.taken()
        self._lease.end(state, now, failure)
        self._step.taken()


class WatchedCommands(Commands):
    step: Step

    def execute(self, command: Command, *arguments: Any, **named: Any) -> Done:
        done = super().execute(command, *arguments, **named)
        self.step.taken()
        return done


@contextmanager
def watched(api: Writing, url: str, step: Step) -> Iterator[UploadWorker]:
    """A worker with connections of its own."""
    with closing(WatchedUploads(url, master=MASTER)) as uploads:
        commands = WatchedCommands(api.ledger, OneKey())
        uploads.step = commands.step = step
        yield UploadWorker(uploads, commands, lambda: api.now, chunk_rows=CHUNK)


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        made.now = datetime.now(UTC)  # the chunks' keys expire by the database's clock
        yield made


def uploaded(api: Writing, file: str = FILE) -> tuple[str, str]:
    """A campaign and the path of an import into it."""
    campaign = str(api.done("/campaigns", {"kind": "call", "name": "Spring"})["stream_id"])
    answer = api.client.post(
        f"/campaigns/{campaign}/imports", content=file.encode(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    return campaign, str(answer.headers["location"])


def plain(api: Writing) -> UploadWorker:
    return UploadWorker(api.uploads, Commands(api.ledger, OneKey()), lambda: api.now, chunk_rows=CHUNK)


def enrolled(url: str) -> int:
    with closing(psycopg.connect(url)) as connection:
        query = "SELECT count(*) FROM ledger.events WHERE type = 'contact.enrolled.v1'"
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def assert_whole(api: Writing, url: str, path: str) -> None:
    done = get(api.client, path)
    assert (done["state"], done["failure"], done["share_done"]) == ("done", None, 1)
    counted = done["rows_read"], done["accepted"], done["already_enrolled"], done["refused"]
    assert counted == (ROWS, ROWS - REFUSED, 0, REFUSED)
    assert enrolled(url) == ROWS - REFUSED
    report = api.client.get(done["report"]).text.splitlines()[1:]
    assert [int(line.split(",")[0]) for line in report] == [n + 2 for n in range(ROWS) if n % 4 == 3]


STEPS = 3 * -(-ROWS // CHUNK) + 2


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_a_worker_that_ends_at_any_step_leaves_the_rest_to_the_next(
    api: Writing, database_url: str, at: int
) -> None:
    _, path = uploaded(api)
    with watched(api, database_url, Step(at, kill)) as worker, pytest.raises(Killed):
        worker.work(Event())
    plain(api).work(Event())
    assert_whole(api, database_url, path)
    assert not plain(api).work(Event())


def test_no_step_is_left_out_above(api: Writing, database_url: str) -> None:
    _, path = uploaded(api)
    with watched(api, database_url, Step(STEPS + 1, kill)) as worker:
        worker.work(Event())
    assert_whole(api, database_url, path)


def test_two_workers_never_work_on_one_upload_and_share_several(api: Writing, database_url: str) -> None:
    _, first = uploaded(api)
    seen: list[bool] = []
    with watched(api, database_url, Step(2, lambda: seen.append(plain(api).work(Event())))) as worker:
        worker.work(Event())
    assert seen == [False]
    assert_whole(api, database_url, first)
    _, second = uploaded(api)
    _, third = uploaded(api)
    with watched(api, database_url, Step(2, lambda: seen.append(plain(api).work(Event())))) as worker:
        worker.work(Event())
    assert seen == [False, True]
    assert {get(api.client, path)["state"] for path in (second, third)} == {"done"}


def test_a_worker_whose_connection_ends_loses_the_upload_and_another_goes_on(
    api: Writing, database_url: str
) -> None:
    _, path = uploaded(api)

    def taken_over() -> None:
        end_connections(database_url, holding_an_upload=True)
        assert until(lambda: plain(api).work(Event()), 10)

    with watched(api, database_url, Step(4, taken_over)) as worker, pytest.raises(LedgerUnavailable):
        worker.work(Event())
    assert_whole(api, database_url, path)


def end_connections(url: str, *, holding_an_upload: bool = False) -> None:
    query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
    query += " AND pid <> pg_backend_pid()"
    if holding_an_upload:
        query += " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 1685218660)"
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(query)


def test_a_database_that_goes_away_in_the_middle_is_waited_for(api: Writing, database_url: str) -> None:
    _, path = uploaded(api)
    stop = Event()
    with watched(api, database_url, Step(5, lambda: end_connections(database_url))) as worker:
        thread = Thread(target=worker.run, args=(stop, 0.01))
        thread.start()
        try:
            # Who asks while the database is away hears that it is.
            assert until(lambda: api.client.get(path).json().get("state") == "done", 20)
        finally:
            stop.set()
            thread.join(10)
    assert_whole(api, database_url, path)


def test_a_worker_that_is_told_to_stop_leaves_the_rest_for_later(api: Writing, database_url: str) -> None:
    _, path = uploaded(api)
    stop = Event()
    with watched(api, database_url, Step(3, stop.set)) as worker:
        worker.work(stop)
    left = get(api.client, path)
    assert (left["state"], left["rows_read"]) == ("running", CHUNK)
    assert 0 < left["share_done"] < 1
    plain(api).work(Event())
    assert_whole(api, database_url, path)


def test_an_import_that_is_cancelled_in_the_middle_keeps_who_is_enrolled_and_takes_no_more(
    api: Writing, database_url: str
) -> None:
    _, path = uploaded(api)
    told: list[Any] = []
    step = Step(1, lambda: told.append(api.done(f"{path}/cancel")))
    with watched(api, database_url, step) as worker:
        worker.work(Event())
    assert [(one["state"], one["cancelling"]) for one in told] == [("running", True)]
    ended = get(api.client, path)
    assert (ended["state"], ended["cancelling"], ended["rows_read"]) == ("cancelled", False, CHUNK)
    assert enrolled(database_url) == ended["accepted"] == CHUNK
    assert not plain(api).work(Event())


def test_one_that_is_cancelled_while_nobody_works_on_it_is_ended_by_the_next_worker(
    api: Writing, database_url: str
) -> None:
    _, path = uploaded(api)
    with watched(api, database_url, Step(3, kill)) as worker, pytest.raises(Killed):
        worker.work(Event())
    assert api.done(f"{path}/cancel")["state"] == "running"
    plain(api).work(Event())
    ended = get(api.client, path)
    assert (ended["state"], ended["rows_read"]) == ("cancelled", CHUNK)


def test_one_that_is_cancelled_after_its_last_row_is_cancelled_too(api: Writing, database_url: str) -> None:
    _, path = uploaded(api)
    with watched(api, database_url, Step(STEPS - 1, lambda: api.done(f"{path}/cancel"))) as worker:
        worker.work(Event())
    ended = get(api.client, path)
    assert (ended["state"], ended["accepted"]) == ("cancelled", ROWS - REFUSED)


def test_a_campaign_that_ends_meanwhile_refuses_the_rows_that_follow(api: Writing, database_url: str) -> None:
    campaign, path = uploaded(api, "reference\n" + "".join(f"p-{n}\n" for n in range(4)))
    with watched(api, database_url, Step(1, lambda: api.done(f"/campaigns/{campaign}/archive"))) as worker:
        worker.work(Event())
    done = get(api.client, path)
    assert (done["state"], done["accepted"], done["refused"]) == ("done", 2, 2)
    assert api.client.get(done["report"]).text.splitlines()[1:] == ["4,,campaign-over,", "5,,campaign-over,"]


def test_a_campaign_that_is_deleted_meanwhile_fails_the_import(api: Writing, database_url: str) -> None:
    campaign, path = uploaded(api)
    step = Step(1, lambda: api.done(f"/campaigns/{campaign}", method="DELETE"))
    with watched(api, database_url, step) as worker:
        worker.work(Event())
    ended = get(api.client, path)
    assert (ended["state"], ended["failure"], ended["accepted"]) == ("failed", "deleted", CHUNK)
    assert problem(api.post(f"{path}/cancel"))["code"] == "import-over"


def test_an_upload_that_breaks_every_worker_is_given_up(api: Writing, database_url: str) -> None:
    _, path = uploaded(api)
    for _ in range(10):
        with watched(api, database_url, Step(1, kill)) as worker, pytest.raises(Killed):
            worker.work(Event())
    plain(api).work(Event())
    ended = get(api.client, path)
    assert (ended["state"], ended["failure"]) == ("failed", "internal-error")


def test_one_that_does_not_open_any_more_is_given_up_and_holds_up_no_other(
    api: Writing, database_url: str
) -> None:
    _, path = uploaded(api)
    with closing(StoredUploads(database_url, master=MasterKeySet([bytes(32)]))) as others:
        worker = UploadWorker(others, Commands(api.ledger, OneKey()), lambda: api.now)
        for _ in range(10):
            with pytest.raises(MasterKeyMissing):
                worker.work(Event())
        assert worker.work(Event())
    assert get(api.client, path)["failure"] == "internal-error"


def test_an_import_lets_whoever_waits_for_an_answer_go_first(database_url: str, tmp_path: Path) -> None:
    settings = Settings(master_key_file=master_key_file(tmp_path / "master.keys"))
    with closing(EventStoreLedger(database_url, master=MASTER)) as ledger:
        with importing(settings, database_url, Commands(ledger, OneKey()), lambda: datetime.now(UTC), Event()):
            (worker,) = (thread for thread in enumerate_threads() if thread.name == "imports")
            assert worker.native_id is not None
            assert until(lambda: os.getpriority(os.PRIO_PROCESS, worker.native_id or 0) == 10, 10)
        assert os.getpriority(os.PRIO_PROCESS, 0) == 0
