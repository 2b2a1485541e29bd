"""`import-bank`: a call history of the bank file's shape, from CSV to the completed campaign, as users import it.

Ours is the whole way (two readings of the file, decisions, encoding, append) in a process of its own; the floor is
COPY of the same events, bytes ready, into the same table and indexes. Peak memory is that of the process, for the
file and for one ten times as long. Without the bank file a made-up one of the same shape stands in, and is told.
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks.append import _make_floor
from benchmarks.bulk import BATCH, body_of, copy_body
from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import MASTER
from drumbeat.access import StoredWorkspaceKeys, person
from drumbeat.commands.dispatch import Commands
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.intake.call_history import import_call_history
from drumbeat.intake.mapping_files import load_mapping

MAPPING = "bank-marketing"
BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data" / "bank-additional-full.csv"
ROWS, QUICK_ROWS, TIMES = 41_188, 4_000, 10
MEMORY_MAY_GROW_BY = 1.15
_HEADER = ("age", "job", "marital", "education", "contact", "month", "day_of_week", "duration", "campaign", "y")


def bank_import(bench: Bench) -> list[Result]:
    """Goal: memory does not grow with the file. The rate has no peer and is told beside the floor."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-import-") as folder:
        file = Path(folder) / "once.csv"
        longer = Path(folder) / "ten-times.csv"
        rows = bench.scaled(ROWS, QUICK_ROWS)
        note = write_file(file, rows)
        _repeat(file, longer)
        events = _imported_events(bench, file)

        def ours() -> float:
            return len(events) / _run(bench, file, rows)["seconds"]

        def floor() -> float:
            return _copied(bench, events)

        def peak_of(which: Path, count: int) -> float:
            return _run(bench, which, count)["peak_mb"]

        bench.told += [note, f"{len(events):,} events of {rows:,} rows"]
        rate = bench.compare("import-bank", "events/s", ours=ours, floor=floor, goal=Goal())
        bench.told.append(f"ours: {TIMES * rows:,} rows; floor: {rows:,} rows; each once")
        once = Bench(True, bench.server_url, bench.postgres, bench.told)
        memory = once.compare(
            "import-bank-memory",
            "MB at the peak",
            ours=lambda: peak_of(longer, TIMES * rows),
            floor=lambda: peak_of(file, rows),
            goal=Goal(per_floor=MEMORY_MAY_GROW_BY, at_most=True),
        )
        return [rate, memory]


def write_file(file: Path, rows: int) -> str:
    bank = Path(os.environ.get("DRUMBEAT_BANK_CSV") or BESIDE_THE_PROJECT)
    if not bank.is_file():
        _make_up(file, rows)
        return "the bank file is not at hand: a made-up one of the same shape"
    with bank.open(encoding="utf-8") as source, file.open("w", encoding="utf-8") as copy:
        copy.writelines(line for line, _ in zip(source, range(rows + 1), strict=False))
    return "the bank file" if rows == ROWS else f"the first {rows:,} rows of the bank file"


def _make_up(file: Path, rows: int) -> None:
    chance = random.Random(2014)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(_HEADER)
        for _ in range(rows):
            calls = min(1 + int(chance.expovariate(0.64)), 56)
            won = chance.choices(["no", "yes"], [0.89, 0.11])[0]
            day = chance.choice(["mon", "tue", "wed", "thu", "fri"])
            kind = chance.choice(["cellular", "telephone"])
            seconds = int(chance.expovariate(1 / 258))
            writer.writerow([40, "admin.", "married", "basic.4y", kind, "may", day, seconds, calls, won])


def _repeat(file: Path, longer: Path) -> None:
    header, _, rows = file.read_text(encoding="utf-8").partition("\n")
    longer.write_text(header + "\n" + rows * TIMES, encoding="utf-8")


def _run(bench: Bench, file: Path, rows: int) -> dict[str, float]:
    """Import in a process of its own, and check what came of it."""
    with bench.database() as url:
        said = subprocess.run(
            [sys.executable, "-m", "benchmarks.import_bank", url, str(file)],
            check=True,
            capture_output=True,
            text=True,
        )
        measured: dict[str, float] = json.loads(said.stdout)
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE type = 'contact.finished.v1'),"
                " count(*) FILTER (WHERE type = 'campaign.completed.v1') FROM ledger.events"
            ).fetchone()
        assert row == (rows, 1), f"{row} contacts and campaigns were finished, of {rows} and 1"
        return measured


def _imported_events(bench: Bench, file: Path) -> list[StoredEvent]:
    with bench.database() as url:
        import_file(url, file)
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "SELECT stream_id, version, type, bytes FROM ledger.events ORDER BY position", binary=True
            )
            return [StoredEvent(*row) for row in rows]


def _copied(bench: Bench, events: Sequence[StoredEvent]) -> float:
    with bench.database() as url:
        _make_floor(url)
        write = copy_body(url)
        bodies = [body_of(events[first : first + BATCH]) for first in range(0, len(events), BATCH)]
        started = time.perf_counter()
        for body in bodies:
            write(body)
        elapsed = time.perf_counter() - started
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM public.floor").fetchone() == (len(events),)
        return len(events) / elapsed


def import_file(url: str, file: Path) -> float:
    """Import a file; the seconds it took."""
    ledger = EventStoreLedger(url, master=MASTER)
    report = import_call_history(
        file,
        load_mapping(MAPPING),
        commands=Commands(ledger, StoredWorkspaceKeys(lambda: psycopg.connect(url))),
        principal=person(),
        clock=lambda: datetime.now(UTC),
        refused_rows=file.with_suffix(".refused.csv"),
    )
    ledger.close()
    assert report.refused == 0, f"{report.refused} rows were refused"
    return report.seconds


def _peak_mb() -> float:
    # Not ru_maxrss: that survives exec, and would tell the peak of the benchmark that started this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [peak_kb] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak_kb) / 1024


if __name__ == "__main__":
    taken = import_file(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"seconds": taken, "peak_mb": _peak_mb()}))
