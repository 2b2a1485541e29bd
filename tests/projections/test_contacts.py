"""The contact list: one row a contact, and it agrees with what the decisions think."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact.goal_results import goal_result
from drumbeat.aggregates.contact.state import Contact, Removed, RetryScheduled, status_of
from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryScheduled,
)
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactEnrolmentRefused,
    ContactFinished,
    ContactPaused,
    ContactProfileChanged,
    ContactRemoved,
    ContactReopened,
    ContactResumed,
)
from drumbeat.events.evaluations import ContactGoalEvaluated, ContactGoalEvaluationWithdrawn
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import (
    AddressKey,
    CallOutcome,
    CampaignSource,
    Channel,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
    Occurred,
    Priority,
    ZoneSource,
)
from drumbeat.projections import contacts
from drumbeat.projections.contacts_goals import results
from drumbeat.projections.contacts_rows import ContactState
from support.calling import contacts as contact_stories
from support.calling import log_of
from support.contacts import GOAL, SIDE_GOAL
from support.projecting import CAMPAIGN, EPOCH, ListLog, MemoryReadModels, project, rows_of

CONTACT = uuid4()
HOUR = timedelta(hours=1)
ENROLLED = ContactEnrolled(reference="r-1", source=CampaignSource.API, private=ContactPrivate(name="Ada"))


def state_after(*facts: Fact) -> ContactState | None:
    """The row of a contact of whom this was recorded."""
    log = log_of([(CONTACT, fact) for fact in facts])
    models = MemoryReadModels([contacts.PROJECTION])
    while models.apply(log, 100):
        continue
    rows = list(models.rows["contacts"].values())
    return rows[0] if rows else None


def after(*facts: Fact) -> ContactState:
    """The row of an enrolled contact after some facts."""
    row = state_after(ENROLLED, *facts)
    assert row is not None
    return row


def placed(attempt: int = 1, **more: object) -> ContactCallPlaced:
    return ContactCallPlaced.model_validate(
        {"attempt": attempt, "settings_version": 1, "lost_at": EPOCH + HOUR, **more}
    )


def ended(outcome: CallOutcome, attempt: int = 1, **more: object) -> ContactCallEnded:
    return ContactCallEnded.model_validate({"attempt": attempt, "outcome": outcome, **more})


def evaluated(result: GoalResult, conversation_id: UUID | None = None, goal_id: UUID = GOAL) -> Fact:
    return ContactGoalEvaluated(goal_id=goal_id, result=result, conversation_id=conversation_id)


def test_a_stream_of_refused_enrolments_is_nobody() -> None:
    assert state_after(ContactEnrolmentRefused(reason="suppressed")) is None


def test_an_enrolled_contact_is_pending() -> None:
    row = after()
    assert (row.status, row.substatus, row.label, row.open) == ("not_started", "queued", "Pending", True)


def test_a_placed_call_is_dialing_and_says_when() -> None:
    row = after(placed())
    assert (row.label, row.attempts, row.in_flight, row.last_outcome) == ("Dialing", 1, 1, None)
    assert row.last_called_at is not None
    assert row.lost_at == EPOCH + HOUR


def test_a_call_of_history_without_a_date_makes_up_none() -> None:
    unknown = Occurred(weekday=2, month=5, zone="UTC", zone_source=ZoneSource.CAMPAIGN)
    assert after(placed(lost_at=None)).last_called_at is None
    assert after(placed(lost_at=None, occurred=unknown)).last_called_at is None


def test_a_retry_shows_when_and_how_many_attempts_are_left() -> None:
    row = after(placed(), ended(CallOutcome.BUSY), ContactRetryScheduled(retry_at=EPOCH + HOUR, attempts_left=2))
    assert (row.label, row.retry_at, row.attempts_left) == ("Retry", EPOCH + HOUR, 2)
    assert after(placed(), ended(CallOutcome.BUSY)).retry_at is None


def test_a_pause_by_hand_is_an_overlay_that_keeps_what_is_beneath() -> None:
    row = after(placed(), ContactPaused(), ended(CallOutcome.COMPLETED, completion_due_at=EPOCH + HOUR))
    assert (row.status, row.substatus, row.label) == ("paused", "awaiting_next_step", "Called")
    assert after(ContactPaused(), ContactResumed()).status == "not_started"
    finished = after(ContactPaused(), ContactFinished(outcome=FinishOutcome.SUPPRESSED))
    assert (finished.status, finished.paused_by_hand, finished.label) == ("finished", False, "Other")


def test_a_contact_that_is_reopened_to_wait_for_a_call_back_shows_until_when() -> None:
    failed = ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED)
    row = after(placed(), ended(CallOutcome.FAILED), failed, ContactReopened(completion_due_at=EPOCH + HOUR))
    assert (row.label, row.open, row.completion_due_at) == ("Called", True, EPOCH + HOUR)


def test_a_removed_contact_is_closed_and_its_late_report_still_counts_for_its_calls() -> None:
    row = after(placed(), ContactRemoved(reason="by hand"), ended(CallOutcome.COMPLETED, duration_seconds=60))
    assert (row.removed, row.removed_reason, row.open) == (True, "by hand", False)
    assert (row.conversations, row.talk_time_seconds, row.in_flight) == (1, 60, None)
    assert (row.retry_at, row.completion_due_at) == (None, None)


def test_times_follow_the_table_of_outcomes() -> None:
    for outcome, meaning in MEANING.items():
        row = after(placed(), ended(outcome, duration_seconds=30))
        assert row.conversations == meaning.conversation
        assert row.talk_time_seconds == 30 * meaning.conversation
        assert row.total_time_seconds == 30 * meaning.counts_in_total_time
        assert row.last_outcome == outcome


def test_a_correction_takes_the_old_time_away_and_brings_the_new_one() -> None:
    row = after(
        placed(),
        ended(CallOutcome.COMPLETED, duration_seconds=100),
        placed(2),
        ended(CallOutcome.NO_ANSWER, 2, duration_seconds=20),
        ContactCallOutcomeCorrected.model_validate(
            {
                "attempt": 1,
                "from": "completed",
                "to": "left_message",
                "duration_seconds": 40,
                "reason": "a machine",
            }
        ),
        ContactCallOutcomeCorrected.model_validate(
            {"attempt": 1, "from": "left_message", "to": "completed", "duration_seconds": 70, "reason": "no"}
        ),
    )
    assert (row.conversations, row.talk_time_seconds, row.total_time_seconds) == (1, 70, 90)
    assert (row.last_outcome, row.attempts) == ("no_answer", 2)


def test_a_received_call_is_a_conversation_and_no_attempt() -> None:
    occurred = Occurred(zone="UTC", zone_source=ZoneSource.CAMPAIGN)
    received = ContactCallReceived(occurred=occurred, duration_seconds=50, conversation_id=uuid4())
    row = after(received)
    assert (row.attempts, row.conversations, row.talk_time_seconds, row.label) == (0, 1, 50, "Pending")


def test_the_evaluation_without_a_conversation_rules_else_the_best_one() -> None:
    one, two = uuid4(), uuid4()
    best = after(evaluated(GoalResult.NOT_ACHIEVED, one), evaluated(GoalResult.PARTIALLY_ACHIEVED, two))
    assert results(best) == {str(GOAL): "partially_achieved"}
    ruled = after(evaluated(GoalResult.ACHIEVED, one), evaluated(GoalResult.UNKNOWN))
    assert results(ruled) == {str(GOAL): "unknown"}
    replaced = after(evaluated(GoalResult.ACHIEVED, one), evaluated(GoalResult.NOT_ACHIEVED, one))
    assert results(replaced) == {str(GOAL): "not_achieved"}


def test_a_withdrawn_evaluation_leaves_the_others() -> None:
    one = uuid4()
    withdrawn = ContactGoalEvaluationWithdrawn(goal_id=GOAL, conversation_id=one)
    row = after(evaluated(GoalResult.ACHIEVED, one), evaluated(GoalResult.UNKNOWN, goal_id=SIDE_GOAL), withdrawn)
    assert results(row) == {str(SIDE_GOAL): "unknown"}
    assert after(evaluated(GoalResult.ACHIEVED, one), withdrawn).goal_results is None


@settings(max_examples=200)
@given(contact_stories(most=1), st.integers(1, 30))
def test_a_contacts_row_agrees_with_the_decisions_whatever_happened(
    told: list[tuple[UUID, list[Fact], Contact | None]], batch_events: int
) -> None:
    stream_id, facts, state = told[0]
    assert state is not None
    models = MemoryReadModels([contacts.PROJECTION])
    log = log_of([(stream_id, fact) for fact in facts])
    while models.apply(log, batch_events):
        continue
    row = models.rows["contacts"].get(("default", CAMPAIGN.int, stream_id.int))
    if not state.enrolled:
        assert row is None
        return
    assert row is not None
    assert row.removed == isinstance(state.stage, Removed)
    assert row.open == (not state.over)
    if not row.removed:
        assert (row.status, row.substatus) == status_of(state)
    assert row.retry_at == (state.stage.retry_at if isinstance(state.stage, RetryScheduled) else None)
    assert (row.in_flight is not None) == state.in_flight
    ended_calls = [attempt for attempt in state.attempts if attempt.report is not None]
    assert row.attempts == len(state.attempts)
    assert row.conversations == len([a for a in ended_calls if a.conversation]) + len(state.received)
    talk = sum(a.report.duration_seconds or 0 for a in ended_calls if a.report and a.conversation)
    assert row.talk_time_seconds == talk + sum(call.duration_seconds for call in state.received)
    assert results(row).get(str(GOAL)) == goal_result(state, GOAL)


@pytest.mark.postgres
def test_what_is_known_of_a_person_reads_back_as_it_was_told(database_url: str) -> None:
    log = ListLog()
    key = uuid4()
    private = ContactPrivate(name='Ada\n"L"', phone="+49 30", email="a@b", profile={"city": "Kö\tln \\n \u2028"})
    log.tell(
        CONTACT,
        ContactEnrolled(
            reference="r-1",
            source=CampaignSource.API,
            tags=("a", 'b "q" \\ {x},', "null", ""),
            address_keys=(AddressKey(channel=Channel.PHONE, key=key),),
            private=private,
        ),
    )
    project(log, database_url, [contacts.PROJECTION])
    (row,) = rows_of(database_url, "contacts")
    assert (row["name"], row["phone"], row["email"]) == (private.name, private.phone, private.email)
    assert row["profile"] == private.profile
    assert row["tags"] == ["a", 'b "q" \\ {x},', "null", ""]
    assert row["address_keys"] == [key]
    changed = ContactProfileChanged(priority=Priority.HIGH, zone="Asia/Tokyo", private=ContactPrivate(name="null"))
    log.tell(CONTACT, changed)
    project(log, database_url, [contacts.PROJECTION])
    (row,) = rows_of(database_url, "contacts")
    assert (row["name"], row["phone"], row["profile"]) == ("null", None, None)
    assert (row["priority"], row["zone"], row["tags"], row["address_keys"]) == ("high", "Asia/Tokyo", [], [])
    assert row["enrolled_at"] == EPOCH + timedelta(seconds=1)
