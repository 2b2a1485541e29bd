"""One storm from its seed to its figures."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import psycopg

from chaos.dead_letters import judge_dead_letters
from chaos.diary import Diary
from chaos.faults import Executor
from chaos.plan import PROJECTORS, RELAYS, VICTIMS, Fault, Kind
from chaos.read_models import RowsFound, caught_up, judge_rows
from chaos.storm import Storm, storm
from chaos.topics import TopicsFound, judge_topics
from chaos.writers import Answered, Reader, reading, writing
from support.keys import key_for

_RECOVERY_SECONDS: Final = 300.0
_TELLING: Final = ("relay_term_begins", "partitions_reassigned", "another_projector_was_first")


@dataclass(slots=True)
class Figures:
    """What a storm was and what it left."""

    seed: int
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    events: int = 0
    calls: int = 0
    commands_tried_again: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    tables: int = 0
    rows: int = 0
    rows_different: int = 0
    recovery_seconds: float = 0.0
    ended_by_themselves: int = 0
    told: dict[str, int] = field(default_factory=dict)
    """What processes have said of it, by how often."""
    problems: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Nothing lost, nothing doubled, nothing out of order, and all agree."""
        return not (self.lost or self.doubled or self.out_of_order or self.rows_different or self.problems)

    def lines(self) -> list[str]:
        """For people."""
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        others = ", ".join(f"{count} {name}" for name, count in self.faults.items() if name != Kind.KILL)
        answers = ", ".join(f"{count}× {code}" for code, count in sorted(self.answers.items()))
        written = f"{self.events:,} events written, {self.calls:,} calls"
        judged = f"lost {self.lost}, doubled {self.doubled}, out of order {self.out_of_order}"
        return [
            f"seed {self.seed}: {sum(self.kills.values())} kills ({kills}) and {others} in {self.seconds:.0f} s",
            f"{written}, {self.commands_tried_again} commands given again",
            f"the API answered {answers}; {self.ended_by_themselves} processes ended by themselves",
            f"{judged}; {self.repeats:,} repeats skipped",
            f"{self.rows:,} rows of {self.tables} tables compared, {self.rows_different} different",
            ", ".join(f"{count}× {words}" for words, count in self.told.items()),
            f"{self.recovery_seconds:.1f} s from the last fault until all was caught up",
            *(f"PROBLEM: {problem}" for problem in self.problems),
        ]


def run(folder: Path, seed: int, plan: Sequence[Fault], *, writers: int, aloud: bool) -> Figures:
    """Blow, wait until all is caught up, end the processes, and judge. `folder` keeps plan, diary and logs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps([asdict(fault) for fault in plan], indent=1))
    diary, figures = Diary(folder / "happened.jsonl", aloud=aloud), Figures(seed)
    try:
        with storm(folder, diary) as blowing:
            answered, reader = _blow(blowing, seed, plan, writers, figures)
            diary.note("judging")
            topics = judge_topics(blowing.postgres.url, blowing.cluster, blowing.counts)
            rows = judge_rows(blowing.postgres.url, topics, answered)
            figures.problems += judge_dead_letters(blowing.postgres.url, blowing.cluster)[:5]
            figures.events = _count(blowing.postgres.url)
        _sum_up(figures, diary, topics, rows)
        figures.problems += [*reader.wrong[:5], *answered.failures]
        figures.answers, figures.commands_tried_again = dict(reader.answers), answered.tried_again
        figures.told = _told(folder)
        figures.calls = sum(answered.calls.values())
        (folder / "figures.json").write_text(json.dumps(asdict(figures), indent=1))
    finally:
        diary.close()
    return figures


def _blow(
    blowing: Storm, seed: int, plan: Sequence[Fault], writers: int, figures: Figures
) -> tuple[Answered, Reader]:
    url, executor = blowing.postgres.url, Executor(blowing, blowing.diary)
    with writing(url, seed, writers) as answered, reading(blowing.api, key_for(url), answered) as reader:
        assert executor.settle(lambda: answered.calls.total() > 0 and caught_up(url, 1), 90), "nothing flows"
        began_at = monotonic()
        blowing.diary.note("begins")
        executor.run(plan)
        blowing.poisoner.close()
        over_at = monotonic()
        blowing.diary.note("over")
    figures.seconds = over_at - began_at
    # The clock may still command something: without it the end of the log stays where it is.
    blowing.processes.pop("policies").end()
    head = _head(url)
    if not executor.settle(lambda: caught_up(url, head), _RECOVERY_SECONDS):
        figures.problems.append(f"not caught up with {head} within {_RECOVERY_SECONDS:.0f} s")
    figures.recovery_seconds = monotonic() - over_at
    blowing.diary.note("caught up", position=head)
    for name in (*RELAYS, *PROJECTORS, "api"):
        blowing.processes.pop(name).end()
    return answered, reader


def _sum_up(figures: Figures, diary: Diary, topics: TopicsFound, rows: RowsFound) -> None:
    figures.faults = {kind.value: diary.counts[kind] for kind in Kind}
    figures.kills = {victim: diary.counts[f"{Kind.KILL} {victim}"] for victim in VICTIMS}
    figures.ended_by_themselves = diary.counts["ended"]
    figures.repeats, figures.lost = topics.repeats, topics.lost
    figures.doubled, figures.out_of_order = topics.doubled, topics.out_of_order
    figures.tables, figures.rows, figures.rows_different = rows.tables, rows.rows, rows.missing + rows.extra
    figures.problems += [*topics.problems[:20], *rows.problems[:20]]
    if diary.counts["bug"]:
        figures.problems.append(f"{diary.counts['bug']} processes ended for no reason from outside")


def _told(folder: Path) -> dict[str, int]:
    words = "".join(path.read_text() for path in folder.glob("*.log"))
    return {name: words.count(f'"event":"{name}"') for name in _TELLING}


def _head(url: str) -> int:
    return _number(url, "SELECT coalesce(max(position), 0) FROM ledger.events")


def _count(url: str) -> int:
    return _number(url, "SELECT count(*) FROM ledger.events")


def _number(url: str, question: Any) -> int:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return int(row[0])
