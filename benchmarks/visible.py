"""`visible-kafka`, `visible-log`: from the commit of an append until a read of the API shows it.

Everything runs as its users run it: the API, the projector and, through Kafka, the relay and a broker are
processes of their own. A writer in one more process appends through the ledger at a steady pace, one event a
transaction, or twenty at 5,000 events a second. About a hundred times a second a reader is told of a commit as
soon as it is back at the writer, asks the API for the campaign's dashboard with `at_least` that position, and
notes when it is answered; ours is the time between the two. Figures are those of 1,000 events a second; the
others are told.
"""

import http.client
import multiprocessing
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

from benchmarks.brokers import VERSION, kafka, with_topics
from benchmarks.harness import Bench, Figure, Goal, Result, progress
from benchmarks.keys import MASTER
from benchmarks.live_events import CAMPAIGN, EVENTS_A_CONTACT, lives, write_log
from benchmarks.processes import answer_of, processes, settings_of, wait_until
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.cluster import Cluster
from support.keys import asking, bearer, key_for

_READERS = 16
_READS_A_SECOND = 100
_WARM_UP_SECONDS = 1.0
_PATH = f"/campaigns/{CAMPAIGN}/dashboard?at_least="


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast events are written."""

    events_a_second: int
    events_a_transaction: int = 1


_PACES = (Pace(100), Pace(1_000), Pace(5_000, 20))
_JUDGED = _PACES[1]


def through_kafka(bench: Bench) -> list[Result]:
    """Goal: below 50 ms at the median, 150 ms at the 99th percentile."""
    with kafka() as brokers:
        return _visible(bench, "visible-kafka", brokers, median_ms=50, p99_ms=150)


def embedded(bench: Bench) -> list[Result]:
    """Goal: below 15 ms at the median, 60 ms at the 99th percentile."""
    return _visible(bench, "visible-log", None, median_ms=15, p99_ms=60)


def _visible(bench: Bench, axis: str, brokers: Cluster | None, *, median_ms: float, p99_ms: float) -> list[Result]:
    seconds, found, numbers = bench.scaled(10, 3), _Found(), count(1_000_000, 1_000_000)
    with bench.database() as url, ExitStack() as stack:
        written = write_log(url, 2_000, together=True)
        cluster = with_topics(brokers)[0] if brokers is not None else None
        names = ["api", "project"] if cluster is None else ["api", "project", "relay"]
        env, *_ = stack.enter_context(processes(names, settings_of(url, cluster)))
        port = int(env["DRUMBEAT_API_PORT"])
        key = key_for(url)
        first = asking(f"http://127.0.0.1:{port}{_PATH}{written}", key)
        wait_until(lambda: bool(answer_of(first)), "nothing is visible")
        for run in range(bench.runs):
            for pace in _PACES:
                bench.settle()
                took, wrote = _measured(url, (port, key), pace, seconds, next(numbers))
                found.add(pace, took, wrote)
                figures = f"p50 {_percentile(took, 50):.1f} ms, p99 {_percentile(took, 99):.1f} ms"
                at = f"at {wrote:,.0f} events/s, {len(took)} reads"
                progress(f"{axis} {run + 1}/{bench.runs}: {figures} {at}")
    told = [
        f"at {pace.events_a_second:,} events/s, {pace.events_a_transaction} a transaction: "
        f"p50 {found.figure(pace, 50).median:.1f} ms, p99 {found.figure(pace, 99).median:.1f} ms"
        f"{found.shortfall(pace)}"
        for pace in _PACES
    ]
    return [
        Result(
            axis=f"{axis}-p{percent}",
            unit="ms",
            ours=found.figure(_JUDGED, percent),
            peer=None,
            floor=None,
            goal=Goal(below=limit),
            runs=bench.runs,
            told=told if percent == 50 else (),
            kafka=None if brokers is None else VERSION,
        )
        for percent, limit in ((50, median_ms), (99, p99_ms))
    ]


class _Found:
    def __init__(self) -> None:
        self._took: dict[Pace, list[Sequence[float]]] = {}
        self._wrote: dict[Pace, list[float]] = {}

    def add(self, pace: Pace, took: Sequence[float], wrote: float) -> None:
        self._took.setdefault(pace, []).append(took)
        self._wrote.setdefault(pace, []).append(wrote)

    def shortfall(self, pace: Pace) -> str:
        # A machine that cannot even be written to at this pace is busy with something else.
        wrote = statistics.median(self._wrote[pace])
        return "" if wrote > 0.9 * pace.events_a_second else f" (only {wrote:,.0f} could be written)"

    def figure(self, pace: Pace, percent: int) -> Figure:
        runs = [_percentile(took, percent) for took in self._took[pace]]
        return Figure(statistics.median(runs), min(runs), max(runs))


def _percentile(took: Sequence[float], percent: int) -> float:
    return statistics.quantiles(took, n=100, method="inclusive")[percent - 1]


def _measured(url: str, api: tuple[int, str], pace: Pace, seconds: float, first: int) -> tuple[list[float], float]:
    """Milliseconds of every read, and how many events a second were written."""
    took: list[float] = []
    with _writer(url, pace, seconds, first) as commits:
        readers = [threading.Thread(target=_read, args=(*api, commits, took)) for _ in range(_READERS)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        wrote = commits.get()
    assert len(took) > seconds * _READS_A_SECOND / 5, f"only {len(took)} reads were answered"
    return took, float(wrote)


def _read(port: int, key: str, commits: Any, took: list[float]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        while (told := commits.get()) is not None:
            position, committed_at = told
            connection.request("GET", f"{_PATH}{position}", headers=bearer(key))
            answer = connection.getresponse()
            body = answer.read()
            took.append((time.monotonic() - committed_at) * 1_000)
            assert answer.status == 200, body


@contextmanager
def _writer(url: str, pace: Pace, seconds: float, first: int) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    commits = context.SimpleQueue()
    process = context.Process(target=_write, args=(url, pace, seconds, first, commits), daemon=True)
    process.start()
    try:
        yield commits
    finally:
        process.join(30)
        assert process.exitcode == 0


def _write(url: str, pace: Pace, seconds: float, first: int, commits: Any) -> None:
    """Append at a pace; tell some commits, then None to each reader, then how many events a second it were."""
    interval = pace.events_a_transaction / pace.events_a_second
    every = max(1, round(1 / interval / _READS_A_SECOND))
    wanted = int(pace.events_a_second * (seconds + _WARM_UP_SECONDS))
    events, size = _events(first, wanted), pace.events_a_transaction
    transactions = [events[at : at + size] for at in range(0, wanted, size)]
    with closing(EventStoreLedger(url, master=MASTER)) as ledger:
        started = time.monotonic()
        for number, transaction in enumerate(transactions):
            wait = started + number * interval - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            position = ledger.append(transaction).position
            now = time.monotonic()
            if number % every == 0 and now - started > _WARM_UP_SECONDS:
                commits.put((position, now))
        elapsed = time.monotonic() - started
    for _ in range(_READERS):
        commits.put(None)
    commits.put(wanted / elapsed)


def _events(first: int, wanted: int) -> list[Any]:
    # A hundred contacts at a time, whose events come apart.
    found: list[Any] = []
    coming = lives(first, wanted // EVENTS_A_CONTACT + 100)
    while len(found) < wanted:
        together = list(islice(coming, 100))
        found += [events[place] for place in range(EVENTS_A_CONTACT) for events in together]
    return found[:wanted]
