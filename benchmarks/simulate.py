"""`simulate`: an import replayed under seven limits of attempts in one run, beside keeping all read models.

The log is that of the bank file. Ours is one question to the API, from request to answer; the peer is the
projector that puts the same log into all read models. Every answer is checked against the sums of the file's rows.
"""

import asyncio
import csv
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from benchmarks.harness import Bench, Goal, Result
from benchmarks.import_bank import QUICK_ROWS, ROWS, import_file, write_file
from benchmarks.keys import master_key_file
from benchmarks.live import project
from benchmarks.read_models import emptied
from drumbeat import bootstrap
from drumbeat.access import person
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.opsapi import inside
from drumbeat.projections.engine.bookkeeping import READMODEL
from drumbeat.settings import Settings
from drumbeat.web.authenticating import OwnProcess

ALLOWED = (1, 2, 3, 4, 6, 11, None)
"""Attempts; None: as many as there were."""


class Row(NamedTuple):
    """What the file says of a contact."""

    calls: int
    won: bool


def seven_limits(bench: Bench) -> Result:
    """Goal: at least as many events a second as the projector, with all seven variants."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-simulate-") as folder, bench.database() as url:
        file = Path(folder) / "rows.csv"
        note = write_file(file, bench.scaled(ROWS, QUICK_ROWS))
        READMODEL.migrate(url)
        import_file(url, file)
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT max(position), (array_agg(stream_id) FILTER (WHERE type = 'campaign.drafted.v1'))[1]"
                " FROM ledger.events"
            ).fetchone()
        assert found is not None
        events, campaign = found
        expected = _expected(file)
        settings = Settings(master_key_file=master_key_file())

        def peer() -> float:
            emptied(url)
            return float(events) / project(url, events)

        peer()  # the read models that ours asks

        def ours() -> float:
            answer, seconds = asyncio.run(_asked(settings, url, f"/campaigns/{campaign}/simulations"))
            got = [(one["measures"]["attempts"], one["measures"]["goals_achieved"]) for one in answer["variants"]]
            assert got == expected, f"{got} is not {expected}"
            return float(answer["events"]) / seconds

        bench.told += [note, f"{events:,} events, {len(ALLOWED)} variants in one run"]
        result = bench.compare("simulate", "events/s", ours=ours, peer=peer, goal=Goal(per_peer=1))
        variants = f"{len(ALLOWED) * result.ours.median / events:.2f} variants/s of the whole campaign"
        return replace(result, told=(*result.told, variants))


def _expected(file: Path) -> Sequence[tuple[int, int]]:
    with file.open(encoding="utf-8", newline="") as source:
        rows = [Row(int(row["campaign"]), row["y"] == "yes") for row in csv.DictReader(source, delimiter=";")]
    limits = [max(row.calls for row in rows) if allowed is None else allowed for allowed in ALLOWED]
    return [
        (sum(min(row.calls, most) for row in rows), sum(row.won and row.calls <= most for row in rows))
        for most in limits
    ]


async def _asked(settings: Settings, url: str, path: str) -> tuple[dict[str, Any], float]:
    """What the API answers, and the seconds from the question to the answer."""
    with closing(EventStoreLedger(url)) as on:
        app = bootstrap.api(settings, url, OwnProcess(person), on)
        async with app.router.lifespan_context(app):
            body = {"variants": [{"max_retries": None if most is None else most - 1} for most in ALLOWED]}
            started = time.perf_counter()
            answer = await inside.send(app, path, {}, body)
            return answer, time.perf_counter() - started
