"""Our topics in tests: made, and written record by record, as the relay writes them or worse."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from kafka import KafkaProducer

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.healing import Heal
from drumbeat.projections import engine
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.records import subject_of
from drumbeat.transport.source import LogRow, ReadsLog
from drumbeat.transport.topic_definitions import topics_of
from drumbeat.transport.topics import create_or_check
from drumbeat.transport.watermarks import WATERMARK_TYPE, watermark
from support.sealing import KEYS

PARTITIONS = {"contacts": 4, "campaigns": 2, "": 1}
_CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")
EPOCH_MS = 946_684_800_000


@dataclass(slots=True)
class Topics:
    """The topics of one cluster and prefix, and a producer. For one thread."""

    cluster: Cluster
    counts: Mapping[str, int]
    producer: Any
    published: list[LogRow] = field(default_factory=list)

    def publish(self, rows: Iterable[LogRow], *, mark: bool = True) -> None:
        """Write events into their partitions, in order, and a watermark behind the last into every one."""
        position = 0
        for row in rows:
            self.send(row)
            self.published.append(row)
            position = row.position
        if mark and position:
            self.mark(position)
        self.producer.flush()

    def send(self, row: LogRow, **changed: Any) -> None:
        """Write one record; `changed` overrides what the producer is given."""
        key = subject_of(row.bytes) or b""
        topic = self.cluster.topic(topic_of(row.type))
        record = {
            "topic": topic,
            "key": key,
            "value": row.bytes,
            "headers": [("position", b"%d" % row.position), ("type", row.type.encode()), _CONTENT_TYPE],
            "partition": partition_of(key, self.counts[topic]),
            "timestamp_ms": row.recorded_at_us // 1000 + EPOCH_MS,
            **changed,
        }
        self.producer.send(**record)

    def mark(self, position: int) -> None:
        """Write a watermark into every partition."""
        headers = [("position", b"%d" % position), ("type", WATERMARK_TYPE.encode()), _CONTENT_TYPE]
        value = watermark(position, datetime.now(UTC))
        for topic, count in self.counts.items():
            for number in range(count):
                self.producer.send(topic, value, headers=headers, partition=number)

    def partition(self, stream_id: UUID, topic: str = "contacts") -> tuple[str, int]:
        """Where a stream's events stand."""
        name = self.cluster.topic(topic)
        return name, partition_of(str(stream_id), self.counts[name])


@contextmanager
def topics(cluster: Cluster, partitions: Mapping[str, int] | None = None) -> Iterator[Topics]:
    """Make the event topics, empty."""
    wanted = topics_of(cluster, PARTITIONS if partitions is None else partitions, 1)
    create_or_check(cluster, wanted)
    counts = {topic.name: topic.partitions for topic in wanted if topic.definition.stream is not None}
    producer = KafkaProducer(**cluster.options("tests"), acks="all", linger_ms=5, compression_type="lz4")
    with closing(producer):
        yield Topics(cluster, counts, producer)


@contextmanager
def consuming(
    topics: Topics,
    database_url: str,
    projections: Iterable[engine.Projection],
    *,
    heal: Heal,
    from_log: ReadsLog | None = None,
    group: str | None = None,
    instance: str | None = None,
    session_timeout_seconds: float = 6.0,
    ask: AskKeys = KEYS,
    **options: Any,
) -> Iterator[Projector]:
    """A projector that is fed from the topics; leaves the group at the end."""
    source = KafkaSource(
        topics.cluster,
        topics.counts,
        group=group or f"{topics.cluster.topic_prefix}{uuid4().hex[:6]}",
        instance=instance,
        from_log=from_log,
        session_timeout_seconds=session_timeout_seconds,
    )
    with closing(source):
        made = ProjectorOptions(**{"poll_seconds": 0.05, "retry_look_seconds": 0.1, **options})
        yield Projector(source, database_url, list(projections), made, heal=heal, ask=ask)
