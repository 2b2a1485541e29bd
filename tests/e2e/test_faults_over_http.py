"""A command over HTTP whose database or API dies: sent again under its key, it has one effect."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from drumbeat.eventstore.embedded import EmbeddedServer
from support.api_process import ApiProcess, api_process
from support.keys import TESTS_KEY, bearer
from support.machine import until
from support.postgres import MIGRATION_SETS
from support.proxy import Line, line_to
from support.reading import problem

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
KEY = {"Idempotency-Key": "k-1"}
SPRING = {"kind": "call", "name": "Spring"}
DRAFTED = b"campaign.drafted.v1"
WAIT_SECONDS = 2.0


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    with line_to(database_url) as made:
        yield made


def serving(url: str, folder: Path) -> Any:
    return api_process(url, folder, DRUMBEAT_DATABASE_WAIT_SECONDS=WAIT_SECONDS)


def drafts(url: str) -> int:
    """A plain count over the log."""
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM ledger.events WHERE type = 'campaign.drafted.v1'"
        ).fetchone()
    return int(row[0]) if row else 0


def draft(client: httpx.Client) -> httpx.Response:
    return client.post("/campaigns", json=SPRING, headers=KEY)


def until_done(client: httpx.Client) -> dict[str, Any]:
    """What a client does that gets no answer, or 503: it sends the command again under its key."""
    answers: list[httpx.Response] = []

    def is_done() -> bool:
        answers.append(draft(client))
        assert answers[-1].status_code in {200, 201, 503}, answers[-1].text
        return answers[-1].status_code != 503

    assert until(is_done, 60), answers[-1].text
    done: dict[str, Any] = answers[-1].json()
    return done


@pytest.mark.long
@pytest.mark.parametrize("answered", [False, True], ids=["unheard", "unanswered"])
def test_a_line_that_breaks_in_a_command_is_503_and_the_retry_has_one_effect(
    line: Line, database_url: str, tmp_path: Path, answered: bool
) -> None:
    with serving(line.url, tmp_path) as api:
        trip = line.trip(DRAFTED, answered=answered)
        answer = draft(api.client)
        document = problem(answer)
        assert trip.tripped.is_set()
        assert (document["status"], document["code"]) == (503, "database-away")
        assert int(answer.headers["retry-after"]) > 0
        assert "same Idempotency-Key" in document["detail"]
        again = until_done(api.client)
    assert again.get("repeated", False) is answered
    assert drafts(database_url) == 1


@pytest.mark.long
def test_an_api_killed_between_commit_and_answer_leaves_one_effect(
    line: Line, database_url: str, tmp_path: Path
) -> None:
    with serving(line.url, tmp_path) as api, ThreadPoolExecutor(1) as pool:
        withheld = line.withhold(DRAFTED)
        sent: Future[httpx.Response] = pool.submit(draft, api.client)
        assert withheld.reached.wait(30)
        assert until(lambda: drafts(database_url) == 1), "it is committed, and the API has not heard so"
        assert not sent.done()
        api.kill()
        with pytest.raises(httpx.TransportError):
            sent.result(30)
        withheld.over.set()
    with serving(database_url, tmp_path) as restarted:
        again = until_done(restarted.client)
    assert again["repeated"] is True
    assert drafts(database_url) == 1


@pytest.mark.long
def test_an_api_killed_before_the_append_leaves_nothing_and_the_retry_does_it(
    line: Line, database_url: str, tmp_path: Path
) -> None:
    with serving(line.url, tmp_path) as api, ThreadPoolExecutor(1) as pool:
        trip = line.trip(DRAFTED, answered=False)
        sent = pool.submit(draft, api.client)
        assert trip.tripped.wait(30)
        api.kill()
        _ended(sent)
    assert drafts(database_url) == 0
    with serving(database_url, tmp_path) as restarted:
        assert "repeated" not in until_done(restarted.client)
    assert drafts(database_url) == 1


def _ended(sent: "Future[httpx.Response]") -> None:
    """Answered 503 or not at all, as the race between answer and death has it."""
    error = sent.exception(30)
    assert isinstance(error, httpx.TransportError) or (error is None and sent.result().status_code == 503)


@pytest.mark.long
def test_a_database_that_is_killed_under_commands_comes_back_and_each_key_has_one_effect(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    url = server.start()
    try:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        with serving(url, tmp_path) as api:
            _killed_under_commands(server, url, api)
    finally:
        server.stop()


def _killed_under_commands(server: EmbeddedServer, url: str, api: ApiProcess) -> None:
    away, statuses = threading.Event(), set[int]()

    def command(number: int) -> None:
        with httpx.Client(base_url=api.client.base_url, timeout=30, headers=bearer(TESTS_KEY)) as client:
            for turn in range(10):
                _stubborn(client, f"{number}:{turn}", statuses, away)

    with ThreadPoolExecutor(4) as pool:
        given = [pool.submit(command, number) for number in range(4)]
        assert until(lambda: drafts(url) >= 5)
        assert server.postmaster_pid is not None
        os.kill(server.postmaster_pid, signal.SIGKILL)
        assert away.wait(30), "nobody was told that the database is away"
        server.start()
        for one in given:
            one.result(120)
    assert statuses in ({201, 503}, {200, 201, 503})
    assert drafts(url) == 40


def _stubborn(client: httpx.Client, key: str, statuses: set[int], away: threading.Event) -> None:
    def is_done() -> bool:
        answer = client.post("/campaigns", json={**SPRING, "name": key}, headers={"Idempotency-Key": key})
        statuses.add(answer.status_code)
        if answer.status_code == 503:
            assert problem(answer)["code"] == "database-away"
            away.set()
        return answer.status_code != 503

    assert until(is_done, 90)
