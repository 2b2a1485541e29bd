"""`bulk-bytes`: bytes that are ready, in appends of some thousand events, by one writer.

Ours is `LogRecorder.insert_bulk`; the peer is the stock recorder in batches of 500; the floor is COPY from psycopg
into the same table and indexes.
"""

import time
from collections.abc import Callable, Sequence
from itertools import chain

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks.append import _make_floor, _make_peer, _peer
from benchmarks.harness import Bench, Goal, Result
from benchmarks.workload import stored_calls
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder

BATCH = 5_000
PEER_BATCH = 500
EVENTS_A_STREAM = 5


def bytes_ready(bench: Bench) -> Result:
    """Goal: three times the stock recorder, and 0.7 of COPY."""
    streams = stored_calls(bench.scaled(24_000, 6_000), EVENTS_A_STREAM)
    events = list(chain.from_iterable(streams))

    def side(
        write: Callable[[str], Callable[[Sequence[StoredEvent]], object]],
        prepare: Callable[[str], None],
        batch: int,
        count: bytes,
    ) -> Callable[[], float]:
        def run() -> float:
            with bench.database() as url:
                prepare(url)
                append = write(url)
                started = time.perf_counter()
                for first in range(0, len(events), batch):
                    append(events[first : first + batch])
                elapsed = time.perf_counter() - started
                with psycopg.connect(url) as connection:
                    row = connection.execute(count).fetchone()
                assert row is not None
                assert row[0] == len(events), f"{row[0]} of {len(events)} events are there"
                return len(events) / elapsed

        return run

    return bench.compare(
        "bulk-bytes",
        "events/s",
        ours=side(_ours, lambda _url: None, BATCH, b"SELECT count(*) FROM ledger.events"),
        peer=side(_peer, _make_peer, PEER_BATCH, b"SELECT count(*) FROM public.stored_events"),
        floor=side(_floor, _make_floor, BATCH, b"SELECT count(*) FROM public.floor"),
        goal=Goal(per_peer=3, per_floor=0.7),
    )


def _ours(url: str) -> Callable[[Sequence[StoredEvent]], object]:
    return LogRecorder(Connections(url)).insert_bulk


def _floor(url: str) -> Callable[[Sequence[StoredEvent]], object]:
    connection = psycopg.connect(url, autocommit=True)

    def write(events: Sequence[StoredEvent]) -> None:
        with connection.cursor().copy(
            "COPY public.floor (stream_id, version, type, bytes) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int4", "text", "bytea"])
            for event in events:
                copy.write_row((event.originator_id, event.originator_version, event.topic, event.state))

    return write
