"""Topics in memory: the twin of Kafka at the port of sources, with deliveries in any order across partitions."""

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.records import KafkaRow, name_of, subject_of
from drumbeat.transport.source import Checkpoint, Delivery, LogRow, Places, Reassigned, checkpoint_of
from drumbeat.transport.topic_definitions import definitions

MARK = "drumbeat.watermark.v1"


@dataclass(slots=True)
class MemoryTopics:
    """The partitions of one topic, or of a topic a kind of stream. Written by `publish`; read by any members."""

    count: int
    by_kind: bool = False
    records: dict[str, list[KafkaRow]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.records:
            return
        topics = [one.name for one in definitions() if one.stream is not None] if self.by_kind else ["t"]
        for topic in topics:
            for number in range(self.count):
                self.records[name_of(topic, number)] = []

    def publish(self, rows: Iterable[LogRow]) -> None:
        """Write events into their partitions, and a watermark behind the last into every one."""
        position = 0
        for row in rows:
            key = subject_of(row.bytes)
            assert key is not None
            topic = topic_of(row.type) if self.by_kind else "t"
            self._append(name_of(topic, partition_of(key, self.count)), row)
            position = row.position
        for partition in self.records:
            self._append(partition, LogRow(position, MARK, b"{}", 0))

    def first(self, counts: Mapping[str, int]) -> "MemoryTopics":
        """The same with no more records than so many in each partition."""
        return replace(self, records={name: self.records[name][:count] for name, count in counts.items()})

    def _append(self, partition: str, row: LogRow) -> None:
        records = self.records[partition]
        records.append(
            KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, partition, len(records) + 1)
        )


class Member:
    """A `Source` over topics in memory that delivers some partitions at a time, as chance has it."""

    def __init__(self, topics: MemoryTopics, seed: int, assigned: frozenset[str] | None = None) -> None:
        self._topics = topics
        self._random = random.Random(seed)
        self._assigned = assigned if assigned is not None else self.partitions()
        self._told: frozenset[str] | None = None

    def reassign(self, assigned: frozenset[str]) -> None:
        """As the group's coordinator does."""
        self._assigned = assigned

    def partitions(self) -> frozenset[str]:
        return frozenset(self._topics.records)

    def assigned(self) -> frozenset[str]:
        self._told = self._assigned
        return self._assigned

    def take(self, after: Places, limit: int) -> Delivery:
        if self._told != self._assigned or after.keys() != self._assigned:
            raise Reassigned(", ".join(sorted(self._assigned)))
        chosen = self._random.sample(sorted(after), self._random.randint(0, len(after)))
        rows: list[KafkaRow] = []
        reached: dict[str, Checkpoint] = {}
        for partition in chosen:
            place = after[partition]
            offset = place.next_offset or 0
            some = self._topics.records[partition][offset : offset + max(1, limit - len(rows))]
            for row in some:
                new = row.position > place.position
                place = checkpoint_of(row) if new else Checkpoint(place.position, None, row.next_offset)
                if new and row.type != MARK:
                    rows.append(row)
                reached[partition] = place
        high_water = max((records[-1].position for records in self._topics.records.values() if records), default=0)
        return Delivery(rows, reached, high_water)

    def wait(self, timeout_seconds: float) -> bool:
        threading.Event().wait(min(timeout_seconds, 0.001))
        return True

    def verify(self, places: Places) -> None: ...

    def applied(self, places: Places) -> None: ...

    def close(self) -> None: ...
