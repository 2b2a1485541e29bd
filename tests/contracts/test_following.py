"""Following the log: batches, waiting, what holds a follower up and what does not."""

import threading
import time
from uuid import uuid4

import psycopg
import pytest

from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.reader import IN_ORDER, READ_LOG
from drumbeat.transport.source import LogSource, event_id_of
from support.following import append_and_hold, reported
from support.given import uid

pytestmark = pytest.mark.postgres


def test_a_fresh_log_has_nothing_to_read(source: LogSource) -> None:
    batch = source.read(0, 10)
    assert (list(batch.rows), batch.up_to, batch.high_water, batch.last_event_id) == ([], 0, 0, None)


def test_batches_hand_out_the_log_in_order_and_say_where_the_checkpoint_may_move(
    ledger: EventStoreLedger, source: LogSource
) -> None:
    events = reported(5)
    ledger.append(events)
    first, second, third = source.read(0, 3), source.read(3, 3), source.read(5, 3)
    assert [row.position for row in (*first.rows, *second.rows)] == [1, 2, 3, 4, 5]
    assert [event_id_of(row.bytes) for row in (*first.rows, *second.rows)] == [e.id for e in events]
    assert (first.up_to, second.up_to, third.up_to) == (3, 5, 5)
    assert (first.last_event_id, third.last_event_id) == (events[2].id, None)
    assert {row.type for row in first.rows} == {"sender.spam_score_reported.v2"}
    assert first.rows[0].recorded_at <= first.rows[1].recorded_at


def test_an_append_under_way_holds_back_later_events_until_it_ends(
    ledger: EventStoreLedger, source: LogSource, other: LogConnection
) -> None:
    append_and_hold(other)
    ledger.append(reported(2))
    assert [source.read(0, 10).up_to for _ in range(3)] == [0, 0, 0]
    other.execute("COMMIT")
    assert [row.position for row in source.read(0, 10).rows] == [1, 2, 3]


def test_an_append_that_fails_leaves_a_gap_that_is_passed_once_it_is_over(
    ledger: EventStoreLedger, source: LogSource, other: LogConnection
) -> None:
    append_and_hold(other)
    ledger.append(reported(2))
    assert source.read(0, 10).up_to == 0
    other.execute("ROLLBACK")
    assert [row.position for row in source.read(0, 10).rows] == [2, 3]


def test_later_appends_do_not_hold_up_what_came_before_them(
    ledger: EventStoreLedger, source: LogSource, other: LogConnection
) -> None:
    ledger.append(reported(2))
    append_and_hold(other)
    assert source.read(0, 10).up_to == 0  # the first look cannot know yet who was first
    ledger.append(reported(2))
    source.read(0, 10)
    other.execute("COMMIT")
    assert source.read(0, 10).up_to == 5


def test_appends_that_overlap_for_ever_do_not_starve_a_follower(database_url: str, source: LogSource) -> None:
    sessions = [open_connection(database_url, settings={}) for _ in range(2)]
    read = 0
    append_and_hold(sessions[0])
    for turn in range(10):
        append_and_hold(sessions[(turn + 1) % 2])
        sessions[turn % 2].execute("COMMIT")
        read = source.read(read, 100).up_to
    assert read >= 8
    for session in sessions:
        session.close()


def test_a_long_transaction_elsewhere_holds_nobody_up(
    ledger: EventStoreLedger, source: LogSource, other: LogConnection, postgres_server: object
) -> None:
    other.execute("CREATE TABLE elsewhere (x int)")
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    other.execute("INSERT INTO elsewhere VALUES (1)")
    other.execute("SELECT count(*) FROM ledger.events")
    ledger.append(reported(3))
    assert source.read(0, 10).up_to == 3
    other.execute("ROLLBACK")


def test_an_append_in_another_database_of_the_server_holds_nobody_up(
    ledger: EventStoreLedger, source: LogSource, postgres_server: object
) -> None:
    from support.postgres import TestServer

    assert isinstance(postgres_server, TestServer)
    with postgres_server.fresh_database() as another_url:
        elsewhere = open_connection(another_url, settings={})
        append_and_hold(elsewhere)
        ledger.append(reported(3))
        assert source.read(0, 10).up_to == 3
        elsewhere.close()


def test_appenders_do_not_wait_for_one_another(ledger: EventStoreLedger, other: LogConnection) -> None:
    append_and_hold(other)
    started = time.monotonic()
    ledger.append(reported(5))
    ledger.append_bulk(reported(5))
    assert time.monotonic() - started < 2
    other.execute("ROLLBACK")


def test_a_stuck_appender_is_seen_and_named(source: LogSource, other: LogConnection) -> None:
    append_and_hold(other)
    source.read(0, 10)
    time.sleep(0.05)
    source.read(0, 10)
    assert source.held_up_seconds >= 0.05
    stuck = source.appenders()
    assert [appender.pid for appender in stuck] == [other.info.backend_pid]
    assert stuck[0].state == "idle in transaction"
    assert stuck[0].seconds >= 0.05
    other.execute("ROLLBACK")
    source.read(0, 10)
    assert source.held_up_seconds == 0
    assert source.appenders() == []


def test_a_stuck_appender_is_ended_by_its_transaction_timeout(
    database_url: str, ledger: EventStoreLedger, source: LogSource
) -> None:
    stuck = open_connection(database_url, settings={"transaction_timeout": "100ms"})
    append_and_hold(stuck)
    ledger.append(reported(1))
    assert source.read(0, 10).up_to == 0
    deadline = time.monotonic() + 10
    while source.read(0, 10).up_to < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stuck.close()


def test_every_way_in_announces_itself_before_a_position_is_given(database_url: str, other: LogConnection) -> None:
    ways = [
        "SELECT ledger.append_one(gen_random_uuid(), 1, 'x', '')",
        "SELECT ledger.append_many(ARRAY[gen_random_uuid()], ARRAY[1], ARRAY['x'], ARRAY[''::bytea])",
        "INSERT INTO ledger.events (stream_id, version, type, bytes) VALUES (gen_random_uuid(), 1, 'x', '')",
        "SELECT ledger.append_once('w', 'k', '', '', NULL, ARRAY[gen_random_uuid()], ARRAY[1], ARRAY['x'], '{x}')",
    ]
    watcher = open_connection(database_url, settings={})
    for way in ways:
        other.execute("BEGIN")
        other.execute(way.encode())
        assert watcher.execute("SELECT cardinality(appenders) FROM ledger.take_mark()").fetchone() == (1,)
        other.execute("ROLLBACK")
        assert watcher.execute("SELECT cardinality(appenders) FROM ledger.take_mark()").fetchone() == (0,)
    with other.transaction(), other.cursor() as cursor:
        with cursor.copy("COPY ledger.events (stream_id, version, type, bytes) FROM STDIN") as copy:
            copy.write_row((uuid4(), 1, "x", ""))
        assert watcher.execute("SELECT cardinality(appenders) FROM ledger.take_mark()").fetchone() == (1,)
    watcher.close()


def test_an_insert_after_a_rolled_back_savepoint_announces_itself_again(
    database_url: str, other: LogConnection
) -> None:
    other.execute("BEGIN")
    other.execute("SAVEPOINT before")
    other.execute("SELECT ledger.append_one(gen_random_uuid(), 1, 'x', '')")
    other.execute("ROLLBACK TO before")
    other.execute("SELECT ledger.append_one(gen_random_uuid(), 1, 'x', '')")
    with psycopg.connect(database_url) as watcher:
        assert watcher.execute("SELECT cardinality(appenders) FROM ledger.take_mark()").fetchone() == (1,)
    other.execute("ROLLBACK")


def test_a_waiting_follower_is_woken_by_an_append(ledger: EventStoreLedger, source: LogSource) -> None:
    source.read(0, 10)
    time.sleep(0.3)
    appending = threading.Timer(0.2, lambda: ledger.append(reported(1)))
    appending.start()
    started = time.monotonic()
    assert source.wait(20)
    assert time.monotonic() - started < 5
    appending.join()
    while source.read(0, 10).up_to < 1:
        source.wait(1)


def test_a_wait_without_news_ends_in_time(ledger: EventStoreLedger, source: LogSource) -> None:
    ledger.append(reported(2))
    source.read(0, 10)
    started = time.monotonic()
    while source.wait(0.2):  # the notice of the append may still be on its way
        started = time.monotonic()
    assert 0.15 < time.monotonic() - started < 5


def test_a_wait_ends_when_the_append_that_holds_up_ends(
    ledger: EventStoreLedger, source: LogSource, other: LogConnection
) -> None:
    append_and_hold(other)
    assert source.read(0, 10).up_to == 0
    ending = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    ending.start()
    assert source.wait(20)
    ending.join()
    assert source.read(0, 10).up_to == 1


def test_positions_of_an_append_rise_with_the_versions_of_a_stream(
    ledger: EventStoreLedger, source: LogSource
) -> None:
    streams = [uid(str(number)) for number in range(4)]
    interleaved = [e for group in zip(*(reported(3, stream) for stream in streams), strict=True) for e in group]
    positions = ledger.append(interleaved).positions
    assert [event_id_of(row.bytes) for row in source.read(0, 100).rows] == [
        e.id for _, e in sorted(zip(positions, interleaved, strict=True), key=lambda pair: pair[0])
    ]
    for stream in streams:
        own = [p for p, e in zip(positions, interleaved, strict=True) if e.stream_id == stream]
        assert own == sorted(own)


def test_a_batch_is_read_along_the_positions_however_little_the_planner_knows(
    database_url: str, ledger: EventStoreLedger
) -> None:
    ledger.append_bulk(reported(2_000))
    knows_nothing = open_connection(database_url, settings=IN_ORDER)
    query = READ_LOG % {b"after": b"100", b"up_to": b"2000", b"limit": b"10"}
    plan = knows_nothing.execute(b"EXPLAIN " + query.partition(b"(")[2].rpartition(b") TO")[0]).fetchall()
    assert "Index Scan using events_pkey" in plan[1][0]
    assert len(plan) == 3
    knows_nothing.close()
