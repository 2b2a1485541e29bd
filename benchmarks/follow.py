"""`follow-1` and `follow-20`: what a follower sees of eight writers at full speed, and how late.

Ours is the rate of the writers while the log is followed; told are the lag from a row's `recorded_at` to its being
handed out, and that every event was, once and in order. There is no goal: the log's goals are the append axes'.
"""

import statistics
import threading
from datetime import UTC, datetime

import psycopg

from benchmarks.append import _events_a_second, _ours
from benchmarks.harness import Bench, Goal, Result
from drumbeat.transport.source import LogSource, instant


def one_event_a_transaction(bench: Bench) -> Result:
    """Told only."""
    return _followed(bench, "follow-1", 1)


def twenty_events_a_transaction(bench: Bench) -> Result:
    """Told only."""
    return _followed(bench, "follow-20", 20)


def _followed(bench: Bench, axis: str, size: int) -> Result:
    seconds = 2.0 if bench.quick else 5.0
    lags: list[float] = []

    def run() -> float:
        with bench.database() as url:
            done = threading.Event()
            seen: list[int] = []
            following = threading.Thread(target=_follow, args=[url, done, seen, lags])
            following.start()
            rate = _events_a_second(url, _ours, size, seconds, b"SELECT count(*) FROM ledger.events")
            done.set()
            following.join()
            with psycopg.connect(url) as connection:
                rows = connection.execute("SELECT position FROM ledger.events ORDER BY position").fetchall()
            assert seen == [row[0] for row in rows], f"{len(seen)} of {len(rows)} events were handed out"
            return rate

    result = bench.compare(axis, "events/s", ours=run, goal=Goal())
    lags.sort()
    p50, p99 = statistics.median(lags), lags[int(len(lags) * 0.99)]
    told = f"lag p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, none lost of {len(lags):,}"
    return Result(axis, "events/s", result.ours, None, None, result.goal, result.runs, (told,))


def _follow(url: str, done: threading.Event, seen: list[int], lags: list[float]) -> None:
    source, position = LogSource(url), 0
    while True:
        finished = done.is_set()
        batch = source.read(position, 2_000)
        now = datetime.now(UTC)
        lags += [(now - instant(row.recorded_at_us)).total_seconds() for row in batch.rows]
        seen += [row.position for row in batch.rows]
        position = batch.up_to
        if finished and not batch.rows and not source.held_up_seconds:
            break
        if not batch.rows:
            source.wait(0.05)
    source.close()
