"""Read models fed from a real broker: every event once, and what is no event of ours beside."""

import contextlib
import threading
import time
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaAdminClient, TopicPartition

from drumbeat.eventstore.healing import FromLog, cannot_heal
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.source import Checkpoint, LogSource, Reassigned
from support.feeding import ALL, STREAMS, agrees, history, parked, tallies
from support.machine import until
from support.projecting import into_ledger, project
from support.threads import running
from support.topics import Topics, consuming, topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_the_rows_are_those_of_the_log(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(there, database_url, ALL, heal=cannot_heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
            assert projector.stats.events == len(log.rows)
    assert parked(database_url) == []
    agrees(log, database_url)


def test_records_that_come_again_change_nothing(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:30])
        # As a relay does that was killed before it had noted how far it was.
        there.publish(log.rows[10:30])
        there.publish(log.rows[20:])
        with consuming(there, database_url, ALL, heal=cannot_heal, batch_events=7) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
    assert parked(database_url) == []
    agrees(log, database_url)


def test_what_is_no_event_of_ours_is_set_aside_by_name_and_everything_else_flows(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history()
    one = log.rows[0]
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:12])
        there.send(one, value=None)
        there.send(one, value=b"\x00 no json", headers=[("position", b"99"), ("type", b"contact.paused.v1")])
        there.send(one, headers=[])
        there.send(one, headers=[("position", b"many"), ("type", one.type.encode())])
        there.send(one, key=b"somebody else's")
        there.publish(log.rows[12:])
        with consuming(there, database_url, ALL, heal=cannot_heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
    agrees(log, database_url)
    rows = parked(database_url)
    assert [row["kind"] for row in rows] == ["foreign"] * 5
    assert [row["projection"] for row in rows] == ["*"] * 5
    assert [row["next_offset"] for row in rows] == sorted(row["next_offset"] for row in rows)
    words = " / ".join(row["error"] for row in rows)
    for said in ("no value", "no CloudEvent", "no header `position`", "b'many'", 'the key is b"somebody else\'s"'):
        assert said in words


def test_a_missing_version_stops_its_stream_alone_and_heals_itself_when_the_log_can_be_reached(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history()
    lost = [row for row in log.rows if row.position in {13, 14, 26}]  # of two streams, one of them twice
    into_ledger(log, database_url)
    reach = threading.Event()
    from_log = FromLog(database_url)
    with topics(kafka_cluster) as there, closing(from_log), ExitStack() as stack:
        there.publish(row for row in log.rows if row not in lost)
        projector = stack.enter_context(
            consuming(
                there,
                database_url,
                ALL,
                heal=lambda missing: from_log(missing) if reach.is_set() else None,
            )
        )
        thread = stack.enter_context(running(projector.run))
        assert until(lambda: projector.stats.position == len(log.rows))
        rows = parked(database_url)
        assert {row["stream_id"] for row in rows} == {STREAMS[0], STREAMS[1]}
        assert "version 2 of the stream did not come before version 3" in {row["error"] for row in rows}
        assert {n for stream_id, n in tallies(database_url).items() if stream_id not in STREAMS[:2]} == {4}
        reach.set()
        assert until(lambda: parked(database_url) == [])
        thread.stop()
    agrees(log, database_url)


def test_a_gap_is_healed_at_once_while_the_log_can_be_reached(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    into_ledger(log, database_url)
    with topics(kafka_cluster) as there, closing(FromLog(database_url)) as from_log:
        there.publish(row for row in log.rows if row.position not in {1, 13, 14, 26})
        with consuming(there, database_url, ALL, heal=from_log, batch_events=5) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
        assert until(lambda: parked(database_url) == [])
    agrees(log, database_url)


def test_records_that_a_topic_no_longer_holds_come_from_the_log(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(rounds=6)
    into_ledger(log, database_url)
    with topics(kafka_cluster) as there, closing(FromLog(database_url)) as heal:
        there.publish(log.rows[:20])
        with consuming(there, database_url, ALL, heal=heal) as projector:
            projector.run_until(20, timeout_seconds=30)
        there.publish(log.rows[20:60])
        _delete_everything(there)
        there.publish(log.rows[60:])
        with (
            closing(LogSource(database_url)) as source,
            consuming(there, database_url, ALL, heal=heal, from_log=source) as projector,
        ):
            projector.run_until(len(log.rows), timeout_seconds=30)
    assert parked(database_url) == []
    agrees(log, database_url)


def _delete_everything(there: Topics) -> None:
    with closing(KafkaAdminClient(**there.cluster.options("tests"))) as admin:
        every = [TopicPartition(topic, n) for topic, count in there.counts.items() for n in range(count)]
        admin.delete_records(dict.fromkeys(every, -1))


def test_the_log_and_kafka_feed_the_same_rows_in_turn(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    with topics(kafka_cluster) as there:
        project(log, database_url, ALL, until=15)
        there.publish(log.rows[:30])
        into_ledger(log, database_url)
        with closing(FromLog(database_url)) as heal, consuming(there, database_url, ALL, heal=heal) as projector:
            projector.run_until(30, timeout_seconds=30)
        project(log, database_url, ALL)
        there.publish(log.rows[30:])
        with closing(FromLog(database_url)) as heal, consuming(there, database_url, ALL, heal=heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
    assert parked(database_url) == []
    agrees(log, database_url)


def test_nobody_waits_for_ever(database_url: str, kafka_cluster: Cluster) -> None:
    with topics(kafka_cluster) as there, ExitStack() as stack:
        projector = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal))
        started = time.monotonic()
        stack.enter_context(running(projector.run)).stop()
        assert time.monotonic() - started < 20


def test_a_reader_that_looks_rarely_and_briefly_joins_its_group_all_the_same(kafka_cluster: Cluster) -> None:
    group = kafka_cluster.topic("group")
    with (
        topics(kafka_cluster) as there,
        closing(KafkaSource(kafka_cluster, there.counts, group=group)) as source,
        closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin,
    ):

        def joins() -> bool:
            places = {name: Checkpoint(0, None, 0) for name in source.assigned()}
            with contextlib.suppress(Reassigned):
                source.take(places, 10)
            # A join ends meanwhile.
            until(lambda: admin.describe_groups([group])[group]["group_state"] == "Stable", 2)
            return source.assigned() == source.partitions()

        assert until(joins, 20)
