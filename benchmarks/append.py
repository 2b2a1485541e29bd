"""`append-1` and `append-20`: eight writers, each a process, append streams of one or of twenty events.

Ours is `LogRecorder.insert_events`; the peer is the library's stock Postgres recorder, given the same stored
events; the floor is the plainest INSERT that psycopg can make into the same table and indexes, without lock or
order.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.harness import Bench, Goal, Result
from benchmarks.workload import stored_calls
from drumbeat.commands.ledger import Once
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.eventstore.wakeups import WakeUps

WRITERS = 8
_PREPARED = 256
Write = Callable[[Sequence[StoredEvent]], object]


def one_event_a_transaction(bench: Bench) -> Result:
    """Goal: six times the stock recorder, and three quarters of a bare INSERT."""
    return _appends(bench, "append-1", 1, Goal(per_peer=6, per_floor=0.75))


def twenty_events_a_transaction(bench: Bench) -> Result:
    """Goal: four times the stock recorder, and 0.85 of a bare INSERT."""
    return _appends(bench, "append-20", 20, Goal(per_peer=4, per_floor=0.85))


def _appends(bench: Bench, axis: str, events_a_transaction: int, goal: Goal) -> Result:
    seconds = 2.0 if bench.quick else 5.0

    def side(make: Callable[[str], Write], prepare: Callable[[str], None], count: bytes) -> Callable[[], float]:
        def run() -> float:
            with bench.database() as url:
                prepare(url)
                return _events_a_second(url, make, events_a_transaction, seconds, count)

        return run

    return bench.compare(
        axis,
        "events/s",
        ours=side(_ours, _nothing, b"SELECT count(*) FROM ledger.events"),
        peer=side(_peer, _make_peer, b"SELECT count(*) FROM public.stored_events"),
        floor=side(_floor, _make_floor, b"SELECT count(*) FROM public.floor"),
        also={"with an idempotency key": side(_ours_with_key, _nothing, b"SELECT count(*) FROM ledger.events")},
        goal=goal,
    )


def one_writer(url: str, *, transactions: int, events_a_transaction: int) -> float:
    """Microseconds an event of somebody who appends alone, as ours does."""
    streams = stored_calls(transactions + 1, events_a_transaction)
    with closing(Connections(url)) as connections:
        recorder = LogRecorder(connections)
        recorder.insert_events(streams.pop())  # connects, and prepares its statement
        began = time.perf_counter()
        for events in streams:
            recorder.insert_events(events)
        return (time.perf_counter() - began) * 1_000_000 / (transactions * events_a_transaction)


def _nothing(url: str) -> None:
    """Ours is there already."""


def _ours(url: str) -> Write:
    recorder = LogRecorder(Connections(url), WakeUps(url))
    return recorder.insert_events


def _ours_with_key(url: str) -> Write:
    recorder = LogRecorder(Connections(url), WakeUps(url))

    def write(events: Sequence[StoredEvent]) -> object:
        once = Once(workspace_id="default", key=str(uuid4()), request_hash=b"x" * 32, answer=b"y" * 120)
        return recorder.insert_events(events, once=once)

    return write


def _peer_recorder(url: str) -> PostgresApplicationRecorder:
    info = psycopg.conninfo.conninfo_to_dict(url)
    datastore = PostgresDatastore(
        dbname=str(info["dbname"]), host=str(info["host"]), port="5432", user=str(info["user"]), password=""
    )
    return PostgresApplicationRecorder(datastore)


def _make_peer(url: str) -> None:
    recorder = _peer_recorder(url)
    recorder.create_table()
    recorder.datastore.close()


def _peer(url: str) -> Write:
    write: Write = _peer_recorder(url).insert_events
    return write


def _make_floor(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE public.floor (LIKE ledger.events INCLUDING ALL)")


def _floor(url: str) -> Write:
    connection = psycopg.connect(url, autocommit=True)
    row = "(%s, %s, %s, %s)"

    def write(events: Sequence[StoredEvent]) -> object:
        # A row of VALUES for each event: faster than psycopg's lists in an unnest.
        values: list[object] = []
        for event in events:
            values += (event.originator_id, event.originator_version, event.topic, event.state)
        rows = ", ".join([row] * len(events))
        insert = f"INSERT INTO public.floor (stream_id, version, type, bytes) VALUES {rows}"
        return connection.execute(insert.encode(), values, prepare=True)

    return write


def _events_a_second(
    url: str, make: Callable[[str], Write], events_a_transaction: int, seconds: float, count: bytes
) -> float:
    context = multiprocessing.get_context("fork")
    ready, written = context.Barrier(WRITERS + 1), context.SimpleQueue()
    writers = [
        context.Process(target=_write, args=(url, make, events_a_transaction, seconds, ready, written))
        for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    ready.wait()
    started = time.perf_counter()
    counts = [written.get() for _ in writers]
    elapsed = time.perf_counter() - started
    for writer in writers:
        writer.join()
    with psycopg.connect(url) as connection:
        row = connection.execute(count).fetchone()
    assert row is not None
    warmed_up = WRITERS * events_a_transaction
    assert row[0] == sum(counts) + warmed_up, f"{row[0]} events are there, {sum(counts)} were acknowledged"
    return float(sum(counts) / elapsed)


def _write(url: str, make: Callable[[str], Write], size: int, seconds: float, ready: Any, written: Any) -> None:
    # Each writer reuses its prepared bytes under new stream ids: making events is not what is measured.
    write = make(url)
    prepared = stored_calls(_PREPARED, size)
    write(prepared[0])
    ready.wait()
    end, count, turn = time.perf_counter() + seconds, 0, 0
    while time.perf_counter() < end:
        turn = (turn + 1) % _PREPARED
        stream_id = uuid4()
        write(
            [
                StoredEvent(stream_id, event.originator_version, event.topic, event.state)
                for event in prepared[turn]
            ]
        )
        count += size
    written.put(count)
