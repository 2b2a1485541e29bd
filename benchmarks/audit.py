"""`audit-grow`, `audit-check`, `audit-append`: the tree over the log grown, checked, and beside appends.

The floor of the first two reads the same log and does nothing with it. `audit-append` is a writer of twenty events
at a time while a follower grows the tree in a process of its own; the floor is the same without one.
"""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from benchmarks.append import one_writer
from benchmarks.harness import Bench, Goal, Result
from benchmarks.live_events import write_log
from drumbeat.audit.checking import check
from drumbeat.audit.following import Heads, TreeFollower
from drumbeat.bootstrap import now
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.transport.source import LogSource
from support.auditing import KEY, grown

_BATCH = 20_000


def tree_over_the_log(bench: Bench) -> list[Result]:
    """Goal: appends are as fast with the tree as without, within what two runs differ by."""
    with bench.database() as url:
        events = write_log(url, bench.scaled(40_000, 6_000), together=False)

        def grow() -> float:
            _without_tree(url)
            began = time.perf_counter()
            leaves = grown(url, batch_events=_BATCH)
            elapsed = time.perf_counter() - began
            assert leaves == events
            return events / elapsed

        def judge() -> float:
            began = time.perf_counter()
            report = check(url)
            elapsed = time.perf_counter() - began
            assert report.intact, report
            return events / elapsed

        def read() -> float:
            began = time.perf_counter()
            with closing(LogSource(url)) as source:
                position = 0
                while (batch := source.read(position, _BATCH)).rows:
                    position = batch.up_to
            return events / (time.perf_counter() - began)

        growing = bench.compare("audit-grow", "events/s", ours=grow, floor=read, goal=Goal())
        judging = bench.compare("audit-check", "events/s", ours=judge, floor=read, goal=Goal())
    appending = bench.compare(
        "audit-append",
        "µs an event",
        ours=lambda: _append(bench, followed=True),
        floor=lambda: _append(bench, followed=False),
        goal=Goal(per_floor=1.1, at_most=True),
    )
    return [growing, judging, appending]


def _without_tree(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # What refuses any change to the tree would refuse this too.
        connection.execute("SET session_replication_role = replica")
        connection.execute("TRUNCATE ledger.tree_leaves, ledger.tree_nodes, ledger.tree_events, ledger.tree_heads")


def _append(bench: Bench, *, followed: bool) -> float:
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        transactions = bench.scaled(5_000, 500)
        if not followed:
            return one_writer(url, transactions=transactions, events_a_transaction=20)
        with _follower(url):
            return one_writer(url, transactions=transactions, events_a_transaction=20)


@contextmanager
def _follower(url: str) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_follow, args=(url,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _follow(url: str) -> None:
    TreeFollower(url, Heads(clock=now, key=KEY)).run(threading.Event())
