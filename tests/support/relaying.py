"""Relays to test, and what Kafka then holds, compared with the log."""

import contextlib
import random
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from drumbeat.events import Event, Fact
from drumbeat.events.sender import SenderRenamed
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport import topics
from drumbeat.transport.cluster import Cluster, quieten_the_library
from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.publishing import KafkaPublisher
from drumbeat.transport.relay import Relay, RelayOptions
from drumbeat.transport.relay_standing import relay_standing
from drumbeat.transport.topics import Topic
from drumbeat.transport.watermarks import WATERMARK_TYPE, position_of
from support.following import append_and_hold, reported
from support.given import event
from support.machine import DRUMBEAT, environment, until
from support.sealing import MASTER

PARTITIONS = {"contacts": 3, "campaigns": 2, "": 2}
HASTY = RelayOptions(later_seconds=0.5, never_seconds=0.3)

Partition = tuple[str, int]


def wanted_topics(cluster: Cluster, *, max_event_bytes: int = 900_000) -> tuple[Topic, ...]:
    """Our topics under the cluster's prefix."""
    return topics.topics_of(cluster, PARTITIONS, 1, max_event_bytes)


def make_topics(cluster: Cluster) -> tuple[Topic, ...]:
    """The same, made."""
    wanted = wanted_topics(cluster)
    topics.create_or_check(cluster, wanted)
    return wanted


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Running:
    """A relay in a thread of this process."""

    relay: Relay
    thread: threading.Thread
    stop: threading.Event
    raised: list[BaseException] = field(default_factory=list)


@contextlib.contextmanager
def relaying(
    url: str,
    cluster: Cluster,
    wanted: Sequence[Topic],
    *,
    options: RelayOptions = HASTY,
    overdue_seconds: float = 3.0,
) -> Iterator[Running]:
    """A relay that checks the topics at each term, as the process does; stopped at the end."""
    quieten_the_library()

    def open_publisher() -> KafkaPublisher:
        topics.check(cluster, wanted)
        return KafkaPublisher(cluster, wanted, utc_now, overdue_seconds=overdue_seconds)

    def run() -> None:
        try:
            running.relay.run(running.stop)
        except BaseException as error:  # noqa: BLE001  told to the test's thread
            running.raised.append(error)

    relay = Relay(url, cluster.topic_prefix, open_publisher, options)
    running = Running(relay, threading.Thread(target=run, name="relay"), threading.Event())
    running.thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        running.thread.join(30)
        assert not running.thread.is_alive()
        assert running.raised == []


def goes_on(running: Running, seconds: float = 30.0) -> bool:
    """Whether more events are acknowledged in time."""
    stats, before = running.relay.stats, running.relay.stats.events
    return until(lambda: stats.events > before, seconds)


def leads(running: Running, seconds: float = 30.0) -> bool:
    """Whether it comes to lead in time."""
    return until(lambda: running.relay.stats.leading, seconds)


def steps_down(running: Running, seconds: float = 30.0) -> bool:
    """Whether it ceases to lead in time."""
    return until(lambda: not running.relay.stats.leading, seconds)


@dataclass(slots=True)
class Held:
    """What the topics hold.

    `events`: without the repeats, in the order of each partition; `watermarks`: positions, each with the number of
    events before it.
    """

    events: dict[Partition, list[Any]] = field(default_factory=lambda: defaultdict(list))
    watermarks: dict[Partition, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    repeats: int = 0

    @property
    def count(self) -> int:
        """Events, each once."""
        return sum(map(len, self.events.values()))


@contextlib.contextmanager
def counting(cluster: Cluster, wanted: Sequence[Topic]) -> Iterator[Callable[[], int]]:
    """Asks the broker how many records the topics hold now, watermarks and repeats among them."""
    from kafka import KafkaConsumer

    with contextlib.closing(KafkaConsumer(**cluster.options("tests"))) as consumer:
        partitions = _partitions(wanted)
        yield lambda: sum(consumer.end_offsets(partitions).values())


def _partitions(wanted: Sequence[Topic]) -> list[Any]:
    from kafka import TopicPartition

    return [TopicPartition(one.name, number) for one in wanted for number in range(one.partitions)]


def records(cluster: Cluster, wanted: Sequence[Topic]) -> list[bytes]:
    """All bytes of every record that the topics hold."""
    from kafka import KafkaConsumer

    found: list[bytes] = []
    consumer = KafkaConsumer(**cluster.options("tests"), enable_auto_commit=False, auto_offset_reset="earliest")
    with contextlib.closing(consumer):
        partitions = _partitions(wanted)
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(500).values():
                found += [b"%b\n%b\n%b" % (r.key or b"", r.value or b"", repr(r.headers).encode()) for r in batch]
    return found


def held(cluster: Cluster, wanted: Sequence[Topic]) -> Held:
    """Read all topics to their ends as a consumer does: what is not above the last position is skipped."""
    from kafka import KafkaConsumer

    found = Held()
    consumer = KafkaConsumer(**cluster.options("tests"), enable_auto_commit=False, auto_offset_reset="earliest")
    with contextlib.closing(consumer):
        partitions = _partitions(wanted)
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(one) < ends[one] for one in partitions):
            for partition, records in consumer.poll(timeout_ms=500, max_records=5_000).items():
                for record in records:
                    _take(found, (partition.topic, partition.partition), record)
    return found


def _take(found: Held, partition: Partition, record: Any) -> None:
    told = dict(record.headers)
    events = found.events[partition]
    if told["type"] == WATERMARK_TYPE.encode():
        assert record.key is None
        found.watermarks[partition].append((position_of(record.value), len(events)))
        return
    if events and int(told["position"]) <= int(dict(events[-1].headers)["position"]):
        found.repeats += 1
    else:
        events.append(record)


def compare_with_log(url: str, cluster: Cluster, wanted: Sequence[Topic]) -> Held:
    """Every event of the log is there, in its partition, in order, with its bytes, key, headers and time; and no
    watermark stands before an event that it covers."""
    found = held(cluster, wanted)
    counts = {one.name: one.partitions for one in wanted}
    expected: dict[Partition, list[Any]] = defaultdict(list)
    with psycopg.connect(url) as connection:
        for position, stream, kind, raw, recorded_at in connection.execute(
            "SELECT position, stream_id, type, bytes, recorded_at FROM ledger.events ORDER BY position"
        ):
            topic = cluster.topic(topic_of(kind))
            at_ms = int((recorded_at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000) // 1_000
            told = [
                ("position", str(position).encode()),
                ("type", kind.encode()),
                ("content-type", b"application/cloudevents+json; charset=utf-8"),
            ]
            partition = topic, partition_of(str(stream), counts[topic])
            expected[partition].append((position, str(stream).encode(), told, bytes(raw), at_ms))
    for partition in expected.keys() | found.events.keys():
        seen = [
            (int(dict(one.headers)["position"]), one.key, list(one.headers), one.value, one.timestamp)
            for one in found.events[partition]
        ]
        assert [one[0] for one in seen] == [one[0] for one in expected[partition]], partition
        assert [one[:4] for one in seen] == [one[:4] for one in expected[partition]], partition
        assert all(abs(a[4] - b[4]) <= 1 for a, b in zip(seen, expected[partition], strict=True)), partition
    for partition, marks in found.watermarks.items():
        for position, before in marks:
            assert sum(one[0] <= position for one in expected[partition]) <= before, (partition, position)
    return found


def process_environment(home: Path, url: str, cluster: Cluster) -> dict[str, str]:
    """The environment of a relay in a process of its own."""
    return environment(
        home,
        DRUMBEAT_DATABASE_URL=url,
        DRUMBEAT_KAFKA_BOOTSTRAP=cluster.bootstrap,
        DRUMBEAT_KAFKA_TOPIC_PREFIX=cluster.topic_prefix,
        DRUMBEAT_KAFKA_CONTACTS_PARTITIONS=PARTITIONS["contacts"],
        DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS=PARTITIONS["campaigns"],
        DRUMBEAT_KAFKA_OTHER_PARTITIONS=PARTITIONS[""],
    )


@contextlib.contextmanager
def relay_process(env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`drumbeat relay`; killed at the end if it still runs."""
    with log.open("a") as said:
        process = subprocess.Popen(
            [DRUMBEAT, "relay"], env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def incompressible(size: int, stream_id: UUID | None = None) -> Event[Fact]:
    """An event of about this size, that compresses to half of it at best."""
    fact = SenderRenamed(before="", after="".join(uuid4().hex for _ in range(size // 32)))
    return replace(event(fact, stream_id=stream_id or uuid4()), id=uuid4())


@contextlib.contextmanager
def writing(url: str, *, writers: int = 3, pause_seconds: float = 0.001) -> Iterator[None]:
    """Appends by several writers at once, of one to five events, some of which are rolled back."""
    stop = threading.Event()

    def write(number: int) -> None:
        rng = random.Random(number)
        with (
            contextlib.closing(EventStoreLedger(url, master=MASTER)) as ledger,
            contextlib.closing(open_connection(url, settings={})) as other,
        ):
            while not stop.is_set():
                ledger.append(reported(rng.randrange(1, 6)))
                time.sleep(pause_seconds)
                if rng.random() < 0.1:
                    append_and_hold(other)
                    time.sleep(rng.random() / 100)
                    other.execute("ROLLBACK")

    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def head(url: str) -> int:
    """The last position of the log."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM ledger.events").fetchone()
    return int(row[0]) if row else 0


def catches_up(url: str, cluster: Cluster, seconds: float = 60.0) -> bool:
    """Whether the checkpoint reaches what is now the end of the log in time."""
    end = head(url)

    def is_there() -> bool:
        standing = relay_standing(url, cluster.topic_prefix)
        return standing is not None and standing.position >= end

    return until(is_there, seconds)
