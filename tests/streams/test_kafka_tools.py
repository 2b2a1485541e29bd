"""Strangers read our topics: Kafka's own tools, and any CloudEvents SDK with any Kafka client."""

import json
import threading
from contextlib import ExitStack, closing

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from kafka import KafkaConsumer

from drumbeat.eventstore.healing import cannot_heal
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.watermarks import WATERMARK_TYPE
from support.kafka import CONSOLE_CONSUMER, CONSUMER_GROUPS, kafka_tool
from support.machine import until
from support.projecting import CAMPAIGN, ListLog
from support.topics import consuming, topics
from support.toys import ENROLLED, MARK, SEEN, TALLIES

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.slow]


def history() -> ListLog:
    log = ListLog()
    log.tell(CAMPAIGN, ENROLLED, *[MARK] * 9)
    return log


def test_the_console_consumer_prints_our_events_with_their_headers(kafka_cluster: Cluster) -> None:
    log = history()
    with topics(kafka_cluster, {"": 1}) as there:
        there.publish(log.rows, mark=False)
        shown = kafka_tool(
            CONSOLE_CONSUMER, "--bootstrap-server", kafka_cluster.bootstrap, "--from-beginning",
            "--topic", kafka_cluster.topic("contacts"), "--max-messages", str(len(log.rows)),
            "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true",
        )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert len(lines) == len(log.rows)
    for line, row in zip(lines, log.rows, strict=True):
        headers, key, value = line.split("\t")
        assert headers == (
            f"position:{row.position},type:{row.type},content-type:application/cloudevents+json; charset=utf-8"
        )
        assert key == str(CAMPAIGN)
        assert value.encode() == row.bytes


@pytest.mark.long
def test_consumer_groups_shows_our_lag_truthfully(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    group = f"{kafka_cluster.topic_prefix}shown"
    with topics(kafka_cluster, {"": 1}) as there, ExitStack() as stack:
        there.publish(log.rows)
        projector = stack.enter_context(
            consuming(there, database_url, [TALLIES, SEEN], heal=cannot_heal, group=group)
        )
        stop = threading.Event()
        thread = threading.Thread(target=projector.run, args=[stop])
        thread.start()
        try:
            assert until(lambda: set(_lags(kafka_cluster, group).values()) == {0}, 60)
        finally:
            stop.set()
            thread.join()
        there.publish(log.rows[:4], mark=False)
        assert _lags(kafka_cluster, group)[kafka_cluster.topic("contacts")] == 4


def _lags(cluster: Cluster, group: str) -> dict[str, int]:
    """Lag by topic; each has one partition."""
    told = kafka_tool(CONSUMER_GROUPS, "--bootstrap-server", cluster.bootstrap, "--describe", "--group", group)
    rows = [line.split() for line in told.stdout.splitlines() if line.startswith(group)]
    return {row[1]: int(row[5]) for row in rows if row[5].isdigit()}


def test_a_stranger_reads_every_record_with_a_cloudevents_sdk_and_any_client(kafka_cluster: Cluster) -> None:
    log = history()
    with topics(kafka_cluster, {"": 1}) as there:
        there.publish(log.rows)
        consumer = KafkaConsumer(
            kafka_cluster.topic("contacts"),
            bootstrap_servers=kafka_cluster.bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=15_000,
            enable_auto_commit=False,
        )
        with closing(consumer):
            read = []
            for record in consumer:
                message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
                read.append(from_kafka_event(message))
                if read[-1].get_type() == WATERMARK_TYPE:
                    break
    *events, mark = read
    assert [event.get_type() for event in events] == [row.type for row in log.rows]
    assert [event.get_subject() for event in events] == [str(CAMPAIGN)] * len(log.rows)
    assert [event.get_data() for event in events] == [json.loads(row.bytes)["data"] for row in log.rows]
    assert mark.get_data() == {"position": log.rows[-1].position}
