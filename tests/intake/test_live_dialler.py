"""The live dialler of the demonstration: a campaign worked off over HTTP, in a hurry."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from drumbeat.client import Drumbeat, Retries
from drumbeat.intake.live import Ended, LiveDialler
from drumbeat.intake.live_plan import live_cast, open_campaign
from support.machine import until
from support.writing import Writing, projected, writing

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

FIRST = live_cast("default", 1, 30)


@pytest.fixture
def server(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made, projected(made):
        yield made


@pytest.fixture
def api(server: Writing) -> Iterator[Drumbeat]:
    with Drumbeat(str(server.client.base_url), key=server.key) as made:
        yield made


@contextmanager
def dialling(api: Drumbeat, server: Writing, *, pace_seconds: float = 0.02, hurry: float = 500) -> Iterator[Event]:
    """A dialler that calls thirty people, as fast as it is told; it has ended at the end, and at once."""
    stop = Event()
    dialler = LiveDialler(
        api=api, workspace_id="default", stop=stop, size=30, clock=lambda: server.now,
        pace_seconds=pace_seconds, hurry=hurry,
    )  # fmt: skip
    thread = threading.Thread(target=dialler.run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(2)
        assert not thread.is_alive(), "it does not end when it is told to"


def calls(api: Drumbeat, *states: str) -> int:
    """Calls of the live campaign in these states."""
    return api.attempts.list(FIRST.campaign_id, state=states, limit=1, count=True).count or 0  # type: ignore[arg-type]


def test_people_are_called_and_what_came_of_it_is_on_the_dashboard(api: Drumbeat, server: Writing) -> None:
    with dialling(api, server):
        assert until(lambda: server.ledger.head() > 0 and _is_there(api))
        assert until(lambda: calls(api, "recorded") >= 30)
        assert until(
            lambda: any(one.contacts.value for one in api.campaigns.dashboard(FIRST.campaign_id).goals[0].results)
        )
    dashboard = api.campaigns.dashboard(FIRST.campaign_id)
    assert dashboard.conversations.value > 0
    assert api.campaigns.get(FIRST.campaign_id).contacts == 30


def _is_there(api: Drumbeat) -> bool:
    return any(row.campaign_id == FIRST.campaign_id for row in api.campaigns.each())


def test_a_dialler_that_is_started_again_ends_the_calls_that_were_under_way(
    api: Drumbeat, server: Writing
) -> None:
    with dialling(api, server, hurry=0.01):
        assert until(lambda: _is_there(api) and calls(api, "in_flight") >= 5)
    in_flight = api.attempts.each(FIRST.campaign_id, state=["in_flight"], at_least=server.ledger.head())
    under_way = {row.contact_id for row in in_flight}
    with dialling(api, server, pace_seconds=1_000):
        assert until(lambda: calls(api, "in_flight") <= 1)
    recorded = {row.contact_id for row in api.attempts.each(FIRST.campaign_id, state=["recorded"])}
    assert len(recorded & under_way) >= len(under_way) - 1
    assert len(list(api.campaigns.each())) == 1


def test_a_paused_campaign_is_left_alone(api: Drumbeat, server: Writing) -> None:
    ours = open_campaign(api, "default", 30)
    api.campaigns.pause(ours.campaign_id)
    before = server.ledger.head()
    with dialling(api, server):
        time.sleep(0.5)
    assert server.ledger.head() == before


def test_making_the_campaign_is_taken_up_where_it_was_left(api: Drumbeat, server: Writing) -> None:
    first = open_campaign(api, "default", 30)
    written = server.ledger.head()
    assert until(lambda: api.campaigns.get(first.campaign_id).status == "running")
    assert open_campaign(api, "default", 30) == first
    assert server.ledger.head() == written


def test_when_a_campaign_is_over_the_next_one_is_made(api: Drumbeat, server: Writing) -> None:
    first = open_campaign(api, "default", 5)
    done = api.campaigns.cancel(first.campaign_id, reason="seen enough")
    assert api.campaigns.get(first.campaign_id, at_least=done).status == "cancelled"
    second = open_campaign(api, "default", 5)
    assert (second.run, second.campaign_id == first.campaign_id) == (2, False)


def test_waiting_for_an_api_that_is_away_ends_at_once(server: Writing) -> None:
    stop = Event()

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise Ended

    patient = Retries(attempts=1_000, patience_seconds=1e6, sleep=wait)
    with Drumbeat("http://127.0.0.1:1", retries=patient) as away:
        thread = threading.Thread(target=LiveDialler(api=away, workspace_id="default", stop=stop).run)
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive()
        stop.set()
        thread.join(1)
        assert not thread.is_alive()
