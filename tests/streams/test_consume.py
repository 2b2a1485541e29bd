"""A consumer of one's own on a real broker: every event has its effect once, in the order of its stream."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from kafka import KafkaAdminClient, TopicPartition

import drumbeat
from drumbeat.events.calls import ContactCallEnded
from drumbeat.transport.cluster import Cluster, KafkaUnfit
from drumbeat.transport.consuming import ConsumedEvent, Handler, TooManyParked
from drumbeat.transport.consuming.running import Consumer
from drumbeat.transport.kafka_source import KafkaSource
from support.machine import until
from support.own_consumers import (
    STREAMS,
    call,
    calls,
    comes,
    consuming,
    make_table,
    parked,
    rows,
    save,
)
from support.projecting import into_ledger
from support.topics import topics
from support.toys import MARK

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_every_event_of_the_handled_types_has_its_effect_once_and_in_order(
    database_url: str, kafka_cluster: Cluster
) -> None:
    make_table(database_url)
    log = calls()
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:40])
        there.publish(log.rows[20:40])  # as a relay does that was killed
        there.publish(log.rows[40:])
        with consuming(database_url, kafka_cluster):
            assert comes(database_url, log)
        more = log.tell(STREAMS[0], call(4))
        there.publish(log.rows[more - 1 :])
        with consuming(database_url, kafka_cluster):
            assert comes(database_url, log)
    assert parked(database_url) == []


def test_the_topics_have_to_be_there_first_and_are_waited_for(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls(1)
    with consuming(database_url, kafka_cluster), topics(kafka_cluster) as there:
        there.publish(log.rows)
        assert comes(database_url, log)


@pytest.mark.long
def test_processes_of_one_name_share_the_partitions_and_take_over_from_each_other(
    database_url: str, kafka_cluster: Cluster
) -> None:
    make_table(database_url)
    log = calls()
    seen: dict[str, set[int]] = {"first": set(), "second": set()}

    def noting(who: str) -> Handler:
        def note(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
            save(cursor, event)
            seen[who].add(event.position)

        return note

    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(database_url, kafka_cluster, {ContactCallEnded: noting("first")}):
            assert comes(database_url, log)
            with consuming(database_url, kafka_cluster, {ContactCallEnded: noting("second")}):

                def both_have_work() -> bool:
                    there.publish(log.rows[log.tell(STREAMS[0], call(9)) - 1 :])
                    there.publish(log.rows[log.tell(STREAMS[len(log.rows) % 10], call(9)) - 1 :])
                    return bool(seen["second"]) and comes(database_url, log)

                assert until(both_have_work, 60)
            there.publish(log.rows[log.tell(STREAMS[1], *(call(n) for n in range(20, 25))) - 5 :])
            assert comes(database_url, log)
    assert not seen["first"] & seen["second"]
    assert parked(database_url) == []


def test_connections_that_are_cut_change_nothing(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls(1)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with topics(kafka_cluster) as there, consuming(database_url, kafka_cluster, batch_events=3):
        for _ in range(10):
            before = len(log.rows)
            for stream_id in STREAMS:
                log.tell(stream_id, MARK, call(2))
            there.publish(log.rows[before if before > 30 else 0 :])
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(cut, [connection.info.backend_pid])
        assert comes(database_url, log)
    assert parked(database_url) == []


@pytest.mark.parametrize("sql", ["SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", "CALL give_up()"])
def test_a_handler_whose_statement_is_ended_keeps_its_partitions(
    database_url: str, kafka_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, sql: LiteralString
) -> None:
    make_table(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE PROCEDURE give_up() LANGUAGE plpgsql AS $$BEGIN RAISE deadlock_detected; END$$")
    left: list[KafkaSource] = []
    leave = KafkaSource.close

    def close(source: KafkaSource) -> None:
        left.append(source)
        leave(source)

    monkeypatch.setattr(KafkaSource, "close", close)
    ended: list[int] = []

    def ends_at_first(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
        if len(ended) < 5:
            ended.append(event.position)
            cursor.execute(sql)
        save(cursor, event)

    log = calls(1)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(database_url, kafka_cluster, {ContactCallEnded: ends_at_first}):
            assert comes(database_url, log)
            assert left == []
    assert parked(database_url) == []


@pytest.mark.long
def test_a_database_that_stays_away_costs_a_process_its_partitions(
    database_url: str, kafka_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(database_url)
    left, away = threading.Event(), threading.Event()
    leave, connect = KafkaSource.close, Consumer._connect

    def close(source: KafkaSource) -> None:
        leave(source)
        left.set()

    def reach(consumer: Consumer) -> psycopg.Connection[Any]:
        if away.is_set():
            raise psycopg.OperationalError("no route to host")
        return connect(consumer)

    def cut(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
        save(cursor, event)
        if not left.is_set():
            away.set()
            cursor.connection.close()
            raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(KafkaSource, "close", close)
    monkeypatch.setattr(Consumer, "_connect", reach)
    log = calls(1)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(database_url, kafka_cluster, {ContactCallEnded: cut}):
            assert until(away.is_set)
            assert not left.wait(3)
            assert left.wait(15)
            away.clear()
            assert comes(database_url, log)


def test_what_the_topics_lost_is_fetched_from_the_log_or_waits(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls()
    into_ledger(log, database_url)
    with topics(kafka_cluster) as there:
        there.publish(row for row in log.rows if row.position not in {12, 33})
        with consuming(database_url, kafka_cluster):
            assert until(lambda: {stream for _, stream, *_ in _parked_yet(database_url)} == {*STREAMS[:2]})
        with consuming(database_url, kafka_cluster, log_url=database_url):
            assert comes(database_url, log)
            assert until(lambda: parked(database_url) == [])


def _parked_yet(url: str) -> list[Any]:
    try:
        return parked(url)
    except psycopg.errors.UndefinedTable:
        return []


def test_a_topic_whose_beginning_is_gone_is_read_from_the_log(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls()
    into_ledger(log, database_url)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
            topic = kafka_cluster.topic("contacts")
            admin.delete_records({TopicPartition(topic, number): 4 for number in range(there.counts[topic])})
        with consuming(database_url, kafka_cluster, log_url=database_url):
            assert comes(database_url, log)


@pytest.mark.long
def test_too_many_parked_events_stop_the_consumer(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)

    def refuse(_cursor: psycopg.Cursor[Any], _event: ConsumedEvent[ContactCallEnded]) -> None:
        raise ValueError("never")

    with topics(kafka_cluster) as there:
        there.publish(calls().rows)
        refusing = {ContactCallEnded: refuse}
        with consuming(database_url, kafka_cluster, refusing, fails=True, parked_limit_events=5) as running:
            assert until(lambda: bool(running.raised))
    assert isinstance(running.raised[0], TooManyParked)


@pytest.mark.long
def test_parked_events_are_tried_again_while_there_is_a_backlog(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls(40)
    first = next(row.position for row in log.rows if row.type == ContactCallEnded.TYPE)
    met: list[int] = []

    def at_first_not(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
        met.append(event.position)
        tries = met.count(first)
        if event.position == first and tries < 3:
            raise ValueError("not yet")
        time.sleep(0.02 if tries < 3 else 0)
        save(cursor, event)

    asked = "UPDATE drumbeat_consumers.parked_events SET retry_at = now() WHERE kind = 'poison'"
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        patient = {ContactCallEnded: at_first_not}
        small: dict[str, Any] = {"batch_events": 1, "batch_seconds": 0.05, "retry_look_seconds": 0.05}
        with consuming(database_url, kafka_cluster, patient, **small):
            assert until(lambda: _parked_yet(database_url) != [])
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(asked)
            assert comes(database_url, log)
    assert max(n for n, position in enumerate(met) if position == first) < len(met) - 100


def test_a_topic_that_was_given_more_partitions_is_refused_while_it_is_consumed(
    database_url: str, kafka_cluster: Cluster
) -> None:
    make_table(database_url)
    log = calls(1)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(database_url, kafka_cluster):
            assert comes(database_url, log)
        with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
            admin.create_partitions({kafka_cluster.topic("contacts"): 6})
        with consuming(database_url, kafka_cluster, fails=True) as running:
            assert until(lambda: bool(running.raised))
    assert isinstance(running.raised[0], KafkaUnfit)
    assert "has 6 partitions, and had 4 when billing first consumed it" in str(running.raised[0])


def test_kafkas_own_tools_see_how_far_a_consumer_is(database_url: str, kafka_cluster: Cluster) -> None:
    make_table(database_url)
    log = calls(1)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with (
            consuming(database_url, kafka_cluster),
            closing(KafkaAdminClient(**kafka_cluster.options("t"))) as admin,
        ):
            group = kafka_cluster.topic("billing")

            def mirrored() -> bool:
                told = admin.list_group_offsets(group)
                offsets = told.get(group, told)
                places = rows(database_url, "SELECT partition, next_offset FROM drumbeat_consumers.places")
                return {f"{p.topic}/{p.partition}": at.offset for p, at in offsets.items()} == dict(places)

            assert comes(database_url, log)
            assert until(mirrored)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "a b"}, "'a b' names no consumer"),
        ({"handlers": {}}, "needs a handler"),
        ({"handlers": {int: save}}, "is no event class"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_at_once(wrong: dict[str, Any], words: str) -> None:
    told = {
        "name": "billing",
        "handlers": {ContactCallEnded: save},
        "database_url": "",
        "bootstrap": "127.0.0.1:1",
    }
    with pytest.raises(ValueError, match=words):
        drumbeat.consume(**{**told, **wrong})


def test_the_program_on_the_page_fills_its_table(database_url: str, kafka_cluster: Cluster) -> None:
    page = (Path(__file__).parents[2] / "docs" / "consuming.md").read_text()
    shown = page.split("```python\n")[1].split("```")[0]
    program = shown.replace("postgresql://billing@localhost/billing", database_url)
    log = calls(1)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE billed_calls (contact_id uuid, attempt int, seconds int)")
        # A page names brokers alone; ours have topics under a prefix of this test's own.
        program = program.replace(
            '"localhost:9092"', repr(kafka_cluster).replace("Cluster(", "drumbeat.Cluster(", 1)
        )
        running = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
        try:
            billed = "SELECT contact_id, attempt, seconds FROM billed_calls"
            assert until(lambda: sorted(rows(database_url, billed)) == sorted((s, 1, 0) for s in STREAMS))
        finally:
            running.kill()
            running.wait()
