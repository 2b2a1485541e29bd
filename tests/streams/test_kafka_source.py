"""Read models fed from a real broker: every event once, and what is no event of ours beside."""

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from kafka import KafkaAdminClient, TopicPartition
from psycopg.rows import dict_row

from drumbeat.eventstore.healing import FromLog, cannot_heal
from drumbeat.projections.engine.projector import Projector
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.source import Checkpoint, LogSource, Reassigned
from support.machine import until
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.topics import Topics, consuming, topics
from support.toys import ENROLLED, MARK, SEEN, TABLES, TALLIES

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(12)]
ALL = [TALLIES, SEEN]


def history(rounds: int = 3) -> ListLog:
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for _ in range(rounds):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK)
    return log


def everything(url: str, generation: str) -> list[list[dict[str, Any]]]:
    """Every row; counters are summed over the shares of projectors."""
    found = []
    for table in TABLES:
        rows = rows_of(url, f"{generation}.{table}", ["shard"])
        if rows and "value" in rows[0]:
            sums: dict[Any, int] = {}
            for row in rows:
                key = tuple((name, value) for name, value in row.items() if name != "value")
                sums[key] = sums.get(key, 0) + row["value"]
            rows = sorted(({**dict(key), "value": value} for key, value in sums.items() if value), key=repr)
        found.append(rows)
    return found


def agrees(log: ListLog, url: str) -> None:
    """The rows are those that the log itself gives, from zero."""
    project(log, url, ALL, generation="from_log")
    assert everything(url, "gen_1") == everything(url, "from_log")


def parked(url: str) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute("SELECT * FROM readmodel.parked_events ORDER BY id").fetchall()


def tallies(url: str) -> dict[UUID, int]:
    return {row["contact_id"]: row["events"] for row in rows_of(url, "gen_1.tallies")}


def into_ledger(log: ListLog, url: str) -> None:
    """Write the log into the ledger, where what is missing on Kafka is fetched."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.cursor().executemany(
            "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, (convert_from(%s, 'UTF8')::jsonb ->> 'subject')::uuid,"
            " (convert_from(%s, 'UTF8')::jsonb ->> 'streamversion')::int, %s, %s)",
            [(row.position, row.bytes, row.bytes, row.type, row.bytes) for row in log.rows],
        )
        connection.execute("SELECT setval('ledger.events_position', max(position)) FROM ledger.events")


class Running:
    """A projector in a thread of its own, until the stack unwinds."""

    def __init__(self, stack: ExitStack, projector: Projector) -> None:
        self.projector = projector
        self._stop = threading.Event()
        self._thread = threading.Thread(target=projector.run, args=[self._stop])
        self._thread.start()
        stack.callback(self.stop)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


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
        running = Running(stack, projector)
        assert until(lambda: projector.stats.position == len(log.rows))
        rows = parked(database_url)
        assert {row["stream_id"] for row in rows} == {STREAMS[0], STREAMS[1]}
        assert "version 2 of the stream did not come before version 3" in {row["error"] for row in rows}
        assert {n for stream_id, n in tallies(database_url).items() if stream_id not in STREAMS[:2]} == {4}
        reach.set()
        assert until(lambda: parked(database_url) == [])
        running.stop()
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


def test_two_projectors_share_the_partitions_and_one_goes_on_for_both(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=40)
    group = f"{kafka_cluster.topic_prefix}pair"
    published = 60
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows[:published])
        ours = [
            stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group)) for _ in "ab"
        ]
        running = [Running(stack, projector) for projector in ours]
        while not all(projector.stats.events for projector in ours):
            # A group may share its partitions out more than once before it has settled.
            assert until(lambda: _lowest(database_url) == published, 40)
            assert until(lambda: all(_is_assigned(projector) for projector in ours), 40)
            assert published < 420
            there.publish(log.rows[published : published + 40])
            published += 40
        assert until(lambda: _lowest(database_url) == published, 40)
        assert {row["shard"] for row in rows_of(database_url, "gen_1.toy_counters")} == {0, 1}
        running[0].stop()
        ours[0]._source.close()
        there.publish(log.rows[published:])
        assert until(lambda: _lowest(database_url) == len(log.rows), 40)
    agrees(log, database_url)


def test_a_member_that_slept_past_its_session_writes_nothing_when_it_wakes(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=10)
    group = f"{kafka_cluster.topic_prefix}zombie"
    awake = threading.Event()
    awake.set()
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows[:60])
        sleeper = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group))
        _sleeps_when_told(sleeper, awake)
        Running(stack, sleeper)
        assert until(lambda: _lowest(database_url) == 60)
        awake.clear()  # with a batch in its hands, as a process that was suspended
        stack.callback(awake.set)
        there.publish(log.rows[60:90])
        assert until(lambda: bool(sleeper.stats.seconds.get("asleep")))
        other = stack.enter_context(
            consuming(there, database_url, ALL, heal=cannot_heal, group=f"{group}-elsewhere")
        )
        Running(stack, other)
        assert until(lambda: _lowest(database_url) == 90, 40)
        awake.set()
        assert until(lambda: sleeper.stats.lost_races > 0)
        there.publish(log.rows[90:])
        assert until(lambda: _lowest(database_url) == len(log.rows), 40)
    agrees(log, database_url)


def _sleeps_when_told(projector: Projector, awake: threading.Event) -> None:
    take: Callable[..., Any] = projector._source.take

    def sleepy(*arguments: Any) -> Any:
        taken = take(*arguments)
        if taken.rows and not awake.is_set():
            projector.stats.seconds["asleep"] = 1.0
            awake.wait()
        return taken

    projector._source.take = sleepy  # type: ignore[method-assign, assignment]


def test_kafkas_own_offsets_mirror_where_the_rows_stand(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    group = f"{kafka_cluster.topic_prefix}mirror"
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows)
        projector = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group))
        Running(stack, projector)
        assert until(lambda: _lowest(database_url) == len(log.rows))
        with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
            assert until(lambda: _committed(admin, group) == _stored(database_url))


def _committed(admin: Any, group: str) -> dict[str, int]:
    told = admin.list_group_offsets(group).get(group, {})
    return {f"{p.topic}/{p.partition}": place.offset for p, place in told.items()}


def _stored(url: str) -> dict[str, int]:
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(
            "SELECT partition, min(next_offset) FROM readmodel.checkpoints WHERE generation = 'gen_1' GROUP BY 1"
        ).fetchall()
    return {str(partition): int(offset) for partition, offset in rows if offset}


def _lowest(url: str) -> int:
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute(
            "SELECT coalesce(min(position), 0) FROM readmodel.checkpoints WHERE generation = 'gen_1'"
        ).fetchone()
    return int(row[0]) if row else 0


def _is_assigned(projector: Projector) -> bool:
    return bool(projector._source._assigned)  # type: ignore[attr-defined]


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
        Running(stack, projector).stop()
        assert time.monotonic() - started < 20


def test_a_reader_that_looks_rarely_and_briefly_joins_its_group_all_the_same(kafka_cluster: Cluster) -> None:
    with (
        topics(kafka_cluster) as there,
        closing(KafkaSource(kafka_cluster, there.counts, group=kafka_cluster.topic("group"))) as source,
    ):
        pause = threading.Event()

        def joins() -> bool:
            places = {name: Checkpoint(0, None, 0) for name in source.assigned()}
            with contextlib.suppress(Reassigned):
                source.take(places, 10)
            pause.wait(0.4)  # a join ends meanwhile
            return source.assigned() == source.partitions()

        assert until(joins, 20)
