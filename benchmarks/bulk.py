"""`bulk-bytes`: bytes that are ready, in appends of some thousand events, by one writer.

Ours is `LogRecorder.insert_bulk`; the peer is the stock recorder in batches of 500; the floor is COPY of the same
rows into the same table and indexes, its bodies packed before the clock runs.
"""

import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks.append import _make_floor, _make_peer, _peer
from benchmarks.harness import Bench, Goal, Result
from benchmarks.workload import stored_calls
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.packing import as_copy
from drumbeat.eventstore.recorder import LogRecorder

BATCH = 5_000
PEER_BATCH = 500
EVENTS_A_STREAM = 5


def bytes_ready(bench: Bench) -> Result:
    """Goal: three times the stock recorder, and 0.7 of COPY."""
    streams = stored_calls(bench.scaled(24_000, 6_000), EVENTS_A_STREAM)
    events = list(chain.from_iterable(streams))

    def side(
        write: Callable[[str], Callable[[Any], object]],
        prepare: Callable[[str], None],
        batch: int,
        count: bytes,
        pack: Callable[[Sequence[StoredEvent]], Any] = lambda events: events,
    ) -> Callable[[], float]:
        def run() -> float:
            with bench.database() as url:
                prepare(url)
                append = write(url)
                batches = [pack(events[first : first + batch]) for first in range(0, len(events), batch)]
                started = time.perf_counter()
                for one in batches:
                    append(one)
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
        floor=side(copy_body, _make_floor, BATCH, b"SELECT count(*) FROM public.floor", body_of),
        goal=Goal(per_peer=3, per_floor=0.7),
    )


def _ours(url: str) -> Callable[[Sequence[StoredEvent]], object]:
    return LogRecorder(Connections(url)).insert_bulk


def body_of(events: Sequence[StoredEvent]) -> bytes:
    """The body of one COPY."""
    return b"".join(as_copy(events))


def copy_body(url: str) -> Callable[[bytes], object]:
    """The floor: COPY a body that is ready."""
    connection = psycopg.connect(url, autocommit=True)

    def write(body: bytes) -> None:
        with connection.cursor().copy(
            "COPY public.floor (stream_id, version, type, bytes) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.write(body)

    return write
