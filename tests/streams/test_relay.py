"""The relay on a real log and a real broker: what it publishes, what it says when it cannot, how it goes on."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from drumbeat.events import Event, Fact
from drumbeat.events.sender import SenderRenamed
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.relay_standing import relay_standing
from support.following import reported
from support.given import event
from support.machine import until
from support.projecting import ListLog
from support.relaying import Running, compare_with_log, held, make_topics, relaying, wanted_topics
from support.sealing import MASTER
from support.story import tell_story
from support.tampering import altering_the_log

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.fixture
def ledger(database_url: str) -> Iterator[EventStoreLedger]:
    with closing(EventStoreLedger(database_url, master=MASTER)) as real:
        yield real


def catches_up(running: Running, position: int, seconds: float = 30.0) -> bool:
    """Whether everything up to a position is acknowledged and marked in time."""
    stats = running.relay.stats
    return until(lambda: min(stats.position, stats.marked) >= position, seconds)


def large(size: int, stream_id: UUID | None = None) -> Event[Fact]:
    fact = SenderRenamed(before="", after="".join(uuid4().hex for _ in range(size // 32)))
    return replace(event(fact, stream_id=stream_id or uuid4()), id=uuid4())


def write_story(url: str) -> int:
    """A whole history of campaigns in the log; its last position."""
    log = ListLog()
    tell_story(log, people=30)
    with psycopg.connect(url) as connection:
        for row in log.rows:
            connection.execute(
                "INSERT INTO ledger.events (stream_id, version, type, bytes) "
                "SELECT (convert_from(%(raw)s, 'UTF8')::jsonb->>'subject')::uuid, "
                "(convert_from(%(raw)s, 'UTF8')::jsonb->>'streamversion')::int, %(type)s, %(raw)s",
                {"raw": row.bytes, "type": row.type},
            )
    return len(log.rows)


def test_every_event_is_published_once_in_the_order_of_its_partition_as_it_is_in_the_log(
    database_url: str, kafka_cluster: Cluster
) -> None:
    wanted, count = make_topics(kafka_cluster), write_story(database_url)
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert catches_up(running, count)
    found = compare_with_log(database_url, kafka_cluster, wanted)
    assert (found.count, found.repeats) == (count, 0)
    assert len({topic for topic, _ in found.events if found.events[topic, _]}) == 4


def test_every_partition_of_every_topic_of_events_has_a_watermark_at_the_end_of_the_log(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    ledger.append(reported(5))
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert catches_up(running, 5)
    found = held(kafka_cluster, wanted)
    dead_letters = kafka_cluster.topic("dead-letters")
    for topic in wanted:
        for number in range(topic.partitions):
            marks = [position for position, _ in found.watermarks[topic.name, number]]
            assert marks == sorted(set(marks))
            assert (marks[-1:] == [5]) == (topic.name != dead_letters)


def test_a_second_run_begins_at_the_checkpoint_and_repeats_nothing(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    for count in (20, 40):
        ledger.append(reported(20))
        with relaying(database_url, kafka_cluster, wanted) as running:
            assert catches_up(running, count)
    assert compare_with_log(database_url, kafka_cluster, wanted).repeats == 0
    standing = relay_standing(database_url, kafka_cluster.topic_prefix)
    assert standing is not None
    assert (standing.position, standing.fault) == (40, None)


def test_an_event_is_visible_within_a_moment_of_its_commit(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert catches_up(running, 0)
        taken = []
        for _ in range(20):
            position, started = ledger.append(reported(1)).position, time.monotonic()
            while running.relay.stats.marked < position:
                assert time.monotonic() < started + 10
                time.sleep(0.001)
            taken.append(time.monotonic() - started)
    assert sorted(taken)[10] < 0.25


def test_topics_that_are_missing_are_named_and_publishing_begins_when_they_are_made(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    ledger.append(reported(3))
    wanted = wanted_topics(kafka_cluster)
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert until(lambda: running.relay.stats.fault_kind == "unfit")
        standing = relay_standing(database_url, kafka_cluster.topic_prefix)
        assert standing is not None
        assert "senders: is missing" in str(standing.fault)
        assert running.relay.stats.lag_events == 3
        make_topics(kafka_cluster)
        assert catches_up(running, 3)
        assert until(lambda: running.relay.stats.fault is None)
        standing = relay_standing(database_url, kafka_cluster.topic_prefix)
        assert standing is not None
        assert (standing.fault, standing.fault_since) == (None, None)
    compare_with_log(database_url, kafka_cluster, wanted)


def test_topics_with_another_number_of_partitions_are_refused_before_anything_is_written(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    ledger.append(reported(3))
    wanted = make_topics(kafka_cluster)
    with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
        senders = kafka_cluster.topic("senders")
        admin.create_partitions({senders: 4})
        assert until(lambda: len(admin.describe_topics([senders])[0]["partitions"]) == 4)
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert until(lambda: running.relay.stats.fault_kind == "unfit")
        assert "number of partitions is 4, but should be 2" in str(running.relay.stats.fault)
    assert held(kafka_cluster, wanted).count == 0


def test_an_event_that_its_topic_does_not_take_stops_publishing_by_name_and_goes_out_once_it_does(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    one = uuid4()
    with relaying(database_url, kafka_cluster, wanted) as running:
        ledger.append(reported(30))
        assert catches_up(running, 30)
        # Made narrower under the relay, which looked when its term began.
        _limit(kafka_cluster, "senders", 20_000)
        ledger.append([*reported(20), large(60_000, one), *reported(20)])
        assert until(lambda: running.relay.stats.failures["unfit"] > 4, 60)
        assert running.relay.stats.position < 51
    before = held(kafka_cluster, wanted)
    assert not any(record.key == str(one).encode() for found in before.events.values() for record in found)
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert until(lambda: running.relay.stats.failures["unfit"] > 0)
        assert "max.message.bytes" in str(running.relay.stats.fault)
        _limit(kafka_cluster, "senders", 1_048_588)
        assert catches_up(running, 71)
    assert compare_with_log(database_url, kafka_cluster, wanted).count == 71


def _limit(cluster: Cluster, name: str, size: int) -> None:
    with closing(KafkaAdminClient(**cluster.options("tests"))) as admin:
        topic = cluster.topic(name)
        admin.alter_configs([ConfigResource("topic", topic, {"max.message.bytes": str(size)})])

        def told() -> int:
            # The brokers hear of it after the controller has answered.
            found = admin.describe_configs([ConfigResource("topic", topic)], config_filter="all")
            return int(found["topic"][topic]["max.message.bytes"]["value"])

        assert until(lambda: told() == size)


@pytest.mark.long
def test_an_event_of_an_unknown_kind_of_stream_stops_publishing_by_name_after_all_before_it(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    ledger.append(reported(30))
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO ledger.events (stream_id, version, type, bytes) "
            "SELECT gen_random_uuid(), 1, 'parcel.sent.v1', bytes FROM ledger.events WHERE position = 1"
        )
    ledger.append(reported(5))
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert until(lambda: running.relay.stats.position == 30, 60)
        assert until(lambda: "parcel.sent.v1" in str(running.relay.stats.fault))
        assert running.relay.stats.lag_events == 6
    assert held(kafka_cluster, wanted).count == 30


def test_a_log_that_was_restored_to_an_older_state_is_not_published_further(
    database_url: str, kafka_cluster: Cluster, ledger: EventStoreLedger
) -> None:
    wanted = make_topics(kafka_cluster)
    ledger.append(reported(5))
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert catches_up(running, 5)
    with psycopg.connect(database_url) as connection, altering_the_log(connection):
        connection.execute("DELETE FROM ledger.events WHERE position = 5")
    ledger.append(reported(3))
    with relaying(database_url, kafka_cluster, wanted) as running:
        assert until(lambda: running.relay.stats.fault_kind == "rewound")
        assert "restored or failed over" in str(running.relay.stats.fault)
    assert held(kafka_cluster, wanted).count == 5
