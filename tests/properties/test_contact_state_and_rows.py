"""The decisions' state of a contact and the rows that readers and policies see tell the same story."""

from datetime import datetime
from typing import Any

from hypothesis import given, settings

from drumbeat.aggregates.contact.goal_results import goal_result
from drumbeat.aggregates.contact.state import AwaitingNextStep, Contact, Removed, RetryScheduled, status_of
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events.light import decode_light
from drumbeat.events.outcomes import MEANING
from drumbeat.projections.contacts import CONTACTS
from drumbeat.projections.contacts_goals import results
from drumbeat.projections.contacts_rows import ContactState
from drumbeat.projections.timers_contacts import CONTACT_FOLDS, ContactWatch
from support.contact_stories import Story, stories
from support.contacts import GOAL
from support.given import event
from support.sealing import sealed_bytes


def _told(story: Story, folds: Any) -> Any:
    """The row after every event of a story, through the bytes that the log would keep."""
    row: Any = None
    for position, (fact, time) in enumerate(story.facts, start=1):
        fold = folds.get(type(fact))
        if fold is not None:
            raw = sealed_bytes(event(fact, version=position, time=time))
            row = fold(row, decode_light(fact.TYPE, raw), position)
    return row


@settings(max_examples=300)
@given(stories())
def test_the_contacts_row_agrees_with_the_state(told: tuple[Story, Terms]) -> None:
    contact, row = told[0].state, _told(told[0], CONTACTS.folds)
    assert contact is not None
    assert isinstance(row, ContactState)
    removed = isinstance(contact.stage, Removed)
    assert row.removed is removed
    assert removed or (row.status, row.substatus) == status_of(contact)
    assert row.attempts == len(contact.attempts)
    assert row.in_flight == (len(contact.attempts) if contact.in_flight else None)
    assert row.retry_at == (contact.stage.retry_at if isinstance(contact.stage, RetryScheduled) else None)
    assert row.completion_due_at == _due(contact)
    assert (row.conversations, row.total_time_seconds) == _counted(contact)
    result = goal_result(contact, GOAL)
    assert removed or results(row).get(str(GOAL)) == result


@settings(max_examples=300)
@given(stories())
def test_the_clocks_row_agrees_with_the_state(told: tuple[Story, Terms]) -> None:
    contact, row = told[0].state, _told(told[0], CONTACT_FOLDS)
    assert contact is not None
    assert isinstance(row, ContactWatch)
    assert row.open is not contact.over
    assert row.completion_due_at == _due(contact)
    waits_for_an_end = contact.in_flight and not isinstance(contact.stage, Removed)
    assert row.lost_at == (contact.attempts[-1].lost_at if waits_for_an_end else None)


def _due(contact: Contact) -> datetime | None:
    return contact.stage.completion_due_at if isinstance(contact.stage, AwaitingNextStep) else None


def _counted(contact: Contact) -> tuple[int, int]:
    reports = [a.report for a in contact.attempts if a.report is not None]
    conversations = sum(MEANING[r.outcome].conversation for r in reports) + len(contact.received)
    seconds = sum(r.duration_seconds or 0 for r in reports if MEANING[r.outcome].counts_in_total_time)
    return conversations, seconds + sum(r.duration_seconds for r in contact.received)
