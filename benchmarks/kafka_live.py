"""`kafka-live-together`, `kafka-live-scattered`: all read models kept up to date by one process, from Kafka.

A log is published once by the real relay, and each side reads the same topics from their beginning. Ours is the
projector over a member of a consumer group, which watches the versions of all streams and heals what is missing.
The peer is a FastStream application with one Postgres upsert a message (see `kafka_live_peer`), on a smaller log
of the same shape: its cost a message does not depend on the length. The floor only polls and decodes.

Time counts from when there are partitions to read (ours, floor) or from the first message (the others), not from
the wish to join a group.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from uuid import uuid4

from kafka import KafkaConsumer, TopicPartition

from benchmarks.brokers import VERSION, kafka, published, with_topics
from benchmarks.harness import Bench, Goal, Result, Side
from benchmarks.keys import keys_in
from benchmarks.live import project
from benchmarks.live_events import write_log
from benchmarks.read_models import check, emptied, everything
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.events.light import decode_light
from drumbeat.eventstore.healing import FromLog
from drumbeat.projections.engine.projector import Projector
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.watermarks import WATERMARK_TYPE

GOAL = Goal(per_peer=10, per_floor=0.4)
_WATERMARK = WATERMARK_TYPE.encode()


def events_of_a_contact_together(bench: Bench) -> Result:
    """Goal: 10 times FastStream, and 0.4 of a loop that only decodes."""
    return _kafka_live(bench, "kafka-live-together", together=True)


def every_event_another_contacts(bench: Bench) -> Result:
    """Goal: 10 times FastStream, and 0.4 of a loop that only decodes."""
    return _kafka_live(bench, "kafka-live-scattered", together=False)


def _kafka_live(bench: Bench, axis: str, *, together: bool) -> Result:
    contacts, few = bench.scaled(20_000, 6_000), bench.scaled(500, 250)
    with bench.database() as url, bench.database() as small, kafka() as brokers:
        events = write_log(url, contacts, together=together)
        cluster, wanted = with_topics(brokers)
        topics = published(url, cluster, wanted, events)
        project(url, events)
        expected = rows_of(url)

        def ours(*, heals: bool = True) -> float:
            emptied(url)
            elapsed = consumed(url, cluster, topics, events, heals=heals)
            check(url, contacts)
            got = rows_of(url)
            assert got == expected, [table for table in expected if got[table] != expected[table]]
            return events / elapsed

        peer, also = _peers(bench, brokers, small, few, together=together)
        also["without watching the versions of streams"] = lambda: ours(heals=False)
        bench.told.append(f"{events:,} events of {contacts:,} contacts; FastStream had {few:,} contacts")
        return bench.compare(
            axis,
            "events/s",
            ours=ours,
            peer=peer,
            floor=lambda: events / decoded_only(cluster, topics, events),
            also=also,
            goal=GOAL,
            kafka=VERSION,
        )


def _peers(
    bench: Bench, brokers: Cluster, url: str, contacts: int, *, together: bool
) -> tuple[Side | None, dict[str, Side]]:
    """FastStream, and what stands beside it; what is not installed is told."""
    events = write_log(url, contacts, together=together)
    cluster, wanted = with_topics(brokers)
    topics = published(url, cluster, wanted, events)
    project(url, events)
    expected = rows_of(url)
    peer: Side | None = None
    also: dict[str, Side] = {}

    def compared(run: Callable[..., float], tables: Callable[[str], bool]) -> float:
        emptied(url)
        figure = run(url, cluster, topics, events)
        got = rows_of(url)
        wrong = [table for table in expected if tables(table) and got[table] != expected[table]]
        assert not wrong, wrong
        return figure

    try:
        from benchmarks.kafka_live_peer import run_counters, run_whole
    except ImportError as missing:
        bench.told.append(f"FastStream: not run: {missing}")
    else:
        peer = lambda: compared(run_counters, lambda table: table == "dashboard_counters")  # noqa: E731
        also["FastStream that keeps all tables"] = lambda: compared(run_whole, lambda _table: True)
    try:
        from benchmarks.kafka_live_quix import run_quix
    except ImportError as missing:
        bench.told.append(f"Quix Streams: not run: {missing}")
    else:
        also["Quix Streams with its own counters"] = lambda: run_quix(cluster, topics, events)
    return peer, also


class _Seen(KafkaSource):
    """Notes when there are partitions to read."""

    since: float | None = None

    def assigned(self) -> frozenset[str]:
        names = super().assigned()
        if names and self.since is None:
            self.since = time.perf_counter()
        return names


def consumed(url: str, cluster: Cluster, topics: Mapping[str, int], events: int, *, heals: bool = True) -> float:
    """Seconds until one projector, in a group of its own, has every event in all read models."""
    source = _Seen(cluster, topics, group=uuid4().hex)
    with closing(source), closing(FromLog(url)) as heal, closing(keys_in(url)) as ask:
        projector = Projector(source, url, PROJECTIONS, heal=heal if heals else None, ask=ask)
        projector.run_until(events, timeout_seconds=600)
        assert source.since is not None
        return time.perf_counter() - source.since


def decoded_only(cluster: Cluster, topics: Mapping[str, int], events: int) -> float:
    """Seconds for polling every event and decoding it."""
    partitions = [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]
    consumer = KafkaConsumer(
        **cluster.options("floor"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 << 20,
    )
    seen: Counter[str] = Counter()
    with closing(consumer):
        consumer.assign(partitions)
        started = time.perf_counter()
        while seen.total() < events:
            for records in consumer.poll(timeout_ms=1_000, max_records=5_000).values():
                for record in records:
                    kind = record.headers[1][1]
                    if kind != _WATERMARK:
                        seen[decode_light(kind.decode(), record.value).type] += 1
        elapsed = time.perf_counter() - started
    assert seen.total() == events, f"{seen.total()} of {events} events were decoded"
    return elapsed


def rows_of(url: str) -> dict[str, list[Any]]:
    """All rows of the read models; what only sources with gaps need is left out."""
    return {table: rows for table, rows in everything(url).items() if table != "streams"}
