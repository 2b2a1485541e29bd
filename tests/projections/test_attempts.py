"""The call log: one row a call, placed or received."""

from datetime import timedelta
from uuid import uuid4

import pytest

from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallConnected,
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
)
from drumbeat.events.contact import ContactRemoved
from drumbeat.events.evaluations import ContactAnalysisAnswered, ContactAnalysisAnswerWithdrawn
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import AnsweredBy, AnswerPrivate, CallOutcome, CallPrivate, Occurred, ZoneSource
from drumbeat.projections import attempts, contacts
from drumbeat.projections.attempts_rows import Attempt
from support.calling import log_of
from support.contacts import enrolled
from support.projecting import EPOCH, ListLog, MemoryReadModels, project, rows_of

CONTACT, SENDER, TALK = uuid4(), uuid4(), uuid4()
HOUR = timedelta(hours=1)
BOTH = [contacts.PROJECTION, attempts.PROJECTION]
MONDAY_TEN = Occurred(
    year=2026,
    month=3,
    day=2,
    weekday=1,
    hour=10,
    minute=5,
    instant=EPOCH,
    zone="Europe/Berlin",
    zone_source=ZoneSource.CONTACT,
)


def calls_after(*facts: Fact) -> list[Attempt]:
    """The calls of an enrolled contact after some facts."""
    models = MemoryReadModels([attempts.PROJECTION])
    log = log_of([(CONTACT, fact) for fact in (enrolled(), *facts)])
    while models.apply(log, 100):
        continue
    return list(models.rows["attempts"].values())


def placed(attempt: int = 1, occurred: Occurred | None = MONDAY_TEN) -> ContactCallPlaced:
    return ContactCallPlaced(
        attempt=attempt, sender_id=SENDER, occurred=occurred, settings_version=3, lost_at=EPOCH + HOUR
    )


def corrected(from_: CallOutcome, to: CallOutcome, **more: object) -> Fact:
    return ContactCallOutcomeCorrected.model_validate(
        {"attempt": 1, "from": from_, "to": to, "reason": "misheard", **more}
    )


def test_a_call_in_flight_has_a_place_in_time_and_no_outcome() -> None:
    (row,) = calls_after(placed(), ContactCallConnected(attempt=1, answered_by=AnsweredBy.HUMAN))
    assert (row.direction, row.call_no, row.sender_id, row.settings_version) == ("placed", 1, SENDER, 3)
    assert (row.year, row.month, row.day, row.weekday, row.hour, row.minute) == (2026, 3, 2, 1, 10, 5)
    assert (row.zone, row.zone_source, row.placed_at) == ("Europe/Berlin", "contact", EPOCH)
    assert (row.outcome, row.answer_status, row.conversation, row.ended_at) == (None, None, False, None)
    assert row.answered_by == "human"


def test_the_outcome_decides_the_answer_status_whoever_picked_up() -> None:
    for outcome, meaning in MEANING.items():
        (row,) = calls_after(
            placed(),
            ContactCallConnected(attempt=1, answered_by=AnsweredBy.MACHINE),
            ContactCallEnded(attempt=1, outcome=outcome, duration_seconds=5),
        )
        assert (row.outcome, row.answer_status) == (outcome, meaning.answer_status)
        assert row.conversation == meaning.conversation
        assert row.answered_by is None
        assert row.ended_at is not None


def test_a_call_of_an_unknown_day_has_no_end_either() -> None:
    unknown = Occurred(weekday=2, zone="UTC", zone_source=ZoneSource.CAMPAIGN)
    (row,) = calls_after(placed(occurred=unknown), ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED))
    assert (row.weekday, row.hour, row.placed_at, row.ended_at) == (2, None, None, None)


def test_a_call_placed_without_more_ado_was_placed_when_it_was_recorded() -> None:
    (row,) = calls_after(placed(occurred=None))
    assert row.placed_at == EPOCH + timedelta(seconds=2)


def test_a_correction_gives_outcome_duration_callback_and_conversation_as_they_are_now() -> None:
    told = CallPrivate(summary="Wants a call next week.", transcript_reference="t-1")
    ended = ContactCallEnded(
        attempt=1,
        outcome=CallOutcome.CALLBACK,
        duration_seconds=90,
        callback_at=EPOCH + HOUR,
        conversation_id=TALK,
        detail="lost",
        private=told,
    )
    (row,) = calls_after(placed(), ended, corrected(CallOutcome.CALLBACK, CallOutcome.NO_ANSWER))
    assert (row.outcome, row.answer_status, row.conversation) == ("no_answer", "no_answer", False)
    assert (row.duration_seconds, row.callback_at, row.conversation_id) == (None, None, None)
    assert (row.summary, row.transcript_reference, row.detail, row.corrected) == (None, None, None, True)
    same_talk = corrected(
        CallOutcome.CALLBACK, CallOutcome.COMPLETED, duration_seconds=80, conversation_id=str(TALK)
    )
    (row,) = calls_after(placed(), ended, same_talk)
    assert (row.duration_seconds, row.summary, row.transcript_reference) == (80, told.summary, "t-1")


def test_a_received_call_is_a_conversation_without_an_attempt() -> None:
    received = ContactCallReceived(
        sender_id=SENDER,
        occurred=MONDAY_TEN,
        duration_seconds=40,
        conversation_id=TALK,
        private=CallPrivate(summary="Called back."),
    )
    first, second = calls_after(placed(), received)
    assert (first.call_no, second.call_no, second.direction) == (1, -3, "received")
    assert (second.outcome, second.answer_status, second.conversation) == (None, None, True)
    assert (second.duration_seconds, second.conversation_id, second.summary) == (40, TALK, "Called back.")


def test_reports_of_calls_that_were_never_placed_make_no_row() -> None:
    assert calls_after(ContactCallEnded(attempt=4, outcome=CallOutcome.BUSY)) == []


def answered(value: bool | int | str | tuple[str, ...]) -> Fact:
    return ContactAnalysisAnswered(analysis_id=SENDER, conversation_id=TALK, private=AnswerPrivate(value=value))


@pytest.mark.postgres
def test_answers_are_kept_by_conversation_replaced_and_withdrawn(database_url: str) -> None:
    log = ListLog()
    for value in ("maybe", ("a", "b"), True, 4):
        log.tell(CONTACT, answered(value))
        project(log, database_url, BOTH)
        (row,) = rows_of(database_url, "answers")
        assert row["value"] == (list(value) if isinstance(value, tuple) else value)
    log.tell(CONTACT, ContactAnalysisAnswerWithdrawn(analysis_id=SENDER, conversation_id=TALK))
    project(log, database_url, BOTH)
    assert rows_of(database_url, "answers") == []


@pytest.mark.postgres
def test_the_calls_of_a_removed_contact_stay_and_are_marked(database_url: str) -> None:
    log = ListLog()
    log.tell(CONTACT, enrolled(), placed(), ContactRemoved(reason="by hand"))
    log.tell(CONTACT, ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED, duration_seconds=9))
    log.tell(uuid4(), enrolled(), placed())
    project(log, database_url, BOTH)
    rows = {row["contact_id"] == CONTACT: row for row in rows_of(database_url, "attempts")}
    assert (rows[True]["removed"], rows[True]["outcome"], rows[True]["attempt"]) == (True, "completed", 1)
    assert (rows[False]["removed"], rows[False]["outcome"]) == (False, None)
