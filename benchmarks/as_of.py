"""`as-of`: what an answer as of an earlier moment costs, by events of its campaign, and in a ten times longer log.

The campaigns are call histories of the bank file's shape, imported. Ours is the first dashboard of a campaign at a
position that nobody has asked for yet, over HTTP: all its events are folded. The floor is the projector, which
folded the same events when they were new. Every answer is compared with the one that is given now.
"""

import itertools
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.harness import Bench, Goal, Result, progress
from benchmarks.import_bank import import_file, write_file
from benchmarks.keys import keys_in, master_key_file
from benchmarks.serving import exchange, request, served
from drumbeat import telemetry
from drumbeat.bootstrap import PROJECTIONS, api, now
from drumbeat.opsapi.authentication import key_gate
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.opsapi.serving import serve
from drumbeat.projections.engine.projector import Projector
from drumbeat.settings import Settings
from drumbeat.transport.source import LogSource
from support.keys import bearer, key_for

ROWS, QUICK_ROWS = (400, 4_000, 41_188), (100, 400, 4_000)
_AT_HAND = 200
_LISTS = (
    "",
    "/contacts?count=true",
    "/attempts?limit=100",
    "/activity?limit=100",
    "/senders",
    "/history?limit=100",
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One imported campaign, and how many events it has."""

    campaign_id: UUID
    events: int


@dataclass(slots=True)
class Served:
    """A log with its campaigns, smallest first, behind the API. For one thread."""

    port: int
    key: str
    campaigns: Sequence[Campaign]
    positions: Iterator[int]
    projected_us: float
    """What the projector took, in microseconds an event."""

    def get(self, path: str) -> tuple[float, Any]:
        """The seconds that an answer took, and its body."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            began = time.perf_counter()
            answer = exchange(connection, request("GET", path, b"", **bearer(self.key)))
            return time.perf_counter() - began, json.loads(answer)

    def first(self, campaign: Campaign) -> float:
        """Microseconds an event of an answer for which all are folded."""
        seconds, body = self.get(f"/campaigns/{campaign.campaign_id}/dashboard?as_of={next(self.positions)}")
        assert body["contacts"]["value"] > 0
        return seconds * 1_000_000 / campaign.events

    def at_hand(self, campaign: Campaign) -> float:
        """Milliseconds of an answer whose moment was asked for before, at the median."""
        path = f"/campaigns/{campaign.campaign_id}/dashboard?as_of={next(self.positions)}"
        self.get(path)
        return statistics.median(self.get(path)[0] for _ in range(_AT_HAND)) * 1000

    def beside(self, campaign: Campaign) -> tuple[str, str]:
        """The median and the worst milliseconds of an answer of now, alone and while a campaign is folded."""
        path = f"/campaigns/{campaign.campaign_id}/dashboard"
        alone = [self.get(path)[0] for _ in range(_AT_HAND)]
        folding = threading.Thread(target=self.first, args=[campaign])
        folding.start()
        meanwhile = []
        while folding.is_alive():
            meanwhile.append(self.get(path)[0])
        folding.join()
        return _told(alone), _told(meanwhile)

    def check(self, campaign: Campaign) -> None:
        """Every answer is given as of its own moment again."""
        for path in ("/dashboard", "/heatmap", *_LISTS):
            asked = f"/campaigns/{campaign.campaign_id}{path}"
            _, live = self.get(asked)
            _, then = self.get(f"{asked}{'&' if '?' in asked else '?'}as_of={live['as_of']}")
            assert then == live, f"{asked} is answered otherwise as of {live['as_of']}"


def _told(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} (at most {max(seconds) * 1000:.0f})"


def earlier_moments(bench: Bench) -> list[Result]:
    """Goal: in a log ten times as long the same campaign costs at most 1.3 times as much."""
    sizes = QUICK_ROWS if bench.quick else ROWS
    with _served(bench, sizes) as grown, _served(bench, sizes[:2]) as small:
        for made in (grown, small):
            for campaign in made.campaigns:
                made.check(campaign)
        smallest, middle, largest = grown.campaigns
        for campaign in grown.campaigns:
            bench.told.append(f"{campaign.events:,} events, at hand: {grown.at_hand(campaign):.1f} ms")
        alone, beside = grown.beside(largest)
        bench.told.append(
            f"a dashboard of now while {largest.events:,} events are folded: {beside} ms, else {alone}"
        )
        cost = bench.compare(
            "as-of",
            "µs an event",
            ours=lambda: grown.first(largest),
            floor=lambda: grown.projected_us,
            also={
                f"a campaign of {middle.events:,} events": lambda: grown.first(middle),
                f"a campaign of {smallest.events:,} events": lambda: grown.first(smallest),
            },
            goal=Goal(),
        )
        bench.told.append("the floor: in a log of a tenth of the events")
        growth = bench.compare(
            "as-of-growth",
            "µs an event",
            ours=lambda: statistics.median(grown.first(middle) for _ in range(5)),
            floor=lambda: statistics.median(small.first(small.campaigns[1]) for _ in range(5)),
            goal=Goal(per_floor=1.3, at_most=True),
        )
        return [cost, growth]


@contextmanager
def _served(bench: Bench, sizes: Sequence[int]) -> Iterator[Served]:
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        _fill(url, sizes)
        projected_us = _projected(url)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute("VACUUM ANALYZE")
            campaigns = [Campaign(*row) for row in connection.execute(_CAMPAIGNS).fetchall()]
            head = connection.execute("SELECT max(position) FROM ledger.events").fetchone()
        assert head is not None
        assert len(campaigns) == len(sizes)
        with served(serve_api, url) as port:
            # Each moment once: nobody has asked for it before.
            positions = itertools.count(head[0] - 1, -1)
            yield Served(port, key_for(url), campaigns, positions, projected_us)


_CAMPAIGNS = """
SELECT (convert_from(bytes, 'UTF8')::jsonb ->> 'campaignid')::uuid, count(*)
FROM ledger.events WHERE convert_from(bytes, 'UTF8')::jsonb ? 'campaignid'
GROUP BY 1 ORDER BY 2
"""


def _fill(url: str, sizes: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="drumbeat-as-of-") as folder:
        # The largest first: moments near the head are after the last event of all but the last, which is small.
        for rows in sorted(sizes, reverse=True):
            file = Path(folder) / f"{rows}.csv"
            note = write_file(file, rows)
            seconds = import_file(url, file)
            progress(f"as-of: {note} imported in {seconds:.0f} s")


def _projected(url: str) -> float:
    with closing(LogSource(url)) as source, closing(keys_in(url)) as keys:
        projector = Projector(source, url, PROJECTIONS, ask=keys)
        projector.run_until(0)
        with closing(psycopg.connect(url)) as connection:
            head = connection.execute("SELECT max(position), count(*) FROM ledger.events").fetchone()
        assert head is not None
        began = time.perf_counter()
        projector.run_until(head[0])
        return (time.perf_counter() - began) * 1_000_000 / int(head[1])


def serve_api(url: str, port: int) -> None:
    """Serve the read API, with few moments kept."""
    # Logs as in earnest, to nowhere.
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123  a device, not a file
        telemetry.configure_logging(process="api", log_format="json", stream=nowhere)
        settings = Settings(master_key_file=master_key_file(), key_requests_per_second=0, as_of_kept=2)
        serve(api(settings, url, key_gate(settings, url, now)), "127.0.0.1", port, Flag())
