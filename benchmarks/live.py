"""`live-together`, `live-scattered`: all read models kept up to date by one process, from the log.

Ours is the projector over the log. The peer is the library's ProjectionRunner (see `live_peer`) on a smaller log
of the same shape: its cost an event does not depend on the length. The floor (see `live_floor`) reads the same log
and writes the rows of its batches, which are known beforehand, with COPY.
"""

import time
from contextlib import closing

from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import keys_in
from benchmarks.live_events import write_log
from benchmarks.live_floor import rows_of_batches, run_floor
from benchmarks.live_peer import run_peer
from benchmarks.read_models import check, emptied, everything
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine.projector import Projector
from drumbeat.transport.source import LogSource


def events_of_a_contact_together(bench: Bench) -> Result:
    """Goal: 40 times the runner, and 0.4 of COPY."""
    return _live(bench, "live-together", together=True, goal=Goal(per_peer=40, per_floor=0.4))


def every_event_another_contacts(bench: Bench) -> Result:
    """Goal: 15 times the runner, and 0.4 of COPY."""
    return _live(bench, "live-scattered", together=False, goal=Goal(per_peer=15, per_floor=0.4))


def _live(bench: Bench, axis: str, *, together: bool, goal: Goal) -> Result:
    contacts = bench.scaled(20_000, 6_000)
    few = bench.scaled(250, 100)
    with bench.database() as url:
        events = write_log(url, contacts, together=together)
        project(url, events)
        check(url, contacts)
        written = rows_of_batches(url)
        rows = sum(lines.count(b"\n") + 1 for batch in written for lines in batch.values())
        bench.told.append(f"{events:,} events of {contacts:,} contacts write {rows:,} rows; the peer had {few:,}")

        def ours() -> float:
            emptied(url)
            elapsed = project(url, events)
            check(url, contacts)
            return events / elapsed

        def floor() -> float:
            return events / run_floor(url, written)

        def peer() -> float:
            return run_few_by_the_peer(bench, few, together=together)

        return bench.compare(axis, "events/s", ours=ours, peer=peer, floor=floor, goal=goal)


def run_few_by_the_peer(bench: Bench, few: int, *, together: bool) -> float:
    """Events a second of the library's runner on a smaller log; its rows are those of our projector."""
    with bench.database() as of_runner, bench.database() as of_projector:
        known = write_log(of_projector, few, together=together)
        project(of_projector, known)
        write_log(of_runner, 0, together=together)
        figure = run_peer(of_runner, few, together=together)
        expected, got = everything(of_projector), everything(of_runner)
        assert got == expected, [table for table in expected if got[table] != expected[table]]
        return figure


def project(url: str, events: int) -> float:
    """Seconds until a projector over the log has all events in all read models."""
    with closing(LogSource(url)) as source, closing(keys_in(url)) as ask:
        projector = Projector(source, url, PROJECTIONS, ask=ask)
        projector.run_until(0)  # the tables are made beforehand, as the peer's and the floor's are
        started = time.perf_counter()
        projector.run_until(events, timeout_seconds=600)
        return time.perf_counter() - started
