"""Outages as long as real ones, and how soon after them events are published again. `make soak` tells it."""

import sys
import time
from collections.abc import Callable

import pytest

from drumbeat.transport.publishing import OVERDUE_SECONDS
from drumbeat.transport.relay import RelayOptions
from support.kafka import Broker
from support.machine import until
from support.relaying import catches_up, compare_with_log, make_topics, relaying, utc_now, writing

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("outage_seconds", [5, 35, 300])
@pytest.mark.parametrize("kind", ["killed", "stalled"])
def test_publishing_goes_on_within_seconds_of_an_outage(
    database_url: str,
    kafka_broker: Callable[..., Broker],
    capsys: pytest.CaptureFixture[str],
    outage_seconds: float,
    kind: str,
) -> None:
    broker = kafka_broker()
    cluster = broker.cluster()
    wanted = make_topics(cluster)
    with relaying(
        database_url, cluster, wanted, options=RelayOptions(), overdue_seconds=OVERDUE_SECONDS
    ) as running:
        with writing(database_url, writers=1, pause_seconds=0.02):
            assert until(lambda: running.relay.stats.events > 0)
            begin, end = (broker.kill, broker.start) if kind == "killed" else (broker.pause, broker.resume)
            begin()
            time.sleep(outage_seconds)
            end()
            events, over_at = running.relay.stats.events, time.monotonic()
            assert until(lambda: running.relay.stats.events > events)
            published_after = time.monotonic() - over_at
            lag = running.relay.stats.lag_events
            assert until(lambda: running.relay.stats.lag_seconds(utc_now()) < 1)
            level_after = time.monotonic() - over_at
        assert catches_up(database_url, cluster)
    found = compare_with_log(database_url, cluster, wanted)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind} for {outage_seconds} s: events are published again after {published_after:.1f} s, "
            f"all of {lag:,} waiting after {level_after:.1f} s; {found.repeats:,} repeats\n"
        )
    assert published_after < 10
