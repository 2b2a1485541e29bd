"""The broker that the tests start is a real one, and keeps what it has acknowledged."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from drumbeat.transport.cluster import Cluster
from support.kafka import CONSOLE_CONSUMER, CONSUMER_GROUPS, Broker, kafka_tool

pytestmark = pytest.mark.kafka


def make_topic(cluster: Cluster, name: str) -> str:
    topic = cluster.topic(name)
    with closing(KafkaAdminClient(**cluster.options("tests"))) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([topic])
    return topic


def produce(cluster: Cluster, topic: str, *values: bytes) -> None:
    """Send with acks=all and idempotence, and wait for each acknowledgement."""
    with closing(KafkaProducer(**cluster.options("tests"), acks="all", enable_idempotence=True)) as producer:
        for sent in [producer.send(topic, key=b"stream", value=value) for value in values]:
            sent.get(timeout=30)


def read(cluster: Cluster, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(**cluster.options("tests"), auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    with closing(consumer):
        consumer.assign([TopicPartition(topic, 0)])
        return [next(consumer).value for _ in range(count)]


def test_a_record_that_was_acknowledged_is_read_back(kafka_cluster: Cluster) -> None:
    topic = make_topic(kafka_cluster, "contacts")
    produce(kafka_cluster, topic, b"one", b"two")
    assert read(kafka_cluster, topic, 2) == [b"one", b"two"]


def test_a_topic_that_nobody_made_does_not_come_to_be_by_asking(kafka_cluster: Cluster) -> None:
    with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
        admin.describe_topics([kafka_cluster.topic("unmade")])
        assert kafka_cluster.topic("unmade") not in admin.list_topics()


def test_kafkas_own_tools_read_the_records_and_show_the_group(
    kafka_cluster: Cluster, kafka_programs: Path
) -> None:
    topic, group = make_topic(kafka_cluster, "contacts"), f"{kafka_cluster.topic_prefix}readers"
    produce(kafka_cluster, topic, b"one", b"two")
    server = ("--bootstrap-server", kafka_cluster.bootstrap)
    read_by_it = kafka_tool(
        CONSOLE_CONSUMER, *server, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "2"
    )
    assert read_by_it.stdout.split() == ["one", "two"], read_by_it.stderr
    shown = kafka_tool(CONSUMER_GROUPS, *server, "--describe", "--group", group)
    line = next(line for line in shown.stdout.splitlines() if line.startswith(group))
    assert line.split()[:6] == [group, topic, "0", "2", "2", "0"]


@pytest.mark.long
@pytest.mark.slow
def test_a_broker_that_was_killed_comes_back_with_everything_it_had_acknowledged(
    kafka_broker: Callable[..., Broker],
) -> None:
    broker = kafka_broker()
    topic = make_topic(broker.cluster(), "contacts")
    values = [str(number).encode() for number in range(500)]
    produce(broker.cluster(), topic, *values)
    broker.kill()
    assert not broker.is_running
    broker.start()
    assert read(broker.cluster(), topic, 500) == values
