"""Our topics as a source of read models: a consumer group shares the partitions among its projectors.

Where a projector goes on stands in the read database, in the transaction of the rows; offsets that are committed
to Kafka are a mirror of it for Kafka's own tools. A member that was suspended and lost its partitions may still
try to write: the compare-and-set of its checkpoints fails.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.structs import MemberState

from drumbeat.transport.assignment import Assignment, topic_partition
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.lost_ranges import LostRange
from drumbeat.transport.records import KafkaRow, Reader, name_of, split
from drumbeat.transport.source import (
    Checkpoint,
    Delivery,
    Places,
    ReadsLog,
    Reassigned,
    SourceUnavailable,
    checkpoint_of,
)
from drumbeat.transport.unpacking import unpack_with_this

log = structlog.get_logger(__name__)

_MIRROR_SECONDS: Final = 1.0
_JOIN_MS: Final = 3_000
SESSION_TIMEOUT_SECONDS: Final = 10.0
"""A projector that is silent for so long loses its partitions to the others."""


class KafkaSource:
    """A `Source` over the topics of one cluster. For one thread.

    `from_log` reads the log when a topic no longer holds what comes next; None: the reader waits and says so.
    `instance` names this member over restarts, so that it gets its partitions back at once; each has its own.
    """

    def __init__(
        self,
        cluster: Cluster,
        topics: Mapping[str, int],
        *,
        group: str,
        instance: str | None = None,
        from_log: ReadsLog | None = None,
        session_timeout_seconds: float = SESSION_TIMEOUT_SECONDS,
        client: str = "drumbeat-project",
    ) -> None:
        """`topics`: the full names of the topics with their partition counts, which were checked."""
        self._cluster = cluster
        self._topics = dict(topics)
        self._group = group
        self._client = client
        self._instance = instance
        self._from_log = from_log
        self._session_timeout_seconds = session_timeout_seconds
        self._consumer: KafkaConsumer | None = None
        self._assignment: Assignment | None = None
        self._assigned: frozenset[str] = frozenset()
        self._changes = 0
        self._limit = 1_000
        self._readers: dict[str, Reader] = {}
        self._lost: dict[str, LostRange] = {}
        self._polled: Mapping[TopicPartition, Sequence[Any]] = {}
        self._mirrored: dict[str, int] = {}
        self._mirror_at = 0.0
        self._high_water = 0

    def partitions(self) -> frozenset[str]:
        """See `Source`."""
        return frozenset(name_of(topic, n) for topic, count in self._topics.items() for n in range(count))

    def assigned(self) -> frozenset[str]:
        """See `Source`. Joins the group at the first call; none are assigned until `wait` or `take` has polled."""
        _, assignment = self._joined()
        # In this order: what changes in between is seen by the next poll.
        self._changes = assignment.changes
        self._assigned = assignment.names()
        self._forget()
        return self._assigned

    def take(self, after: Places, limit: int) -> Delivery:
        """See `Source`."""
        self._limit = limit
        self._place_readers(after)
        polled, self._polled = self._polled or self._poll(0.0), {}
        rows: list[KafkaRow] = []
        reached: dict[str, Checkpoint] = {}
        for partition, records in polled.items():
            reader = self._readers[name_of(*partition)]
            self._deliver(reader, records, after, rows, reached)
        for partition in list(self._lost):
            self._deliver_from_log(partition, after[partition], limit, rows, reached)
        return Delivery(rows, reached, self._high_water)

    def wait(self, timeout_seconds: float) -> bool:
        """See `Source`."""
        if not self._polled and not self._lost:
            self._polled = self._poll(timeout_seconds)
        return bool(self._polled or self._lost)

    def verify(self, places: Places) -> None:
        """See `Source`: a topic that was made anew is seen by its offsets, and its positions still rise."""

    def applied(self, places: Places) -> None:
        """See `Source`. Commits to Kafka what moved, about once a second; an answer is not waited for."""
        if time.monotonic() < self._mirror_at or self._consumer is None:
            return
        moved = {
            name: place.next_offset
            for name, place in places.items()
            if place.next_offset is not None and self._mirrored.get(name) != place.next_offset
        }
        self._mirror_at = time.monotonic() + _MIRROR_SECONDS
        if moved:
            offsets = {topic_partition(name): OffsetAndMetadata(at, "", -1) for name, at in moved.items()}
            self._mirrored.update(moved)
            self._consumer.commit_async(offsets, callback=self._heard)

    def _heard(self, _offsets: object, answer: object) -> None:
        # On the library's thread. What did not arrive is said again with the next commit.
        if isinstance(answer, Exception):
            log.debug("offsets_not_mirrored", problem=str(answer))
            self._mirrored = {}

    def close(self) -> None:
        """See `Source`. Leaves the group."""
        consumer, self._consumer, self._assignment = self._consumer, None, None
        self._forget()
        if consumer is not None:
            try:
                consumer.close(autocommit=False, timeout_ms=2_000)
            except KafkaError as error:
                log.info("group_left_without_a_word", problem=str(error))

    def _forget(self) -> None:
        self._readers, self._lost, self._polled, self._mirrored = {}, {}, {}, {}

    def _joined(self) -> tuple[KafkaConsumer, Assignment]:
        if self._consumer is None or self._assignment is None:
            try:
                consumer = KafkaConsumer(**self._cluster.options(self._client), **self._settings())
            except KafkaError as error:
                raise SourceUnavailable(f"no Kafka broker answers: {error}") from error
            try:
                self._know_topics(consumer)
                unpack_with_this(consumer)
                assignment = Assignment(consumer)
                consumer.subscribe(sorted(self._topics), listener=assignment)
            except BaseException:
                consumer.close(autocommit=False, timeout_ms=0)
                raise
            self._consumer, self._assignment = consumer, assignment
        return self._consumer, self._assignment

    def _know_topics(self, consumer: KafkaConsumer) -> None:
        # A member that leads the group without knowing the topics assigns none, and nobody looks again for long.
        for topic, count in self._topics.items():
            try:
                known = len(consumer.partitions_for_topic(topic))
            except KafkaError as error:
                raise SourceUnavailable(f"Kafka cannot be read: {error}") from error
            if known != count:
                raise SourceUnavailable(f"the broker tells {known} partitions of {topic}, not {count}")

    def _settings(self) -> dict[str, Any]:
        timeout_ms = int(self._session_timeout_seconds * 1000)
        return {
            "group_id": self._group,
            "group_instance_id": self._instance,
            "partition_assignment_strategy": (CooperativeStickyAssignor,),
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "session_timeout_ms": timeout_ms,
            "heartbeat_interval_ms": min(3_000, timeout_ms // 4),
            "reconnect_backoff_max_ms": 1_000,
            "metadata_max_age_ms": 10_000,
            "max_partition_fetch_bytes": 2 << 20,
            "metrics_enabled": False,
        }

    def _place_readers(self, after: Places) -> None:
        """Let each partition be read on where it is asked for."""
        consumer, assignment = self._joined()
        self._require_unchanged(assignment)
        if after.keys() != self._assigned:
            raise Reassigned(_words(self._assigned))
        for name, place in after.items():
            reader = self._readers.get(name)
            offset = place.next_offset or 0
            if reader is not None and (reader.next_offset, reader.position) == (offset, place.position):
                continue
            partition = topic_partition(name)
            consumer.seek(partition, offset)
            consumer.resume(partition)
            self._readers[name] = Reader(name, place.position, offset)
            self._polled = {p: records for p, records in self._polled.items() if p != partition}

    def _require_unchanged(self, assignment: Assignment) -> None:
        # Also when the same partitions came back: the library holds them at offset 0 until they are placed anew.
        if assignment.changes != self._changes or assignment.names() != self._assigned:
            raise Reassigned(_words(assignment.names()))

    def _poll(self, timeout_seconds: float) -> Mapping[TopicPartition, Sequence[Any]]:
        consumer, assignment = self._joined()
        try:
            polled: Mapping[TopicPartition, Sequence[Any]] = consumer.poll(
                timeout_ms=int(timeout_seconds * 1000), max_records=self._limit
            )
            if not _is_member(consumer):
                _join(consumer)
        except OffsetOutOfRangeError as error:
            self._lose(consumer, error.args[0])
            return {}
        except KafkaError as error:
            raise SourceUnavailable(f"Kafka cannot be read: {error}") from error
        # If not, what was polled is read again from the checkpoints, by whoever has the partition now.
        self._require_unchanged(assignment)
        return polled

    def _deliver(
        self,
        reader: Reader,
        records: Sequence[Any],
        after: Places,
        rows: list[KafkaRow],
        reached: dict[str, Checkpoint],
    ) -> None:
        made, mark = reader.rows(records)
        rows += made
        last = mark or (made[-1] if made else None)
        place = after[reader.partition]
        if last is None:
            reached[reader.partition] = Checkpoint(
                place.position, place.last_event_id, reader.next_offset, place.recorded_at
            )
        else:
            stands = checkpoint_of(last)
            reached[reader.partition] = Checkpoint(
                reader.position, stands.last_event_id, reader.next_offset, stands.recorded_at
            )
        self._high_water = max(self._high_water, reader.position)

    def _lose(self, consumer: KafkaConsumer, lost: Mapping[TopicPartition, int]) -> None:
        try:
            first = consumer.beginning_offsets(list(lost))
        except KafkaError as error:
            raise SourceUnavailable(f"Kafka cannot be read: {error}") from error
        for partition, offset in lost.items():
            name = name_of(*partition)
            log.warning("records_gone", partition=name, wanted_offset=offset, first_offset=first[partition])
            consumer.pause(partition)
            topic, _ = split(name)
            self._lost[name] = LostRange(
                name, self._topics[topic], self._cluster.topic_prefix, max(first[partition], 0)
            )

    def _deliver_from_log(
        self,
        partition: str,
        after: Checkpoint,
        limit: int,
        rows: list[KafkaRow],
        reached: dict[str, Checkpoint],
    ) -> None:
        if self._from_log is None:
            raise SourceUnavailable(
                f"{partition} no longer holds offset {after.next_offset}, and the log, which holds what stood"
                " there, is not named (DRUMBEAT_DATABASE_URL, `log_url`)"
            )
        made, place, ended = self._lost[partition].read(self._from_log, after, limit)
        rows += made
        reached[partition] = place
        # Placed anew by the next `take`, at the offset where the topic goes on.
        self._readers[partition] = Reader(partition, place.position, -1 if ended else place.next_offset or 0)
        if ended:
            del self._lost[partition]
            log.info("records_healed_from_the_log", partition=partition, position=place.position)


def _is_member(consumer: KafkaConsumer) -> bool:
    return bool(consumer.group_metadata().state is MemberState.STABLE)


def _join(consumer: KafkaConsumer) -> None:
    """End the join of the group that has begun, within `_JOIN_MS`.

    The library leaves a join alone that ended between two polls: it begins another one, so that polls shorter than
    a join never end one; or none, when only changed metadata had asked for it, and then the member sends no
    heartbeats any more and is put out while it reads on. So the join is asked for again and waited for, and by the
    coordinator, since `poll` itself would go on to wait for records.
    """
    consumer._coordinator.request_rejoin()
    consumer._coordinator.poll(timeout_ms=_JOIN_MS)


def _words(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
