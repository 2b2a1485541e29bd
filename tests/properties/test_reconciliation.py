"""Random topics against their log: a fault that is put in is named by its kind, and nothing else is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from drumbeat.events.campaign import CampaignAudienceOpened
from drumbeat.projections.reconciliation import Applied, Versions
from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.reconciliation import Comparison, Fault, Findings, Tally
from drumbeat.transport.record_headers import headers
from drumbeat.transport.records import subject_of
from drumbeat.transport.source import LogRow
from drumbeat.transport.watermarks import WATERMARK_TYPE, watermark
from support.given import NOW
from support.projecting import CAMPAIGN, ListLog
from support.toys import ENROLLED, MARK

TOPICS = {"t.contacts": 3, "t.campaigns": 2}
PEOPLE = [uuid5(CAMPAIGN, f"person {n}") for n in range(7)]


@dataclass(frozen=True)
class Record:
    key: bytes | None
    value: bytes | None
    headers: Any

    @property
    def position(self) -> int:
        return int(dict(self.headers)["position"])


Held = dict[str, list[Record]]


def home_of(row: LogRow) -> str:
    topic = f"t.{topic_of(row.type)}"
    return f"{topic}/{partition_of(subject_of(row.bytes) or b'', TOPICS[topic])}"


def record_of(row: LogRow) -> Record:
    return Record(subject_of(row.bytes), row.bytes, headers(row.type, row.position))


def mark_of(position: int) -> Record:
    return Record(None, watermark(position, NOW), headers(WATERMARK_TYPE, position))


@st.composite
def worlds(draw: Any) -> tuple[ListLog, Held]:
    """A log, and topics that hold it as a relay leaves them: repeats behind, watermarks between."""
    log = ListLog()
    for number in draw(st.lists(st.integers(0, len(PEOPLE)), min_size=12, max_size=40)):
        if number == len(PEOPLE):
            log.tell(CAMPAIGN, CampaignAudienceOpened())
        else:
            log.tell(PEOPLE[number], MARK if log.versions.get(PEOPLE[number]) else ENROLLED)
    held: Held = {f"{topic}/{n}": [] for topic, count in TOPICS.items() for n in range(count)}
    crash = draw(st.integers(0, len(log.rows)))
    back = draw(st.integers(0, crash))
    for row in [*log.rows[:crash], *log.rows[back:]]:
        held[home_of(row)].append(record_of(row))
        if draw(st.integers(0, 4)) == 0:
            for records in held.values():
                records.append(mark_of(row.position))
    return log, held


def compared(
    log: ListLog, held: Held, *, published: int | None = None, since: int = 0
) -> tuple[Findings, list[Tally]]:
    comparison = Comparison(TOPICS, "t.", since)
    for row in log.rows:
        if row.position > since:
            comparison.expect(row)
    for partition, records in held.items():
        for offset, one in enumerate(records):
            comparison.record(partition, offset, one.key, one.value, one.headers)
    head = log.rows[-1].position if log.rows else 0
    tallies = comparison.conclude(head if published is None else published, head)
    return comparison.findings, list(tallies)


def without(held: Held, position: int, home: str) -> Held:
    kept = [one for one in held[home] if one.position != position or one.key is None]
    return {**held, home: kept}


def lost(log: ListLog, held: Held, row: LogRow) -> Held:
    return without(held, row.position, home_of(row))


def moved(log: ListLog, held: Held, row: LogRow) -> Held:
    home = home_of(row)
    elsewhere = next(name for name in held if name != home)
    one = record_of(row)
    return {**without(held, row.position, home), elsewhere: [*held[elsewhere], one]}


def doubled_elsewhere(log: ListLog, held: Held, row: LogRow) -> Held:
    elsewhere = next(name for name in held if name != home_of(row))
    return {**held, elsewhere: [*held[elsewhere], record_of(row)]}


def late_in_its_partition(log: ListLog, held: Held, row: LogRow) -> Held:
    home = home_of(row)
    stripped = without(held, row.position, home)
    return {**stripped, home: [*stripped[home], mark_of(len(log.rows)), record_of(row)]}


def rewritten(log: ListLog, held: Held, row: LogRow) -> Held:
    home = home_of(row)
    other = (row.bytes or b"").replace(b'"tester"', b'"nobody"')
    return {
        **held,
        home: [
            replace(one, value=other) if one.position == row.position and one.key is not None else one
            for one in held[home]
        ],
    }


def somebody_elses(log: ListLog, held: Held, row: LogRow) -> Held:
    home = home_of(row)
    return {**held, home: [*held[home], Record(b"x", b"{}", [])]}


INJECTED: dict[Fault, Callable[[ListLog, Held, LogRow], Held]] = {
    Fault.MISSING: lost,
    Fault.WRONG_PARTITION: moved,
    Fault.DOUBLED: doubled_elsewhere,
    Fault.OUT_OF_ORDER: late_in_its_partition,
    Fault.DIFFERENT: rewritten,
    Fault.FOREIGN: somebody_elses,
}


@given(worlds())
def test_a_whole_topic_with_repeats_has_no_fault(world: tuple[ListLog, Held]) -> None:
    log, held = world
    findings, tallies = compared(log, held)
    assert not findings.counts
    assert sum(one.expected for one in tallies) == sum(one.found for one in tallies) == len(log.rows)
    events = sum(one.key is not None for records in held.values() for one in records)
    assert sum(one.repeated for one in tallies) == events - len(log.rows)
    assert sum(one.late for one in tallies) == 0


@given(worlds(), st.sampled_from(list(INJECTED)), st.data())
def test_a_fault_is_named_by_its_kind_and_place_and_nothing_else_is(
    world: tuple[ListLog, Held], fault: Fault, data: st.DataObject
) -> None:
    log, held = world
    row = data.draw(st.sampled_from(log.rows))
    findings, _ = compared(log, INJECTED[fault](log, held, row))
    assert set(findings.counts) == {fault}
    if fault is not Fault.FOREIGN:
        assert {one.position for one in findings.examples} == {row.position}


@given(worlds(), st.data())
def test_events_above_what_is_published_are_late_and_no_fault(
    world: tuple[ListLog, Held], data: st.DataObject
) -> None:
    log, held = world
    published = data.draw(st.integers(0, len(log.rows)))
    cut = {name: [one for one in records if one.position <= published] for name, records in held.items()}
    findings, tallies = compared(log, cut, published=published)
    assert not findings.counts
    assert sum(one.late for one in tallies) == len(log.rows) - published


@given(worlds(), st.data())
def test_what_is_at_or_below_the_position_asked_for_is_not_judged(
    world: tuple[ListLog, Held], data: st.DataObject
) -> None:
    log, held = world
    since = data.draw(st.integers(0, len(log.rows) - 1))
    stripped = {name: [one for one in records if one.position > since] for name, records in held.items()}
    for some in (held, stripped):
        findings, tallies = compared(log, some, since=since)
        assert not findings.counts
        assert sum(one.found for one in tallies) == len(log.rows) - since


@given(worlds(), st.data())
def test_what_comes_while_it_looks_is_not_judged(world: tuple[ListLog, Held], data: st.DataObject) -> None:
    log, held = world
    seen = ListLog(log.rows[: data.draw(st.integers(0, len(log.rows)))])
    findings, _ = compared(seen, held)
    assert not findings.counts


def test_what_the_log_has_lost_and_what_stands_under_two_positions_are_told_apart() -> None:
    log = ListLog()
    log.tell(PEOPLE[0], ENROLLED, MARK)
    first, second = log.rows[0], log.rows[1]._replace(position=4)
    lost_event = first.bytes.replace(b'"tester"', b'"nobody"')
    home = home_of(first)
    held: Held = {f"{topic}/{n}": [] for topic, count in TOPICS.items() for n in range(count)}
    held[home] = [
        record_of(first),
        record_of(first._replace(position=2, bytes=lost_event)),
        record_of(first._replace(position=3)),
        record_of(second),
    ]
    findings, _ = compared(ListLog([first, second]), held)
    assert {one.position: (one.fault, one.words) for one in findings.examples} == {
        2: (Fault.NOT_IN_LOG, "the log holds no such event"),
        3: (Fault.DOUBLED, "is the event of position 1 once more"),
    }


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.data())
def test_a_stream_that_the_read_models_have_not_applied_is_named(told: list[int], data: st.DataObject) -> None:
    log = ListLog()
    people = [uuid5(CAMPAIGN, f"p{n}") for n in range(10)]
    for number in told:
        log.tell(people[number], MARK)
    victim = data.draw(st.sampled_from(sorted(log.versions, key=str)))
    missing = data.draw(st.integers(0, log.versions[victim]))
    rows = [
        (stream, version - (missing if stream == victim else 0))
        for stream, version in sorted(log.versions.items(), key=lambda one: one[0].int)
        if stream != victim or missing < version
    ]
    applied = Applied({"t.contacts/0": len(log.rows)}, versions=Versions(rows))
    for row in log.rows:
        applied.expect("t.contacts/0", row.position, row.bytes)
    found = list(applied.conclude(len(log.rows)))
    assert [one.fault for one in found] == ([Fault.BEHIND] if missing else [])
    assert not missing or str(victim) in found[0].words
