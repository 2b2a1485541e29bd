"""What judges a storm has been seen to find what it is there to find."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from chaos.diary import Diary
from chaos.faults import Executor, Stuck
from chaos.plan import Fault, Kind
from chaos.poison import event_bytes
from chaos.read_models import RowsFound, judge_rows
from chaos.topics import Expected, Judge, TopicsFound, checksum
from chaos.writers import Answered
from drumbeat.events.sender import SenderSpamScoreReported
from drumbeat.events.values import CallOutcome
from drumbeat.transport.watermarks import WATERMARK_TYPE, watermark
from support.given import NOW, event, uid
from support.sealing import sealed_bytes
from support.whole import whole_system

STREAM, OTHER = uid("one stream"), uid("another stream")
FACT = SenderSpamScoreReported(score=1, source="feed")
LOG = [(11, STREAM, 1), (14, OTHER, 1), (15, STREAM, 2), (19, STREAM, 3)]
"""A partition's events: position, stream, version."""


def raw(stream_id: UUID, version: int) -> bytes:
    return sealed_bytes(
        replace(event(FACT, version=version, stream_id=stream_id), id=uid(f"{stream_id} {version}"))
    )


def record(position: int, stream_id: UUID, version: int) -> Any:
    headers = [("position", b"%d" % position), ("type", FACT.TYPE.encode()), ("content-type", b"json")]
    return SimpleNamespace(key=str(stream_id).encode(), value=raw(stream_id, version), headers=headers, offset=0)


def mark(position: int) -> Any:
    headers = [("position", b"%d" % position), ("type", WATERMARK_TYPE.encode()), ("content-type", b"json")]
    return SimpleNamespace(key=None, value=watermark(position, NOW), headers=headers, offset=0)


def judged(records: Sequence[Any]) -> TopicsFound:
    expected, found = Expected(), TopicsFound()
    for position, stream_id, version in LOG:
        expected.positions.append(position)
        expected.sums.append(checksum(FACT.TYPE.encode(), raw(stream_id, version)))
    judge = Judge("senders/0", expected, found)
    for one in records:
        judge.take(one)
    judge.end()
    return found


WHOLE = [record(*one) for one in LOG]


def test_a_whole_partition_with_repeats_and_watermarks_is_well() -> None:
    found = judged([*WHOLE[:3], mark(15), *WHOLE[1:3], WHOLE[3], mark(19), mark(19)])
    assert (found.lost, found.doubled, found.out_of_order, found.problems) == (0, 0, 0, [])
    assert (found.events, found.repeats, found.watermarks, found.records) == (4, 2, 3, 9)


@pytest.mark.parametrize("missing", range(4))
def test_an_event_that_is_not_there_is_lost(missing: int) -> None:
    found = judged([one for number, one in enumerate(WHOLE) if number != missing])
    assert found.lost == 1
    assert len(found.problems) >= 1


def test_an_event_that_comes_behind_a_later_one_is_lost_to_its_readers() -> None:
    found = judged([WHOLE[0], WHOLE[2], WHOLE[1], WHOLE[3]])
    assert (found.lost, found.repeats) == (1, 1)


def test_an_event_that_a_watermark_has_overtaken_is_lost_to_its_readers() -> None:
    assert judged([*WHOLE[:2], mark(15), *WHOLE[2:]]).lost == 1


def test_an_event_under_another_position_is_doubled() -> None:
    assert judged([*WHOLE, record(20, STREAM, 3)]).doubled == 1


def test_a_version_that_does_not_follow_the_one_before_is_out_of_order() -> None:
    found = judged([record(11, STREAM, 2), *WHOLE[1:]])
    assert found.out_of_order > 0
    assert any("other bytes" in problem for problem in found.problems)


def test_what_is_none_of_ours_is_told_and_counts_as_no_event() -> None:
    nothing = SimpleNamespace(key=b"x", value=None, headers=[], offset=7)
    found = judged([WHOLE[0], nothing, *WHOLE[1:]])
    assert found.foreign == [("senders/0", 7)]
    assert (found.events, found.problems) == (4, [])


CAMPAIGN = uid("spring")

SABOTAGE = {
    "a row is missing": "DELETE FROM gen_1.contacts WHERE ctid IN (SELECT ctid FROM gen_1.contacts LIMIT 1)",
    "a counter is too high": "UPDATE gen_1.dashboard_counters SET value = value + 1 WHERE ctid IN"
    " (SELECT ctid FROM gen_1.dashboard_counters WHERE value > 0 LIMIT 1)",
    "a row stands elsewhere": "UPDATE gen_1.activity SET position = position + 1000 WHERE ctid IN"
    " (SELECT ctid FROM gen_1.activity LIMIT 1)",
    "a version was not seen": "DELETE FROM gen_1.streams WHERE stream_id IN"
    " (SELECT contact_id FROM gen_1.contacts)",
    "a parked event is gone": "DELETE FROM readmodel.parked_events WHERE id ="
    " (SELECT max(id) FROM readmodel.parked_events WHERE generation = 'gen_1')",
}


def history(url: str) -> None:
    """A campaign with calls and a poison event, in the read models; versions are noted as for Kafka."""
    with whole_system(url) as whole:
        whole.running_campaign("ann", "bob", "cid", max_retries=0)
        for reference, outcome in (("ann", CallOutcome.COMPLETED), ("bob", CallOutcome.BUSY)):
            whole.call(CAMPAIGN, reference, outcome)
        kind, bad = event_bytes(stream := uuid4(), "wrong-schema")
        whole.rows("SELECT ledger.append_one(%s, 1, %s, %s)", stream, kind, bad)
        whole.project()
        whole.looking.execute(
            "INSERT INTO gen_1.streams SELECT stream_id, max(version) FROM ledger.events GROUP BY 1"
        )


def judge(url: str, *, calls: int = 2) -> RowsFound:
    answered = Answered()
    answered.contacts[CAMPAIGN], answered.calls[CAMPAIGN] = 3, calls
    return judge_rows(url, TopicsFound(), answered)


@pytest.mark.postgres
def test_rows_that_the_log_gives_are_well(database_url: str) -> None:
    history(database_url)
    found = judge(database_url)
    assert (found.missing, found.extra, found.problems) == (0, 0, [])
    assert found.rows > 20


@pytest.mark.postgres
@pytest.mark.parametrize("sabotage", SABOTAGE)
def test_a_difference_in_the_rows_is_found(database_url: str, sabotage: str) -> None:
    history(database_url)
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        assert connection.execute(SABOTAGE[sabotage].encode()).rowcount >= 1
    assert judge(database_url).problems != [], sabotage


@pytest.mark.postgres
def test_a_confirmed_call_that_is_not_in_the_log_is_found(database_url: str) -> None:
    history(database_url)
    assert len(judge(database_url, calls=3).problems) == 2


class Fake:
    """A world that notes what is done to it."""

    def __init__(self, *, ready: bool = True) -> None:
        self.ready, self.noted = ready, [""]

    def tend(self) -> None:
        """Nothing ends by itself."""

    def may(self, fault: Fault) -> bool:
        return self.ready

    def do(self, fault: Fault) -> None:
        self.noted.append(f"do {fault.target}")

    def undo(self, fault: Fault) -> None:
        self.noted.append(f"undo {fault.target}")


def test_whoever_was_stopped_is_awake_when_a_storm_is_over(tmp_path: Path) -> None:
    world = Fake()
    with closing(Diary(tmp_path / "diary", aloud=False)) as diary:
        Executor(world, diary).run(
            [
                Fault(at_seconds=0.0, kind=Kind.SUSPEND, target="project-1", lasts_seconds=0.2),
                Fault(at_seconds=0.1, kind=Kind.KILL, target="relay"),
            ]
        )
    assert world.noted[1:] == ["do project-1", "do relay", "undo project-1"]
    told = [json.loads(line) for line in (tmp_path / "diary").read_text().splitlines()]
    assert [(line["what"], line["target"]) for line in told] == [
        ("suspend", "project-1"),
        ("kill", "relay"),
        ("wake", "project-1"),
    ]


def test_a_storm_that_cannot_go_on_says_what_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.faults._WAIT_SECONDS", 0.1)
    with (
        closing(Diary(tmp_path / "diary", aloud=False)) as diary,
        pytest.raises(Stuck, match="kill broker-1 could not be done"),
    ):
        Executor(Fake(ready=False), diary).run([Fault(at_seconds=0.0, kind=Kind.KILL, target="broker-1")])
