"""Waiting for a position: bounded, in the event loop, and in nobody's way."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable

import httpx
import psycopg
import pytest

from drumbeat import telemetry
from drumbeat.events.campaign import CampaignAudienceOpened, CampaignLaunched
from drumbeat.readapi.waiting import Waiting
from drumbeat.web.problems import DatabaseAway
from drumbeat.web.read_models import PositionNotReached, TooManyWaiters
from support.keys import key_for
from support.postgres import TestServer
from support.reading import Reading, get, problem
from support.story import NOW, SPRING, drafted

pytestmark = pytest.mark.postgres


@pytest.fixture
def reading(database_url: str) -> Reading:
    reading = Reading(database_url, now=NOW)
    reading.log.tell(SPRING, drafted("Spring"), campaign_id=SPRING)
    reading.applied()
    return reading


def test_a_position_that_is_reached_already_is_answered_at_once(reading: Reading) -> None:
    with reading.client() as client:
        body = get(client, f"/campaigns/{SPRING}", at_least=1)
        assert body["freshness"]["position"] == 1
        assert get(client, f"/campaigns/{SPRING}", at_least=body["as_of"])["as_of"] == body["as_of"]


def test_a_read_waits_until_its_position_is_there(reading: Reading) -> None:

    position = reading.log.tell(SPRING, CampaignAudienceOpened(), CampaignLaunched(), campaign_id=SPRING)
    with reading.client() as client:
        assert get(client, f"/campaigns/{SPRING}")["status"] == "draft"
        timer = threading.Timer(0.3, reading.applied)
        timer.start()
        began = time.monotonic()
        assert get(client, f"/campaigns/{SPRING}", at_least=position)["status"] == "launching"
        assert time.monotonic() - began >= 0.25
        timer.join()


def test_a_position_that_is_not_reached_in_time_says_how_far_it_is(reading: Reading) -> None:
    with reading.client(wait_limit_seconds=0.2) as client:
        answer = client.get(f"/campaigns/{SPRING}?at_least=99")
        assert answer.status_code == 504
        document = problem(answer)
        assert (document["code"], document["position"], document["value"]) == ("position-not-reached", 1, 99)


def test_with_a_limit_of_zero_it_is_looked_at_once(reading: Reading) -> None:
    with reading.client(wait_limit_seconds=0) as client:
        assert get(client, f"/campaigns/{SPRING}", at_least=1)["name"] == "Spring"
        assert problem(client.get("/campaigns?at_least=2"))["code"] == "position-not-reached"


def test_one_waiter_too_many_is_told_to_come_back(reading: Reading) -> None:
    with (
        reading.client(max_waiters=3, wait_limit_seconds=1) as client,
        httpx.Client(base_url=client.base_url, auth=client.auth) as other,
    ):
        waiting = [threading.Thread(target=other.get, args=("/campaigns?at_least=99",)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        answer = client.get("/campaigns?at_least=99")
        assert (answer.status_code, problem(answer)["code"]) == (503, "too-many-waiters")
        assert answer.headers["retry-after"] == "1"
        assert get(client, "/campaigns")["items"]
        for thread in waiting:
            thread.join()


@pytest.mark.long
def test_a_health_probe_is_quick_while_nine_hundred_wait(reading: Reading) -> None:
    key = key_for(reading.database_url)
    request = f"GET /campaigns?at_least=99 HTTP/1.1\r\nHost: d\r\nAuthorization: Bearer {key}\r\n"
    with (
        reading.client(max_waiters=900, wait_limit_seconds=60) as client,
        contextlib.ExitStack() as opened,
    ):
        address = (client.base_url.host, client.base_url.port or 0)
        sockets = [opened.enter_context(socket.create_connection(address)) for _ in range(900)]
        for one in sockets:
            one.sendall(f"{request}Connection: close\r\n\r\n".encode())
        until(lambda: waiting_now() == 900)
        slowest = max(timed(lambda: get(client, "/health/live")) for _ in range(20))
        assert waiting_now() == 900
        # With a thread for each who waits it is seconds; a loaded machine takes some tenths by itself.
        assert slowest < 1
        reading.log.tell(SPRING, *[CampaignAudienceOpened()] * 98, campaign_id=SPRING)
        reading.applied()
        assert {one.recv(12) for one in sockets} == {b"HTTP/1.1 200"}


def waiting_now() -> float:
    return telemetry.REGISTRY.get_sample_value("drumbeat_waiting_reads") or 0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


class Far:
    """Checkpoints that a test moves."""

    def __init__(self) -> None:
        self.position = 0
        self.looks = 0
        self.is_away = False

    async def look(self) -> int:
        self.looks += 1
        if self.is_away:
            raise psycopg.OperationalError("away")
        return self.position


def test_nobody_looks_while_nobody_waits_and_one_looks_for_all() -> None:
    async def story() -> None:
        far = Far()
        waiting = Waiting(far.look, limit_seconds=5, max_waiters=10)
        await asyncio.sleep(0.05)
        assert far.looks == 0
        tasks = [asyncio.create_task(waiting.reach(3)) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert 1 <= far.looks < 20
        with pytest.raises(TooManyWaiters):
            await waiting.reach(3)
        far.position = 3
        await asyncio.gather(*tasks)
        looks = far.looks
        await waiting.reach(3)
        await asyncio.sleep(0.05)
        assert far.looks <= looks + 1

    asyncio.run(story())


def test_waiters_hear_at_once_that_the_database_is_away() -> None:
    async def story() -> None:
        far = Far()
        far.is_away = True
        waiting = Waiting(far.look, limit_seconds=5, max_waiters=10)
        with pytest.raises(DatabaseAway):
            await waiting.reach(3)
        far.is_away = False
        far.position = 3
        await waiting.reach(3)

    asyncio.run(story())


@pytest.mark.parametrize("error", [psycopg.errors.UndefinedTable("none yet"), RuntimeError("ours")])
def test_nobody_is_left_waiting_for_a_watch_that_broke(error: Exception) -> None:
    async def broken() -> int:
        raise error

    async def story() -> None:
        waiting = Waiting(broken, limit_seconds=5, max_waiters=10)
        answers = await asyncio.gather(*(waiting.reach(3) for _ in range(3)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {DatabaseAway}
        await waiting.close()

    asyncio.run(story())


def test_a_waiter_that_gives_up_leaves_its_place() -> None:
    async def story() -> None:
        waiting = Waiting(Far().look, limit_seconds=0.5, max_waiters=1)
        impatient = asyncio.create_task(waiting.reach(3))
        await asyncio.sleep(0.02)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        with pytest.raises(PositionNotReached):
            await waiting.reach(3)

    asyncio.run(story())


def test_a_position_that_was_seen_and_is_gone_is_not_pretended(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        reading.log.tell(SPRING, drafted("Spring"), campaign_id=SPRING)
        reading.applied()
        with reading.client(wait_limit_seconds=0.2) as client:
            get(client, "/campaigns", at_least=1)
            with psycopg.connect(url) as connection:
                connection.execute("UPDATE readmodel.checkpoints SET position = 0")
            assert problem(client.get("/campaigns?at_least=1"))["code"] == "position-not-reached"
