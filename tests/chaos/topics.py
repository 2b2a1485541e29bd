"""What the topics hold, judged as readers read them, against the log."""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from kafka import KafkaConsumer, TopicPartition

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.records import name_of, problem_of
from drumbeat.transport.watermarks import WATERMARK_TYPE


class _Place(msgspec.Struct):
    subject: UUID
    streamversion: int


_place_of = msgspec.json.Decoder(_Place).decode


@dataclass(slots=True)
class Expected:
    """The positions of a partition in their order, and a checksum of type and bytes of each."""

    positions: "array[int]" = field(default_factory=lambda: array("q"))
    sums: "array[int]" = field(default_factory=lambda: array("L"))


@dataclass(slots=True)
class TopicsFound:
    """Events as a reader sees them: what is not above the last position of its partition is a repeat."""

    records: int = 0
    events: int = 0
    repeats: int = 0
    watermarks: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    foreign: list[tuple[str, int]] = field(default_factory=list)
    """Partition and offset of each record that is none of ours."""
    problems: list[str] = field(default_factory=list)


def expected_of(url: str, counts: Mapping[str, int], cluster: Cluster) -> dict[str, Expected]:
    """What each partition must hold, by its name."""
    expected: dict[str, Expected] = defaultdict(Expected)
    with psycopg.connect(url) as connection, connection.cursor("log") as cursor:
        cursor.itersize = 5_000
        for position, stream, kind, raw in cursor.execute(
            "SELECT position, stream_id, type, bytes FROM ledger.events ORDER BY position"
        ):
            topic = cluster.topic(topic_of(kind))
            one = expected[name_of(topic, partition_of(str(stream), counts[topic]))]
            one.positions.append(position)
            one.sums.append(checksum(kind.encode(), raw))
    return expected


def judge_topics(url: str, cluster: Cluster, counts: Mapping[str, int]) -> TopicsFound:
    """Read every partition to its end and compare it with the log."""
    found, expected = TopicsFound(), expected_of(url, counts, cluster)
    judges = {
        name_of(topic, number): Judge(
            name_of(topic, number), expected.pop(name_of(topic, number), Expected()), found
        )
        for topic, count in counts.items()
        for number in range(count)
    }
    assert not expected, f"events of topics that are not there: {sorted(expected)}"
    consumer = KafkaConsumer(**cluster.options("chaos"), enable_auto_commit=False, auto_offset_reset="earliest")
    with closing(consumer):
        partitions = [TopicPartition(topic, n) for topic, count in counts.items() for n in range(count)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(one) < ends[one] for one in partitions):
            for partition, records in consumer.poll(timeout_ms=500, max_records=5_000).items():
                for record in records:
                    judges[name_of(*partition)].take(record)
    for judge in judges.values():
        judge.end()
    return found


class Judge:
    """Judges one partition, record by record."""

    def __init__(self, name: str, expected: Expected, found: TopicsFound) -> None:
        """`found` is added to."""
        self._name, self._expected, self._found = name, expected, found
        self._next = 0
        self._last = 0
        self._versions: dict[UUID, int] = {}

    def take(self, record: Any) -> None:
        """The next record, as the library gives it."""
        found, told = self._found, dict(record.headers)
        found.records += 1
        if problem_of(record.key, record.value, record.headers) is not None:
            found.foreign.append((self._name, record.offset))
            return
        position = int(told["position"])
        if told["type"] == WATERMARK_TYPE.encode():
            found.watermarks += 1
            self._see_mark(position)
            return
        if position <= self._last:
            found.repeats += 1
            return
        self._last = position
        self._see_event(position, told["type"], record.value)

    def _see_mark(self, position: int) -> None:
        # A reader at a watermark takes everything up to it as seen: what comes at or below it later is lost to it.
        self._last = max(self._last, position)

    def _see_event(self, position: int, kind: bytes, raw: bytes) -> None:
        found, expected = self._found, self._expected
        found.events += 1
        while self._next < len(expected.positions) and expected.positions[self._next] < position:
            self._lose(expected.positions[self._next])
            self._next += 1
        if self._next == len(expected.positions) or expected.positions[self._next] != position:
            found.doubled += 1
            found.problems.append(f"{self._name}: position {position} is not in the log, or came before")
            return
        if expected.sums[self._next] != checksum(kind, raw):
            found.problems.append(f"{self._name}: the event at {position} has other bytes than in the log")
        self._next += 1
        place = _place_of(raw)
        if place.streamversion != self._versions.get(place.subject, 0) + 1:
            found.out_of_order += 1
            found.problems.append(f"{self._name}: version {place.streamversion} of {place.subject} at {position}")
        self._versions[place.subject] = place.streamversion

    def _lose(self, position: int) -> None:
        self._found.lost += 1
        self._found.problems.append(f"{self._name}: the event at {position} is missing")

    def end(self) -> None:
        """There are no more: what did not come is lost."""
        for position in self._expected.positions[self._next :]:
            self._lose(position)


def checksum(kind: bytes, raw: bytes) -> int:
    """By which an event is known again."""
    return zlib.crc32(raw, zlib.crc32(kind))
