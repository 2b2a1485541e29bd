"""The contract of publishers, kept by the real one and by the memory twin that the term's tests use."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from kafka.errors import MessageSizeTooLargeError
from kafka.future import Future

from drumbeat.events.sender import SenderRenamed
from drumbeat.transport.cluster import Cluster, KafkaAway, KafkaProblem, KafkaUnfit
from drumbeat.transport.publisher import Publisher
from drumbeat.transport.publishing import KafkaPublisher, _Flight
from drumbeat.transport.source import Batch, LogRow
from support.following import reported
from support.given import event, uid
from support.kafka import Broker
from support.publishers import MemoryPublisher
from support.relaying import held, make_topics, utc_now
from support.sealing import sealed_bytes

LARGE = 3_000_000


def batch_of(count: int, *, first: int = 1, size: int = 0) -> Batch:
    """Events of one stream; with `size`, the last one is so large."""
    rows = [
        LogRow(first + number, one.fact.TYPE, sealed_bytes(one), 0)
        for number, one in enumerate(reported(count, uid("one")))
    ]
    if size:
        text = "".join(f"{number:08x}" for number in range(0, 4_294_967_296, 4_294_967_296 // (size // 8)))
        large = event(SenderRenamed(before="", after=text), stream_id=uid("one"))
        rows[-1] = LogRow(rows[-1].position, large.fact.TYPE, sealed_bytes(large), 0)
    return Batch(rows, rows[-1].position, rows[-1].position)


@dataclass(frozen=True)
class World:
    """A publisher, and the positions that its brokers have taken."""

    publisher: Publisher
    taken: Callable[[], Sequence[int]]


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        memory = MemoryPublisher(acknowledges=True, refuses=99)
        yield World(memory, lambda: [row.position for row in memory.acknowledged])
        return
    cluster: Cluster = request.getfixturevalue("kafka_cluster")
    wanted = make_topics(cluster)

    def taken() -> Sequence[int]:
        found: list[Any] = [record for records in held(cluster, wanted).events.values() for record in records]
        return sorted(int(dict(record.headers)["position"]) for record in found)

    with closing(KafkaPublisher(cluster, wanted, utc_now, overdue_seconds=20)) as publisher:
        yield World(publisher, taken)


def wait_until(publisher: Publisher, condition: Callable[[Batch | None], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition(publisher.settled()):
        assert time.monotonic() < deadline
        publisher.wait(0.1)


def test_what_is_published_is_settled_once_the_brokers_have_it(world: World) -> None:
    first, second = batch_of(3), batch_of(2, first=4)
    world.publisher.publish(first)
    world.publisher.publish(second)
    wait_until(world.publisher, lambda newest: newest is second)
    assert (world.publisher.unsettled_events, world.publisher.unsettled_bytes) == (0, 0)
    assert world.publisher.settled() is None
    assert world.taken() == [1, 2, 3, 4, 5]


def test_one_watermark_is_under_way_at_a_time(world: World) -> None:
    assert world.publisher.marked is None
    assert world.publisher.mark(7, None)
    wait_until(world.publisher, lambda _: world.publisher.marked == 7)
    assert world.publisher.mark(9, None)
    wait_until(world.publisher, lambda _: world.publisher.marked == 9)


def test_after_a_failure_every_call_names_it_and_nothing_that_follows_is_taken(world: World) -> None:
    world.publisher.publish(batch_of(2))
    wait_until(world.publisher, lambda newest: newest is not None)

    def publish_more() -> None:
        world.publisher.publish(batch_of(1, first=99, size=LARGE))
        world.publisher.publish(batch_of(5, first=100))
        wait_until(world.publisher, lambda _: False)

    with pytest.raises(KafkaProblem):
        publish_more()
    for call in (world.publisher.settled, lambda: world.publisher.publish(batch_of(1, first=105))):
        with pytest.raises(KafkaProblem):
            call()
    assert world.taken() == [1, 2]


@pytest.mark.kafka
def test_a_record_that_failed_a_moment_before_anybody_was_told_does_not_count_as_settled(
    kafka_cluster: Cluster,
) -> None:
    with closing(KafkaPublisher(kafka_cluster, make_topics(kafka_cluster), utc_now)) as publisher:
        future = Future()
        future.exception, future.is_done = MessageSizeTooLargeError("too large"), True
        publisher._flights.append(_Flight(batch_of(1), [future], 1, 1))
        with pytest.raises(KafkaUnfit, match="too large"):
            publisher.settled()


def test_a_closed_publisher_has_ended(world: World) -> None:
    world.publisher.publish(batch_of(2))
    world.publisher.close()
    world.publisher.close()


@pytest.mark.kafka
def test_a_record_that_is_too_large_is_unfit_by_name(kafka_cluster: Cluster) -> None:
    wanted = make_topics(kafka_cluster)
    with closing(KafkaPublisher(kafka_cluster, wanted, utc_now)) as publisher:
        publisher.publish(batch_of(50, size=LARGE))
        with pytest.raises(KafkaUnfit, match=r"max\.message\.bytes"):
            wait_until(publisher, lambda _: False)


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.slow
def test_brokers_that_acknowledge_nothing_for_long_are_away_and_the_end_sends_nothing_more(
    kafka_broker: Callable[..., Broker],
) -> None:
    broker = kafka_broker()
    cluster = broker.cluster()
    wanted = make_topics(cluster)
    with closing(KafkaPublisher(cluster, wanted, utc_now, overdue_seconds=0.5)) as publisher:
        publisher.publish(batch_of(3))
        wait_until(publisher, lambda newest: newest is not None)
        broker.pause()
        publisher.publish(batch_of(3, first=4))
        publisher.wait(0.3)
        publisher.publish(batch_of(3, first=7))
        with pytest.raises(KafkaAway, match="acknowledged nothing for"):
            wait_until(publisher, lambda _: False)
        started = time.monotonic()
        publisher.close()
        assert time.monotonic() - started < 6
        broker.resume()
    broker.wait_until_it_answers()
    (records,) = [found for found in held(cluster, wanted).events.values() if found]
    positions = [int(dict(record.headers)["position"]) for record in records]
    # What had been sent before the end may arrive, without a gap; what waited behind it does not.
    assert positions == list(range(1, len(positions) + 1))
    assert 3 <= len(positions) <= 6
