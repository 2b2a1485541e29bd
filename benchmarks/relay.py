"""`relay`: from the log to Kafka, all acknowledged.

Ours is a whole relay: leadership, log, records, acknowledgements, checkpoint and watermarks. The peer is a plain
producer of kafka-python with the same idempotence, compression and batch size, fed from memory with the same keys,
headers and bytes, with the library's partitioner. Beside it the same with partitions that are known already.
"""

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.brokers import VERSION, kafka, with_topics
from benchmarks.harness import Bench, Goal, Result
from benchmarks.workload import stored_calls
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.transport.cluster import COMPRESSION, Cluster
from drumbeat.transport.partitions import partition_of
from drumbeat.transport.publishing import BATCH_BYTES, KafkaPublisher
from drumbeat.transport.record_headers import headers
from drumbeat.transport.relay import Relay
from drumbeat.transport.topics import Topic
from drumbeat.transport.watermarks import WATERMARK_TYPE

_EVENTS_A_STREAM = 5
_CONTACTS = 6


def log_to_kafka(bench: Bench) -> Result:
    """Goal: 0.8 of a plain producer."""
    streams = stored_calls(bench.scaled(40_000, 8_000), _EVENTS_A_STREAM)
    # As they are in the log: many contacts at a time, their events apart.
    events = [stream[turn] for turn in range(_EVENTS_A_STREAM) for stream in streams]
    records = [
        (str(event.originator_id).encode(), event.state, headers(event.topic, position))
        for position, event in enumerate(events, start=1)
    ]
    with bench.database() as url, kafka() as brokers:
        LogRecorder(Connections(url)).insert_bulk(events)

        def ours() -> float:
            cluster, topics = with_topics(brokers)
            elapsed = _relayed(url, cluster, topics, len(events))
            _check(cluster, topics, len(events))
            return len(events) / elapsed

        def plain(*, knows_partitions: bool = False) -> float:
            cluster, topics = with_topics(brokers)
            elapsed = _produced(cluster, records, knows_partitions=knows_partitions)
            _check(cluster, topics, len(events))
            return len(events) / elapsed

        return bench.compare(
            "relay",
            "events/s",
            ours=ours,
            peer=plain,
            also={"plain producer that knows the partitions": lambda: plain(knows_partitions=True)},
            goal=Goal(per_peer=0.8),
            kafka=VERSION,
        )


def _relayed(url: str, cluster: Cluster, topics: tuple[Topic, ...], count: int) -> float:
    relay = Relay(url, cluster.topic_prefix, lambda: KafkaPublisher(cluster, topics, lambda: datetime.now(UTC)))
    stop = threading.Event()

    def watch() -> None:
        while relay.stats.position < count:
            time.sleep(0.01)
        stop.set()

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.perf_counter()
    relay.run(stop)
    elapsed = time.perf_counter() - started
    watching.join()
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT position FROM ledger.relay_checkpoints WHERE topic_prefix = %s", [cluster.topic_prefix]
        ).fetchone()
    assert row == (count,), f"the checkpoint is at {row} of {count}"
    return elapsed


def _produced(
    cluster: Cluster, records: list[tuple[bytes, bytes, list[tuple[str, bytes]]]], *, knows_partitions: bool
) -> float:
    topic = cluster.topic("contacts")
    started = time.perf_counter()
    producer = KafkaProducer(
        **cluster.options("plain"),
        acks="all",
        enable_idempotence=True,
        compression_type=COMPRESSION,
        batch_size=BATCH_BYTES,
    )
    at_ms = int(time.time() * 1000)
    if knows_partitions:
        for key, value, told in records:
            producer.send(topic, value, key, told, partition_of(key, _CONTACTS), at_ms)
    else:
        for key, value, told in records:
            producer.send(topic, value, key, told, None, at_ms)
    producer.flush()
    elapsed = time.perf_counter() - started
    producer.close()
    return elapsed


def _check(cluster: Cluster, topics: tuple[Topic, ...], count: int) -> None:
    """Every event is there once, in order of position in its partition."""
    consumer = KafkaConsumer(**cluster.options("check"), enable_auto_commit=False, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    last: Counter[Any] = Counter()
    events = 0
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for partition, polled in consumer.poll(timeout_ms=1_000, max_records=10_000).items():
            for record in polled:
                told = dict(record.headers)
                if told["type"] == WATERMARK_TYPE.encode():
                    continue
                position = int(told["position"])
                assert position > last[partition], f"{position} comes after {last[partition]} in {partition}"
                last[partition] = position
                events += 1
    consumer.close()
    assert events == count, f"{events} of {count} events are there"
