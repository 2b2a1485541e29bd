"""Every counter is the sum over the rows behind it, at every position and in every order of the streams."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced, ContactCallReceived
from drumbeat.events.contact import ContactRemoved
from drumbeat.events.evaluations import ContactGoalEvaluated
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, GoalResult, Occurred, ZoneSource
from drumbeat.projections import attempts, contacts, dashboard, heatmap
from drumbeat.projections.contacts_goals import results
from drumbeat.projections.engine import Key
from support.calling import Told, histories, log_of, merged
from support.calling import contacts as contact_stories
from support.contacts import GOAL, SENDER, enrolled
from support.postgres import TestServer
from support.projecting import CAMPAIGN, EPOCH, ListLog, MemoryReadModels, counters, project, rows_of

ALL = [contacts.PROJECTION, attempts.PROJECTION, dashboard.PROJECTION, heatmap.PROJECTION]
Row = Mapping[str, Any]


def recounted(contact_rows: Sequence[Row], call_rows: Sequence[Row]) -> dict[Key, int]:
    """The dashboard, counted anew from the lists: their definitions in other words."""
    found: Counter[Key] = Counter()
    for row in contact_rows:
        if row["removed"]:
            continue
        found["contacts", ""] += 1
        found["contacts_by_label", row["label"]] += 1
        found["contacts_open", ""] += row["status"] != "finished"
        found["contacts_paused_by_hand", ""] += row["paused_by_hand"]
        found["contacts_awaiting_completion", ""] += row["completion_due_at"] is not None
        found["contacts_talk_time_seconds", ""] += row["talk_time_seconds"]
        for goal, result in (row["goal_results"] or {}).items():
            found["goal_results", f"{goal}/{result}"] += 1
    for row in call_rows:
        seconds = row["duration_seconds"] or 0
        is_attempt, outcome = row["call_no"] > 0, row["outcome"]
        meaning = MEANING[CallOutcome(outcome)] if outcome else None
        talked = not is_attempt or (meaning is not None and meaning.conversation)
        found["attempts" if is_attempt else "calls_received", ""] += 1
        found["conversations", ""] += talked
        found["talk_time_seconds", ""] += seconds * talked
        in_total = not is_attempt or (meaning is not None and meaning.counts_in_total_time)
        found["total_time_seconds", ""] += seconds * in_total
        if is_attempt and row["sender_id"]:
            found["attempts_by_sender", str(row["sender_id"])] += 1
        if is_attempt and meaning is None:
            found["attempts_in_flight", ""] += 1
        if meaning is not None:
            found["attempts_by_outcome", outcome] += 1
            found["attempts_by_answer_status", meaning.answer_status.value] += 1
            found["attempts_recorded", ""] += outcome != "not_recorded"
    return {key: amount for key, amount in found.items() if amount}


def cells_of(call_rows: Sequence[Row]) -> dict[Key, int]:
    """The heatmap, counted anew."""
    found: Counter[Key] = Counter()
    for row in call_rows:
        if row["call_no"] > 0 and row["outcome"]:
            known_hour = row["hour"] if row["weekday"] and row["hour"] is not None else -1
            place = (row["weekday"] or 0, known_hour, row["zone_source"] or "")
            recorded = row["outcome"] != "not_recorded"
            found[*place, "recorded" if recorded else "not_recorded"] += 1
            found[*place, "human"] += row["answer_status"] == "human"
    return {key: amount for key, amount in found.items() if amount}


def in_memory(row: Any) -> Row:
    """A row as it would come back from the database."""
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    if "goal_results" in fields:
        fields["goal_results"] = results(row)
    return fields


@settings(max_examples=120)
@given(histories(), st.integers(1, 4))
def test_every_counter_is_the_sum_over_the_rows_at_every_position(told: Told, batch_events: int) -> None:
    log = log_of(told)
    models = MemoryReadModels(ALL)
    while models.apply(log, batch_events):
        contact_rows = [in_memory(row) for row in models.rows["contacts"].values()]
        call_rows = [in_memory(row) for row in models.rows["attempts"].values()]
        assert models.count("dashboard_counters") == recounted(contact_rows, call_rows)
        assert models.count("heatmap_cells") == cells_of(call_rows)
        by_label = {key[1]: n for key, n in models.count("dashboard_counters").items() if "label" in key[0]}
        assert sum(by_label.values()) == models.count("dashboard_counters").get(("contacts", ""), 0)


@settings(max_examples=80)
@given(st.data(), st.integers(1, 30))
def test_the_order_of_the_streams_and_the_size_of_batches_make_no_difference(
    data: st.DataObject, batch_events: int
) -> None:
    streams = [(stream_id, facts) for stream_id, facts, _ in data.draw(contact_stories())]
    one, other = (MemoryReadModels(ALL) for _ in range(2))
    first = log_of([(stream_id, fact) for stream_id, facts in streams for fact in facts])
    events = {(row.type, event_bytes(row.bytes)): row for row in first.rows}
    second = log_of(data.draw(merged(streams)))
    # The same events, not only the same facts: an event's time does not depend on its place in the log.
    second = first.reordered([events[row.type, event_bytes(row.bytes)] for row in second.rows])
    while one.apply(first, 5_000):
        continue
    while other.apply(second, batch_events):
        continue
    assert one.counters.keys() == other.counters.keys()
    for table in one.counters:
        assert one.count(table) == other.count(table)
    for table, rows in one.rows.items():
        assert {k: without_positions(r) for k, r in rows.items()} == {
            k: without_positions(r) for k, r in other.rows[table].items()
        }


def event_bytes(raw: bytes) -> bytes:
    """What identifies an event: its id, which comes of stream and version."""
    return raw[raw.index(b'"id"') : raw.index(b'"time"')]


def without_positions(row: Any) -> Row:
    """What a row says, without where in the log it was said."""
    return {n: getattr(row, n) for n in row.__struct_fields__ if "position" not in n}


@pytest.mark.long
@pytest.mark.postgres
@settings(max_examples=8)
@given(histories(most=3), st.integers(1, 60), st.integers(0, 3))
def test_in_postgres_too_each_event_counts_once_and_from_zero_the_rows_are_the_same(
    postgres_server: TestServer, told: Told, batch_events: int, hot_rows: int
) -> None:
    log = log_of(told)
    with postgres_server.fresh_database() as url:
        project(log, url, ALL, batch_events=batch_events, hot_rows=hot_rows)
        project(log, url, ALL)  # a projector that starts again applies nothing twice
        contact_rows, call_rows = rows_of(url, "contacts"), rows_of(url, "attempts")
        assert counters(url) == recounted(contact_rows, call_rows)
        found = rows_of(url, "heatmap_cells")
        places = [(r["weekday"], r["hour"], r["zone_source"], r["what"]) for r in found]
        assert dict(zip(places, [r["value"] for r in found], strict=True)) == cells_of(call_rows)
        whole = [rows_of(url, view) for view in VIEWS]
        project(log, url, ALL, generation="gen_2")
        assert [rows_of(url, view) for view in VIEWS] == whole


VIEWS = ("contacts", "attempts", "answers", "dashboard_counters", "sender_calls", "heatmap_cells")


def placed(attempt: int, minute: int, occurred: bool = True) -> Fact:
    at = EPOCH.replace(minute=minute)
    place = Occurred(instant=at, zone="Asia/Kathmandu", zone_source=ZoneSource.CAMPAIGN) if occurred else None
    return ContactCallPlaced(attempt=attempt, sender_id=SENDER, occurred=place, settings_version=1)


@pytest.mark.postgres
def test_calls_of_a_sender_are_told_by_the_quarter_of_an_hour(database_url: str) -> None:
    log = ListLog()
    busy = ContactCallEnded(attempt=1, outcome=CallOutcome.BUSY)
    log.tell(uuid4(), enrolled(), placed(1, 14), busy, placed(2, 15), placed(3, 29), placed(4, 0, occurred=False))
    project(log, database_url, ALL)
    found = {row["quarter"].minute: row["value"] for row in rows_of(database_url, "sender_calls")}
    assert found == {0: 1, 15: 2}
    assert counters(database_url)["attempts_by_sender", str(SENDER)] == 4


@pytest.mark.postgres
def test_a_removed_contact_leaves_the_contact_counters_and_its_calls_stay(database_url: str) -> None:
    log = ListLog()
    achieved = ContactGoalEvaluated(goal_id=GOAL, result=GoalResult.ACHIEVED)
    ended = ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED, duration_seconds=30)
    received = ContactCallReceived(
        occurred=Occurred(zone="UTC", zone_source=ZoneSource.CAMPAIGN),
        duration_seconds=12,
        conversation_id=uuid4(),
    )
    log.tell(uuid4(), enrolled(), placed(1, 0), ended, received, achieved)
    project(log, database_url, ALL)
    found = counters(database_url)
    assert (found["contacts", ""], found["goal_results", f"{GOAL}/achieved"]) == (1, 1)
    log.tell(next(iter(log.versions)), ContactRemoved(reason="by hand"))
    project(log, database_url, ALL)
    found = counters(database_url)
    assert [key for key in found if key[0].startswith(("contacts", "goal"))] == []
    assert (found["attempts", ""], found["conversations", ""], found["talk_time_seconds", ""]) == (1, 2, 42)
    assert CAMPAIGN in {row["campaign_id"] for row in rows_of(database_url, "dashboard_counters")}
