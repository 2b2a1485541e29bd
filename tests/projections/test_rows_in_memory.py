"""Rows folded in memory are those that the projector writes, and each change is told with what was before."""

from typing import Any

import msgspec
import pytest

from drumbeat import bootstrap
from drumbeat.events import Fact
from drumbeat.events.codec import decode
from drumbeat.events.contact import ContactEnrolled, ContactProfileChanged
from drumbeat.events.private import erased
from drumbeat.events.values import CampaignSource, ContactPrivate, Priority
from drumbeat.projections import attempts, campaigns, contacts, dashboard
from drumbeat.projections.contacts import CARDS, CONTACTS
from drumbeat.projections.differences import Difference, differences, document_of
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.in_memory import CounterChange, MemoryRows, RowChange, light_event
from support.projecting import ListLog, MemoryReadModels
from support.sealing import KEYS
from support.story import ANN, SPRING, TERM_DEPOSIT, tell_story


@pytest.fixture(scope="module")
def log() -> ListLog:
    told = ListLog()
    tell_story(told)
    return told


def test_every_row_and_counter_is_the_engines_own(log: ListLog) -> None:
    engine = MemoryReadModels(bootstrap.PROJECTIONS)
    while engine.apply(log, 1_000):
        pass
    memory = MemoryRows(bootstrap.PROJECTIONS)
    counted: dict[str, dict[Any, int]] = {}
    for row, event in decode_rows(memory.plan, log.rows, KEYS):
        if event is None:
            continue
        for change in memory.apply(event, row.position):  # type: ignore[arg-type]
            if isinstance(change, CounterChange):
                counter = counted.setdefault(change.table, {})
                key = change.place + change.key
                counter[key] = counter.get(key, 0) + change.by
    for entity in memory.plan.entities:
        assert memory.rows(entity) == engine.rows[entity.table], entity.table
    assert len(memory.rows(CONTACTS)) > 50
    for table, counter in counted.items():
        assert {key: value for key, value in counter.items() if value} == {
            key: value for key, value in engine.counters[table].items() if value
        }


def test_the_rows_of_one_stream_need_no_other_stream(log: ListLog) -> None:
    whole, alone = (MemoryRows(bootstrap.PROJECTIONS) for _ in range(2))
    decoded = [(row, event) for row, event in decode_rows(whole.plan, log.rows, KEYS) if event is not None]
    for row, event in decoded:
        whole.apply(event, row.position)  # type: ignore[arg-type]
    streams = {event.stream_id for _, event in decoded}
    made: dict[str, dict[Any, Any]] = {entity.table: {} for entity in whole.plan.entities}
    for stream_id in streams:
        alone.forget()
        for row, event in decoded:
            if event.stream_id == stream_id:
                alone.apply(event, row.position)  # type: ignore[arg-type]
        for entity in alone.plan.entities:
            assert not made[entity.table].keys() & alone.rows(entity).keys(), entity.table
            made[entity.table] |= alone.rows(entity)
    assert made == {entity.table: whole.rows(entity) for entity in whole.plan.entities}


def test_a_change_tells_the_row_before_and_after_and_never_the_same_twice(log: ListLog) -> None:
    memory = MemoryRows([contacts.PROJECTION, attempts.PROJECTION, dashboard.PROJECTION])
    known: dict[tuple[str, Any], Any] = {}
    seen = 0
    for row, event in decode_rows(memory.plan, log.rows, KEYS):
        if event is None:
            continue
        for change in memory.apply(event, row.position):  # type: ignore[arg-type]
            if isinstance(change, RowChange):
                shown = change.after if change.after is not None else change.before
                assert shown is not None
                key = change.table, msgspec.structs.astuple(shown)[: change.key_columns]
                assert change.before == known.get(key)
                assert change.after != change.before
                known[key] = change.after
                seen += 1
    assert seen > 300


def test_whatever_changes_of_a_contact_moves_the_position_of_its_row(log: ListLog) -> None:
    # By this it is known whose rows are the same as at an earlier position, without looking at them.
    memory = MemoryRows([contacts.PROJECTION, attempts.PROJECTION, dashboard.PROJECTION])
    counted = 0
    for row, event in decode_rows(memory.plan, log.rows, KEYS):
        if event is None:
            continue
        changes = memory.apply(event, row.position)  # type: ignore[arg-type]
        rows = [one for one in changes if isinstance(one, RowChange)]
        moved = {one.table for one in rows if getattr(one.after, "position", 0) == row.position}
        assert {one.table for one in rows} <= moved
        if any(isinstance(one, CounterChange) and one.table == "dashboard_counters" for one in changes):
            assert "contacts" in moved, row.type
            counted += 1
    assert counted > 100


def test_an_event_that_was_decoded_whole_is_what_projections_decode(log: ListLog) -> None:
    plan = MemoryRows(bootstrap.PROJECTIONS).plan
    compared = 0
    for row, light in decode_rows(plan, log.rows, lambda _persons: {}):
        if light is not None:
            assert light_event(decode(row.bytes, erased)) == light
            compared += 1
    assert compared > 300


def test_of_a_person_erased_since_the_card_is_that_of_the_read_model() -> None:
    told = ListLog()
    told.tell(ANN, _enrolled(), _renamed())
    memory = MemoryRows([contacts.PROJECTION])
    for row, event in decode_rows(memory.plan, told.rows, lambda _persons: {}):
        memory.apply(event, row.position)  # type: ignore[arg-type]
        (card,) = memory.rows(CARDS).values()
        assert (card.name, card.phone, card.address_keys, card.erased) == (None, None, "{}", True)


def _enrolled() -> Fact:
    return ContactEnrolled(
        reference="r", source=CampaignSource.API, private=ContactPrivate(name="Ada", phone="+1")
    )


def _renamed() -> Fact:
    return ContactProfileChanged(priority=Priority.HIGH, private=ContactPrivate(name="Ada B."))


def test_a_document_reads_what_rows_hold_as_text(log: ListLog) -> None:
    memory = MemoryRows(bootstrap.PROJECTIONS)
    for row, event in decode_rows(memory.plan, log.rows, KEYS):
        if event is not None:
            memory.apply(event, row.position)  # type: ignore[arg-type]
    tags = [document_of(card, contacts.PROJECTION)["tags"] for card in memory.rows(CARDS).values()]
    assert ['odd "tag", {x}'] in [[one for one in each if "odd" in one] for each in tags]
    assert all(isinstance(one, list) for one in tags)
    state = next(iter(memory.rows(CONTACTS).values()))
    assert isinstance(document_of(state, contacts.PROJECTION)["durations"], list)
    campaign = next(
        document_of(change, campaigns.PROJECTION)
        for entity in memory.plan.entities
        if entity.table == "campaigns"
        for change in memory.rows(entity).values()
        if change.campaign_id == SPRING
    )
    assert campaign["settings"]["agent"] == "Marta"
    assert campaign["goals"][0]["id"] == str(TERM_DEPOSIT)


def test_differences_are_told_by_path() -> None:
    before = {"a": 1, "settings": {"x": 1, "y": [1, 2]}, "goals": [{"id": "g", "name": "old"}], "gone": {"k": 1}}
    after = {"a": 1, "settings": {"x": 2, "y": [1, 3]}, "goals": [{"id": "g", "name": "new"}, {"id": "h", "n": 0}]}
    assert differences(before, after) == [
        Difference("settings.x", 1, 2),
        Difference("settings.y", [1, 2], [1, 3]),
        Difference("goals.g.name", "old", "new"),
        Difference("goals.h.n", None, 0),
        Difference("gone.k", 1, None),
    ]
    assert differences(before, before) == []
    assert differences([{"n": 1}], [{"n": 1}, {"n": 2}], path="attempts") == [Difference("attempts.1.n", None, 2)]
    assert differences({"a": {}}, {"a": None}) == [Difference("a", {}, None)]
    assert differences({"a": "text"}, {"a": {"b": 1}}) == [Difference("a", "text", {"b": 1})]
