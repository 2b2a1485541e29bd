"""The database goes away and comes back: clear answers meanwhile, and nobody needs to restart anything."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from support.postgres import TestServer
from support.reading import Reading, get, problem
from support.story import NOW, SPRING, drafted

pytestmark = pytest.mark.postgres


@contextmanager
def away(server: TestServer, url: str) -> Iterator[None]:
    """Nobody can connect to the database, and whoever was connected is thrown out."""
    name = urlsplit(url).path[1:]
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.Literal(True)))


@pytest.fixture
def reading(database_url: str) -> Reading:
    reading = Reading(database_url, now=NOW)
    reading.log.tell(SPRING, drafted("Spring"), campaign_id=SPRING)
    reading.applied()
    return reading


def until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 15
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_database_that_is_away_is_said_and_found_again(reading: Reading, postgres_server: TestServer) -> None:
    with reading.client(wait_for_connection_seconds=0.3) as client:
        until_ready(client)
        get(client, "/campaigns")
        with away(postgres_server, reading.database_url):
            answer = client.get("/campaigns")
            assert (answer.status_code, problem(answer)["code"]) == (503, "database-away")
            assert int(answer.headers["retry-after"]) >= 1
            assert problem(client.get("/campaigns?at_least=9"))["code"] == "database-away"
            assert client.get("/health/live").status_code == 200
        deadline = time.monotonic() + 15
        while (answer := client.get("/campaigns")).status_code != 200:
            assert problem(answer)["code"] == "database-away"
            assert time.monotonic() < deadline
        until_ready(client)


def test_readiness_follows_the_database(reading: Reading, postgres_server: TestServer) -> None:
    with reading.client() as client:
        until_ready(client)
        with away(postgres_server, reading.database_url):
            deadline = time.monotonic() + 10
            while (answer := client.get("/health/ready")).status_code == 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert problem(answer)["code"] == "not-ready"
        until_ready(client)


def test_connections_that_died_while_idle_cost_no_read(reading: Reading) -> None:
    with reading.client() as client:
        get(client, "/campaigns")
        with closing(psycopg.connect(reading.database_url, autocommit=True)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert [client.get("/campaigns").status_code for _ in range(8)] == [200] * 8


def test_a_connection_that_dies_under_a_read_is_a_problem_and_not_a_mistake(reading: Reading) -> None:
    with reading.client() as client, closing(psycopg.connect(reading.database_url)) as connection:
        get(client, "/campaigns")
        # The read hangs on this lock when it is killed.
        connection.execute("LOCK TABLE gen_1.campaigns IN ACCESS EXCLUSIVE MODE")
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(client.get("/campaigns")))
        thread.start()
        killed = 0
        while not killed and thread.is_alive():
            killed = len(
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchall()
            )
            time.sleep(0.02)
        thread.join()
        assert problem(answers[0])["code"] == "database-away"
        connection.rollback()
        assert get(client, "/campaigns")["items"]


def test_reads_beyond_the_pool_wait_and_then_say_so(reading: Reading) -> None:
    with (
        reading.client(connections=2, wait_for_connection_seconds=0.3) as client,
        closing(psycopg.connect(reading.database_url)) as connection,
    ):
        get(client, "/campaigns")
        connection.execute("LOCK TABLE gen_1.campaigns IN ACCESS EXCLUSIVE MODE")
        with httpx.Client(base_url=client.base_url, timeout=30, auth=client.auth) as other:
            hanging = [threading.Thread(target=other.get, args=("/campaigns",)) for _ in range(2)]
            for thread in hanging:
                thread.start()
            time.sleep(0.3)
            assert problem(client.get("/campaigns"))["code"] == "database-away"
            assert client.get("/health/live").status_code == 200
            connection.rollback()
            for thread in hanging:
                thread.join()
        assert get(client, "/campaigns")["items"]
