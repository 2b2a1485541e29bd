"""`growth`: what an event and an answer cost in a log of a million and of ten million, beside one of 100,000.

Each log has campaigns of 500 contacts and 4,000 events; the reads ask for the first of them, which is the same in
all. Both databases stand side by side and are measured in turns: the floor is always the small one. The logs are
written by two processes and the read models made by a rebuild, whose rate and greatest memory are axes too.
"""

import itertools
import multiprocessing
import random
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid5

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks.append import one_writer
from benchmarks.as_of import Campaign, Served, serve_api
from benchmarks.harness import Bench, Goal, Result, once, progress
from benchmarks.keys import keep_keys, keys_in, sealed
from benchmarks.live_events import EVENTS_A_CONTACT, begun, called_back, lives
from benchmarks.rebuild import asking
from benchmarks.serving import served
from drumbeat.bootstrap import PROJECTIONS, projections
from drumbeat.events.ids import DRUMBEAT
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.projections.engine.projector import Projector
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.transport.source import LogSource
from support.keys import key_for

SIZES, QUICK_SIZES = (100_000, 1_000_000, 10_000_000), (40_000, 80_000, 160_000)
_CONTACTS, _EVENTS = 500, 500 * EVENTS_A_CONTACT
_CAMPAIGNS_AN_APPEND = 10
_TRANSACTIONS, _A_TRANSACTION, _READS = 500, 20, 300
_RUNNING = 25
"""Campaigns that call at the same time, in any log: all of the small one's."""
_TURNS = 6
_WRITERS = _WORKERS = 2


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild of all read models took, in a process that did nothing else."""

    seconds: float
    greatest_mib: float
    """Of the process that used most."""


@dataclass(slots=True)
class Grown:
    """A log of some length with its read models, and the API over both. For one thread."""

    url: str
    campaigns: int
    rebuilt: Rebuilt
    reads: Served
    turns: Iterator[int]

    def append(self) -> float:
        """Microseconds an event of appends of twenty, right after a checkpoint."""
        return one_writer(self.url, transactions=_TRANSACTIONS, events_a_transaction=_A_TRANSACTION)

    def wal_bytes(self) -> float:
        """Bytes of WAL an event of such appends."""
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            before = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
            self.append()
            row = connection.execute("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before).fetchone()
        return float(row[0] if row else 0) / ((_TRANSACTIONS + 1) * _A_TRANSACTION)

    def apply(self) -> float:
        """Microseconds an event of contacts of the running campaigns, one event each."""
        return self._applied(range(0, self.campaigns, max(1, self.campaigns // _RUNNING))[:_RUNNING])

    def apply_anywhere(self) -> float:
        """Microseconds an event of as many contacts, picked at random among all campaigns."""
        return self._applied(range(self.campaigns))

    def _applied(self, campaigns: Sequence[int]) -> float:
        turn = next(self.turns)  # nobody is picked in two
        own = range(turn, _CONTACTS, _TURNS)
        everybody = list(itertools.product(campaigns, own))
        picked = random.Random(turn).sample(everybody, min(_RUNNING, self.campaigns) * len(own))
        events = [sealed(called_back(campaign_of(campaign), contact)) for campaign, contact in picked]
        with closing(Connections(self.url)) as connections:
            head = LogRecorder(connections).insert_bulk(events)
        with closing(LogSource(self.url)) as source, closing(keys_in(self.url)) as ask:
            projector = Projector(source, self.url, PROJECTIONS, ask=ask)
            projector.run_until(head - len(events), timeout_seconds=120)
            began = time.perf_counter()
            projector.run_until(head, timeout_seconds=120)
            return (time.perf_counter() - began) * 1_000_000 / len(events)

    def read(self, path: str) -> float:
        """Microseconds of an answer about the first campaign, at the median."""
        asked = f"/campaigns/{self.reads.campaigns[0].campaign_id}{path}"
        return statistics.median(self.reads.get(asked)[0] for _ in range(_READS)) * 1_000_000

    def as_of(self) -> float:
        """Microseconds an event of an answer as of a moment that nobody has asked for, at the median."""
        return statistics.median(self.reads.first(self.reads.campaigns[0]) for _ in range(5))


def campaign_of(number: int) -> UUID:
    """The campaigns, by number."""
    return uuid5(DRUMBEAT, f"campaign {number} of growth")


def growing_log(bench: Bench) -> list[Result]:
    """Goal: at most 1.3 times the cost in the small log, 1.4 times for appends."""
    small_size, *sizes = QUICK_SIZES if bench.quick else SIZES
    results: list[Result] = []
    with _grown(bench, small_size) as small:
        base: Rebuilt | None = None
        for size in sizes:
            with _grown(bench, size) as large:
                label = f"{size // 1_000}k"
                results += _compared(bench, label, small, large)
                base = base or large.rebuilt
                results.append(
                    once(f"growth-rebuild-{label}", "s a million", large.rebuilt.seconds * 1e6 / size, goal=Goal())
                )
                flat = Goal(per_floor=1.15, at_most=True)
                mib, floor = large.rebuilt.greatest_mib, base.greatest_mib
                results.append(once(f"growth-memory-{label}", "MiB of a rebuild", mib, goal=flat, floor=floor))
    return results


def _compared(bench: Bench, label: str, small: Grown, large: Grown) -> Iterator[Result]:
    at_most = partial(Goal, at_most=True)
    bench.told.append(f"WAL bytes an event: {large.wal_bytes():,.0f}; in the small log {small.wal_bytes():,.0f}")
    yield bench.compare(
        f"growth-append-{label}", "µs an event", ours=large.append, floor=small.append, goal=at_most(per_floor=1.4)
    )
    yield bench.compare(
        f"growth-apply-{label}",
        "µs an event",
        ours=large.apply,
        floor=small.apply,
        also={"contacts of all campaigns": large.apply_anywhere},
        goal=at_most(per_floor=1.3),
    )
    for name, path in (("dashboard", "/dashboard"), ("activity", "/activity?limit=100")):
        yield bench.compare(
            f"growth-{name}-{label}",
            "µs",
            ours=partial(large.read, path),
            floor=partial(small.read, path),
            goal=at_most(per_floor=1.3),
        )
    yield bench.compare(
        f"growth-as-of-{label}", "µs an event", ours=large.as_of, floor=small.as_of, goal=at_most(per_floor=1.3)
    )


@contextmanager
def _grown(bench: Bench, size: int) -> Iterator[Grown]:
    campaigns = size // _EVENTS
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        began = time.perf_counter()
        _fill(url, campaigns)
        progress(f"growth: {size:,} events written in {time.perf_counter() - began:.0f} s")
        bench.settle()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            rebuilt = alone.submit(_rebuilt, url).result()
        progress(f"growth: rebuilt in {rebuilt.seconds:.0f} s, {rebuilt.greatest_mib:.0f} MiB")
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute("VACUUM ANALYZE")
            head = connection.execute("SELECT max(position), count(*) FROM ledger.events").fetchone()
        assert head is not None
        first = Campaign(campaign_of(0), _EVENTS)
        with served(serve_api, url) as port:
            positions = itertools.count(head[0] - 1, -1)
            reads = Served(port, key_for(url), [first], positions, 0.0)
            reads.check(first)
            yield Grown(url, campaigns, rebuilt, reads, iter(range(_TURNS)))


def _fill(url: str, campaigns: int) -> None:
    parts = [range(first, campaigns, _WRITERS) for first in range(_WRITERS)]
    with ProcessPoolExecutor(_WRITERS, multiprocessing.get_context("spawn")) as writers:
        written = sum(writers.map(_write, [url] * _WRITERS, parts))
    assert written == campaigns * (_EVENTS + len(begun(campaign_of(0))))


def _write(url: str, numbers: Sequence[int]) -> int:
    written = 0
    with closing(Connections(url)) as connections:
        recorder = LogRecorder(connections)
        for first in range(0, len(numbers), _CAMPAIGNS_AN_APPEND):
            for events in _appends(numbers[first : first + _CAMPAIGNS_AN_APPEND]):
                recorder.insert_bulk(events)
                keep_keys(url, events)
                written += len(events)
    return written


def _appends(numbers: Sequence[int]) -> Iterator[list[StoredEvent]]:
    campaigns = [campaign_of(number) for number in numbers]
    yield [sealed(event) for campaign in campaigns for event in begun(campaign)]
    told = [[sealed(event) for event in life] for campaign in campaigns for life in lives(0, _CONTACTS, campaign)]
    yield from ([life[place] for life in told] for place in range(EVENTS_A_CONTACT))


def _rebuilt(url: str) -> Rebuilt:
    work = Rebuild(url, url, projections, partial(asking, url), workers=_WORKERS)
    began = time.perf_counter()
    generation = work.begin(work.names)
    work.build(generation)
    seconds = time.perf_counter() - began
    work.go_live(generation)
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Rebuilt(seconds, max(used) / 1024)
