"""A real Kafka broker for benchmarks: the one that the tests start, with a heap of a small server."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from drumbeat.transport import topics
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.publishing import KafkaPublisher
from drumbeat.transport.relay import Relay
from support.kafka import broker_in
from support.kafka.programs import kafka_version

VERSION = kafka_version()
"""The version of Kafka that is measured."""

PARTITIONS = {"contacts": 6, "campaigns": 3, "": 1}


@contextlib.contextmanager
def kafka() -> Iterator[Cluster]:
    """A broker of the benchmark's own, gone with its data at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as folder,
        broker_in(Path(folder) / "broker", heap="1g") as broker,
    ):
        yield broker.cluster()


def with_topics(cluster: Cluster) -> tuple[Cluster, tuple[topics.Topic, ...]]:
    """The same cluster with fresh topics, under a prefix of one run's own."""
    one = Cluster(bootstrap=cluster.bootstrap, topic_prefix=f"run{uuid4().hex[:8]}.")
    wanted = topics.topics_of(one, PARTITIONS, 1)
    topics.create_or_check(one, wanted)
    return one, wanted


def event_topics(wanted: tuple[topics.Topic, ...]) -> Mapping[str, int]:
    """The topics that hold events, with their partition counts."""
    return {topic.name: topic.partitions for topic in wanted if topic.definition.stream is not None}


def published(url: str, cluster: Cluster, wanted: tuple[topics.Topic, ...], events: int) -> Mapping[str, int]:
    """Let a relay bring a whole log to Kafka, watermarks and all; the topics as `event_topics`."""
    relay = Relay(url, cluster.topic_prefix, lambda: KafkaPublisher(cluster, wanted, lambda: datetime.now(UTC)))
    stop = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + 300
        while relay.stats.position < events and time.monotonic() < deadline:
            time.sleep(0.01)
        stop.set()

    watching = threading.Thread(target=watch)
    watching.start()
    relay.run(stop)
    watching.join()
    assert relay.stats.position == events, f"{relay.stats.position} of {events} events were published"
    return event_topics(wanted)
