"""Timers agree with the decisions' own view of a contact, and progress is the sum over the contacts' rows."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact.state import AwaitingNextStep, Contact, NotEnrolled, Removed
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events import Fact
from drumbeat.events.light import decode_light
from drumbeat.projections import timers
from drumbeat.projections.engine import by_stream
from drumbeat.projections.timers_contacts import CONTACT_FOLDS, CONTACT_KEYS, ContactWatch
from support.contact_stories import Story, stories
from support.given import event
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.sealing import sealed_bytes


def watched(story: Story) -> ContactWatch | None:
    row: ContactWatch | None = None
    for position, (fact, time) in enumerate(story.facts, start=1):
        fold = CONTACT_FOLDS.get(type(fact))
        if fold is not None:
            recorded = event(fact, version=position, time=time)
            light = decode_light(fact.TYPE, sealed_bytes(recorded))
            assert CONTACT_KEYS.get(type(fact), by_stream)(light) is not None
            row = fold(row, light, position)
    return row


@settings(max_examples=300)
@given(stories())
def test_a_timer_stands_exactly_where_the_decision_would_act(told: tuple[Story, Terms]) -> None:
    contact, row = told[0].state, watched(told[0])
    assert isinstance(contact, Contact)
    if isinstance(contact.stage, NotEnrolled):
        assert row is None
        return
    assert row is not None
    removed = isinstance(contact.stage, Removed)
    assert (row.open, row.removed) == (not contact.over, removed)
    due = contact.stage.completion_due_at if isinstance(contact.stage, AwaitingNextStep) else None
    assert row.completion_due_at == due
    in_flight = len(contact.attempts) if contact.in_flight and not removed else None
    assert row.in_flight == in_flight
    assert row.lost_at == (contact.attempts[-1].lost_at if in_flight else None)
    assert row.untouched == (not contact.attempts and not contact.received)


def merged(draw: st.DrawFn, told: list[tuple[UUID, list[Fact]]]) -> list[tuple[UUID, Fact]]:
    """Some interleaving that keeps each stream's order."""
    waiting = [(stream_id, list(facts)) for stream_id, facts in told if facts]
    order = []
    while waiting:
        stream_id, facts = waiting[draw(st.integers(0, len(waiting) - 1))]
        order.append((stream_id, facts.pop(0)))
        waiting = [item for item in waiting if item[1]]
    return order


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[UUID, Fact]]:
    """Several contacts' random stories, told together."""
    told = draw(st.lists(stories(), min_size=1, max_size=4))
    streams = [
        (uuid5(CAMPAIGN, str(number)), [fact for fact, _ in story.facts]) for number, (story, _) in enumerate(told)
    ]
    return merged(draw, streams)


@pytest.mark.long
@pytest.mark.postgres
@settings(max_examples=12)
@given(order=histories(), batch_events=st.integers(1, 40))
def test_progress_is_the_sum_over_the_contacts_at_every_batch(
    postgres_server: TestServer, order: list[tuple[UUID, Fact]], batch_events: int
) -> None:
    log = ListLog()
    for stream_id, fact in order:
        log.tell(stream_id, fact)
    with postgres_server.fresh_database() as database_url:
        for until in sorted({len(order) // 2, len(order)}):
            project(log, database_url, [timers.PROJECTION], until=until, batch_events=batch_events)
            rows = rows_of(database_url, "contact_watch")
            sums = {
                "open": sum(row["open"] for row in rows),
                "in_flight": sum(row["in_flight"] is not None for row in rows),
                "awaiting": sum(row["completion_due_at"] is not None for row in rows),
            }
            found = rows_of(database_url, "progress", without=("workspace_id", "campaign_id"))
            assert (found or [dict.fromkeys(sums, 0)]) == [sums]
