"""Alternating runs, medians, one table, one JSON file an axis.

A side is a function that does the work once, checks what it did, and answers its figure. The sides take turns
(ours, peer, floor, ours, …), so that a machine that slows down slows all of them.
"""

import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.migrations import ACCESS, LEDGER

RESULTS = Path(__file__).parent / "results"
Side = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Goal:
    """What ours has to reach against the peer and against the floor; None: told, not asked.

    Ratios are ours / other. With `at_most` (for times) ours may not be more than that, else not less. `below`: the
    figure itself has to be less, whatever the machine.
    """

    per_peer: float | None = None
    per_floor: float | None = None
    at_most: bool = False
    below: float | None = None

    def text(self) -> str:
        """As it stands in the table."""
        sign = "≤" if self.at_most else "≥"
        parts = [
            f"{sign} {ratio:g} × {name}"
            for ratio, name in ((self.per_peer, "peer"), (self.per_floor, "floor"))
            if ratio is not None
        ]
        if self.below is not None:
            parts.append(f"< {self.below:g}")
        return ", ".join(parts) or "–"

    def is_met(self, ours: float, per_peer: float | None, per_floor: float | None) -> bool:
        """Whether every ratio that is asked for is reached."""
        pairs = ((self.per_peer, per_peer), (self.per_floor, per_floor))
        return (self.below is None or ours < self.below) and all(
            got is not None and (got <= asked if self.at_most else got >= asked)
            for asked, got in pairs
            if asked is not None
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of a side's runs, with the least and the greatest."""

    median: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Result:
    """One axis, measured."""

    axis: str
    unit: str
    ours: Figure
    peer: Figure | None
    floor: Figure | None
    goal: Goal
    runs: int
    told: Sequence[str] = ()
    kafka: str | None = None
    """The broker's version, where one is measured."""

    @property
    def per_peer(self) -> float | None:
        """Ours / peer."""
        return None if self.peer is None else self.ours.median / self.peer.median

    @property
    def per_floor(self) -> float | None:
        """Ours / floor."""
        return None if self.floor is None else self.ours.median / self.floor.median

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.goal.is_met(self.ours.median, self.per_peer, self.per_floor)


@dataclass(slots=True)
class Bench:
    """What an axis is given: how much work to do, and databases on one tuned embedded server.

    Benchmarks are run one at a time, by one process, which is the only one that may write here.
    """

    quick: bool
    server_url: str
    postgres: str
    told: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How often each side is run."""
        return 1 if self.quick else 3

    def scaled(self, whole: int, quick: int) -> int:
        """An amount of work."""
        return quick if self.quick else whole

    @contextlib.contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """A database of its own for one run, with the ledger's schema unless told otherwise."""
        name = f"bench_{uuid4().hex[:12]}"
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self.server_url.replace("/drumbeat?", f"/{name}?")
        try:
            if migrated:
                LEDGER.migrate(url)
                ACCESS.migrate(url)
            yield url
        finally:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def settle(self) -> None:
        """Leave no work of one run to the next: a checkpoint now, not in the middle of somebody's run."""
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def compare(
        self,
        axis: str,
        unit: str,
        *,
        ours: Side,
        goal: Goal,
        peer: Side | None = None,
        floor: Side | None = None,
        also: Mapping[str, Side] | None = None,
        kafka: str | None = None,
    ) -> Result:
        """Run the sides in turns. `also` is measured in the same turns and told beside the table."""
        sides = {"ours": ours, "peer": peer, "floor": floor, **(also or {})}
        figures: dict[str, list[float]] = {name: [] for name, side in sides.items() if side is not None}
        for run in range(self.runs):
            for name, side in sides.items():
                if side is None:
                    continue
                self.settle()
                figures[name].append(side())
                progress(f"{axis} {run + 1}/{self.runs} {name}: {figures[name][-1]:,.3g} {unit}")
        medians = {name: _figure(runs) for name, runs in figures.items()}
        told = [f"{name}: {medians[name].median:,.4g} {unit}" for name in also or {}]
        result = Result(
            axis=axis,
            unit=unit,
            ours=medians["ours"],
            peer=medians.get("peer"),
            floor=medians.get("floor"),
            goal=goal,
            runs=self.runs,
            told=(*told, *self.told),
            kafka=kafka,
        )
        self.told.clear()
        return result


def once(axis: str, unit: str, ours: float, *, goal: Goal, floor: float | None = None) -> Result:
    """A figure that was measured once, because it takes minutes."""
    progress(f"{axis}: {ours:,.3g} {unit}")
    beside = None if floor is None else _figure([floor])
    return Result(axis=axis, unit=unit, ours=_figure([ours]), peer=None, floor=beside, goal=goal, runs=1)


Axis = Callable[[Bench], Result | list[Result]]


@contextlib.contextmanager
def bench(*, quick: bool) -> Iterator[Bench]:
    """A tuned embedded server that lives as long as the benchmarks."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with EmbeddedServer(Path(folder) / "postgres", progress=progress) as server:
            with psycopg.connect(server.url) as connection:
                version = str(connection.info.server_version)
            yield Bench(quick, server.url, f"{version[:2]}.{int(version[2:])}")


def progress(words: str) -> None:
    """Say on the error stream how far the work is."""
    sys.stderr.write(f"  {words}\n")
    sys.stderr.flush()


def write(result: Result, postgres: str) -> None:
    """Keep a result as JSON."""
    RESULTS.mkdir(exist_ok=True)
    document = {
        "axis": result.axis,
        "unit": result.unit,
        "ours": _plain(result.ours),
        "peer": _plain(result.peer),
        "floor": _plain(result.floor),
        "ours_per_peer": result.per_peer,
        "ours_per_floor": result.per_floor,
        "goal": result.goal.text(),
        "met": result.met,
        "runs": result.runs,
        "told": list(result.told),
        "python": platform.python_version(),
        "postgres": postgres,
        "kafka": result.kafka,
        "cpus": os.cpu_count(),
    }
    path = RESULTS / f"{result.axis}.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    """The results as one table of text."""
    head = ["axis", "ours", "peer", "floor", "ours/peer", "ours/floor", "goal", "met", "unit"]
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for result in results:
        lines += [f"{result.axis}: {words}" for words in result.told]
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    def shown(figure: Figure | None) -> str:
        return "–" if figure is None else f"{figure.median:,.0f} [{figure.least:,.0f} {figure.greatest:,.0f}]"

    def ratio(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    return [
        result.axis,
        shown(result.ours),
        shown(result.peer),
        shown(result.floor),
        ratio(result.per_peer),
        ratio(result.per_floor),
        result.goal.text(),
        "yes" if result.met else "no",
        result.unit,
    ]


def _figure(runs: Sequence[float]) -> Figure:
    return Figure(statistics.median(runs), min(runs), max(runs))


def _plain(figure: Figure | None) -> dict[str, float] | None:
    if figure is None:
        return None
    return {"median": figure.median, "min": figure.least, "max": figure.greatest}
