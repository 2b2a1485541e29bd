"""Correcting a recorded outcome: what follows is what would have followed the right report."""

from datetime import timedelta
from typing import Any

import pytest

from drumbeat.aggregates.contact.control import finish_due
from drumbeat.aggregates.contact.correction import correct_outcome
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.state import Contact
from drumbeat.events.calls import (
    ContactCallOutcomeCorrected,
    ContactCallReceived,
    ContactRetryCancelled,
)
from drumbeat.events.contact import (
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactRemoved,
    ContactReopened,
)
from drumbeat.events.evaluations import (
    ContactAnalysisAnswered,
    ContactAnalysisAnswerWithdrawn,
    ContactEvaluationDue,
    ContactGoalAchieved,
    ContactGoalAchievementWithdrawn,
    ContactGoalEvaluated,
    ContactGoalEvaluationWithdrawn,
)
from drumbeat.events.values import (
    AnswerPrivate,
    CallOutcome,
    CampaignSource,
    CampaignStatus,
    Channel,
    FinishOutcome,
    GoalResult,
    Question,
)
from support.contacts import (
    GOAL,
    HOUR,
    QUESTIONS,
    RUNNING,
    SIDE_GOAL,
    TALK,
    ended,
    enrolled,
    no_answers,
    placed,
    retry,
    terms,
)
from support.given import NOW, Given, given, in_seconds

NO_ANSWER, COMPLETED, FAILED = CallOutcome.NO_ANSWER, CallOutcome.COMPLETED, CallOutcome.FAILED
LATER = NOW + timedelta(minutes=10)
SPOKE = (enrolled(), placed(), ended(COMPLETED, conversation_id=TALK, completion_due_at=NOW + HOUR))
FINISHED = (*SPOKE, ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.COMPLETED))
EXHAUSTED = (*no_answers(3), ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED))
PERMANENT = (
    enrolled(),
    placed(),
    ended(FAILED, permanent=True),
    ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED),
)


def wish(from_: CallOutcome, to: CallOutcome, attempt: int = 1, **changes: Any) -> dict[str, Any]:
    fields = {"terms": RUNNING, "attempt": attempt, "from_": from_, "to": to, "reason": "misheard", "now": LATER}
    return fields | changes


def corrected(
    from_: CallOutcome, to: CallOutcome, attempt: int = 1, **changes: Any
) -> ContactCallOutcomeCorrected:
    return ContactCallOutcomeCorrected(attempt=attempt, from_=from_, to=to, reason="misheard", **changes)


def test_a_correction_names_what_is_recorded_of_a_call_that_ended() -> None:
    waiting = given(CONTACT, *no_answers(1))
    waiting.when(correct_outcome, **wish(CallOutcome.BUSY, COMPLETED)).then_refused(
        "outcome_differs", field="from", allowed="no_answer"
    )
    waiting.when(correct_outcome, **wish(NO_ANSWER, COMPLETED, 2)).then_refused("unknown_attempt")
    waiting.and_given(placed(2)).when(correct_outcome, **wish(NO_ANSWER, COMPLETED, 2)).then_refused(
        "call_in_flight"
    )
    given(CONTACT).when(correct_outcome, **wish(NO_ANSWER, COMPLETED)).then_refused("unknown_stream")
    waiting.when(correct_outcome, **wish(NO_ANSWER, CallOutcome.NOT_RECORDED)).then_refused(
        "out_of_range", field="to"
    )
    waiting.when(correct_outcome, **wish(NO_ANSWER, COMPLETED, terms=terms(CampaignStatus.DELETED))).then_refused(
        "deleted"
    )
    waiting.when(correct_outcome, **wish(NO_ANSWER, COMPLETED, duration_seconds=-1)).then_refused("out_of_range")


def test_a_correction_to_the_same_changes_nothing_unless_more_is_given() -> None:
    waiting = given(CONTACT, *no_answers(1))
    waiting.when(correct_outcome, **wish(NO_ANSWER, NO_ANSWER)).then_nothing()
    waiting.when(correct_outcome, **wish(NO_ANSWER, NO_ANSWER, duration_seconds=7)).then(
        corrected(NO_ANSWER, NO_ANSWER, duration_seconds=7)
    )


def test_a_conversation_after_all_cancels_the_retry_and_waits_from_the_end_of_the_call() -> None:
    given(CONTACT, *no_answers(1)).when(
        correct_outcome, **wish(NO_ANSWER, COMPLETED, duration_seconds=60, conversation_id=TALK)
    ).then(
        corrected(NO_ANSWER, COMPLETED, duration_seconds=60, conversation_id=TALK, completion_due_at=NOW + HOUR),
        ContactRetryCancelled(reason="outcome_corrected"),
    )


def test_when_the_wait_is_over_already_the_correction_finishes() -> None:
    late = NOW + timedelta(days=1)
    given(CONTACT, *no_answers(1)).when(correct_outcome, **wish(NO_ANSWER, COMPLETED, now=late)).then(
        corrected(NO_ANSWER, COMPLETED, completion_due_at=late),
        ContactRetryCancelled(reason="outcome_corrected"),
        ContactEvaluationDue(),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )


def test_another_retried_outcome_leaves_the_retry_as_it_is_unless_a_time_was_agreed() -> None:
    waiting = given(CONTACT, *no_answers(1))
    waiting.when(correct_outcome, **wish(NO_ANSWER, CallOutcome.BUSY)).then(corrected(NO_ANSWER, CallOutcome.BUSY))
    agreed = in_seconds(86_400)
    moved = waiting.when(correct_outcome, **wish(NO_ANSWER, CallOutcome.CALLBACK, callback_at=agreed)).then(
        corrected(NO_ANSWER, CallOutcome.CALLBACK, callback_at=agreed), retry(agreed)
    )
    moved.when(correct_outcome, **wish(CallOutcome.CALLBACK, NO_ANSWER)).then(
        corrected(CallOutcome.CALLBACK, NO_ANSWER), retry()
    )


def test_a_lowered_limit_does_not_take_back_a_retry_when_an_earlier_call_is_corrected() -> None:
    given(CONTACT, *no_answers(1)).when(
        correct_outcome, **wish(NO_ANSWER, CallOutcome.BUSY, terms=terms(max_retries=0))
    ).then(corrected(NO_ANSWER, CallOutcome.BUSY))


def test_no_conversation_after_all_schedules_a_retry_from_the_end_of_the_call() -> None:
    given(CONTACT, *SPOKE).when(correct_outcome, **wish(COMPLETED, NO_ANSWER)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK), retry()
    )


def test_a_finished_contact_is_reopened_when_something_is_left_to_retry() -> None:
    for status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
        given(CONTACT, *FINISHED).when(
            correct_outcome, **wish(COMPLETED, NO_ANSWER, terms=terms(status), now=NOW + 2 * HOUR)
        ).then(
            corrected(COMPLETED, NO_ANSWER, conversation_id=TALK), ContactReopened(), retry(NOW + 2 * HOUR, left=2)
        )


def test_a_permanent_failure_that_was_none_is_retried_and_back() -> None:
    reopened = (
        given(CONTACT, *PERMANENT)
        .when(correct_outcome, **wish(FAILED, CallOutcome.BUSY))
        .then(corrected(FAILED, CallOutcome.BUSY), ContactReopened(), retry())
    )
    reopened.when(correct_outcome, **wish(CallOutcome.BUSY, FAILED)).then(
        corrected(CallOutcome.BUSY, FAILED, permanent=True),
        ContactRetryCancelled(reason="outcome_corrected"),
        ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED),
    )
    given(CONTACT, *SPOKE).when(correct_outcome, **wish(COMPLETED, FAILED, permanent=True)).then(
        corrected(COMPLETED, FAILED, conversation_id=TALK, permanent=True),
        ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED),
    )


def test_a_permanent_failure_that_was_a_conversation_waits_for_a_call_back_like_any_other() -> None:
    permanent = given(CONTACT, *PERMANENT)
    waiting = permanent.when(correct_outcome, **wish(FAILED, COMPLETED, conversation_id=TALK)).then(
        corrected(FAILED, COMPLETED, conversation_id=TALK), ContactReopened(completion_due_at=NOW + HOUR)
    )
    waiting.when(finish_due, now=NOW + HOUR).then(
        ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.COMPLETED)
    )
    late = NOW + 2 * HOUR
    permanent.when(correct_outcome, **wish(FAILED, COMPLETED, now=late)).then(
        corrected(FAILED, COMPLETED),
        ContactEvaluationDue(),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )


def test_a_finished_contact_without_attempts_left_only_changes_its_outcome() -> None:
    given(CONTACT, *EXHAUSTED).when(correct_outcome, **wish(NO_ANSWER, CallOutcome.LEFT_MESSAGE, 2)).then(
        corrected(NO_ANSWER, CallOutcome.LEFT_MESSAGE, 2), ContactFinished(outcome=FinishOutcome.NO_CONVERSATION)
    )
    given(CONTACT, *EXHAUSTED).when(correct_outcome, **wish(NO_ANSWER, COMPLETED, 3)).then(
        corrected(NO_ANSWER, COMPLETED, 3),
        ContactEvaluationDue(),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )
    given(CONTACT, *EXHAUSTED).when(correct_outcome, **wish(NO_ANSWER, CallOutcome.BUSY, 3)).then(
        corrected(NO_ANSWER, CallOutcome.BUSY, 3)
    )


def test_a_second_conversation_that_comes_to_light_is_to_be_judged_too() -> None:
    spoke_last = given(
        CONTACT,
        *no_answers(1),
        placed(2),
        ended(COMPLETED, 2, completion_due_at=NOW + HOUR),
        ContactEvaluationDue(),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )
    spoke_last.when(correct_outcome, **wish(NO_ANSWER, CallOutcome.USER_HUNG_UP)).then(
        corrected(NO_ANSWER, CallOutcome.USER_HUNG_UP), ContactEvaluationDue()
    )


@pytest.mark.parametrize("status", [CampaignStatus.FINALIZING, CampaignStatus.COMPLETED, CampaignStatus.ARCHIVED])
def test_in_finalizing_or_later_a_correction_makes_no_retry(status: CampaignStatus) -> None:
    over = terms(status)
    given(CONTACT, *FINISHED).when(correct_outcome, **wish(COMPLETED, NO_ANSWER, terms=over)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK),
        ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED),
    )
    given(CONTACT, *SPOKE).when(correct_outcome, **wish(COMPLETED, NO_ANSWER, terms=over)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK, completion_due_at=NOW + HOUR)
    )
    given(CONTACT, *no_answers(1)).when(
        correct_outcome, **wish(NO_ANSWER, CallOutcome.CALLBACK, callback_at=LATER, terms=over)
    ).then(corrected(NO_ANSWER, CallOutcome.CALLBACK, callback_at=LATER))


def test_an_earlier_attempt_that_was_a_conversation_leaves_nothing_to_retry() -> None:
    given(CONTACT, *no_answers(2)).when(correct_outcome, **wish(NO_ANSWER, COMPLETED)).then(
        corrected(NO_ANSWER, COMPLETED, completion_due_at=NOW + HOUR),
        ContactRetryCancelled(reason="outcome_corrected"),
    )


def test_while_a_newer_call_is_in_flight_its_end_will_say() -> None:
    given(CONTACT, *no_answers(1), placed(2)).when(correct_outcome, **wish(NO_ANSWER, COMPLETED)).then(
        corrected(NO_ANSWER, COMPLETED)
    )


def test_a_retry_that_a_person_asked_for_stays() -> None:
    again = given(CONTACT, *FINISHED, ContactReopened(extra_attempts=1), retry(NOW, left=3))
    again.when(correct_outcome, **wish(COMPLETED, NO_ANSWER)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK)
    )


def test_whoever_opted_out_after_the_end_is_not_reopened_by_a_correction() -> None:
    opted_out = given(CONTACT, *FINISHED, ContactOptedOut(channel=Channel.PHONE))
    opted_out.when(correct_outcome, **wish(COMPLETED, NO_ANSWER)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK),
        ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED),
    )


@pytest.mark.parametrize("outcome", ["opted_out", "suppressed", "campaign_over"])
def test_an_end_that_did_not_come_from_the_calls_stands(outcome: str) -> None:
    story = given(CONTACT, *no_answers(1), ContactOptedOut(channel=Channel.PHONE))
    story.and_given(ContactFinished(outcome=FinishOutcome(outcome))).when(
        correct_outcome, **wish(NO_ANSWER, COMPLETED)
    ).then(corrected(NO_ANSWER, COMPLETED))


def test_corrections_of_a_removed_contact_are_accepted_and_lead_to_nothing() -> None:
    judged = ContactGoalEvaluated(goal_id=GOAL, result=GoalResult.ACHIEVED, conversation_id=TALK)
    given(CONTACT, *SPOKE, judged, ContactGoalAchieved(goal_id=GOAL), ContactRemoved(reason="x")).when(
        correct_outcome, **wish(COMPLETED, NO_ANSWER)
    ).then(corrected(COMPLETED, NO_ANSWER, conversation_id=TALK))


def test_what_was_judged_of_a_conversation_that_never_was_is_withdrawn() -> None:
    rating = QUESTIONS[Question.RATING]
    judged = given(
        CONTACT,
        *FINISHED,
        ContactGoalEvaluated(goal_id=GOAL, result=GoalResult.ACHIEVED, conversation_id=TALK),
        ContactGoalAchieved(goal_id=GOAL),
        ContactGoalEvaluated(goal_id=SIDE_GOAL, result=GoalResult.ACHIEVED),
        ContactGoalAchieved(goal_id=SIDE_GOAL),
        ContactAnalysisAnswered(analysis_id=rating, conversation_id=TALK, private=AnswerPrivate(value=4)),
    )
    after = judged.when(correct_outcome, **wish(COMPLETED, NO_ANSWER)).then(
        corrected(COMPLETED, NO_ANSWER, conversation_id=TALK),
        ContactReopened(),
        retry(),
        ContactGoalEvaluationWithdrawn(goal_id=GOAL, conversation_id=TALK),
        ContactAnalysisAnswerWithdrawn(analysis_id=rating, conversation_id=TALK),
        ContactGoalAchievementWithdrawn(goal_id=GOAL),
    )
    assert after.state is not None
    assert [e.goal_id for e in after.state.evaluations] == [SIDE_GOAL]
    assert after.state.answers == ()


def test_a_call_received_after_a_permanent_failure_completes_the_contact() -> None:
    received = ContactCallReceived(
        occurred=placed().occurred, duration_seconds=5, conversation_id=TALK, completion_due_at=None
    )
    called = given(CONTACT, *PERMANENT, received, ContactFinished(outcome=FinishOutcome.COMPLETED))
    called.when(correct_outcome, **wish(FAILED, CallOutcome.BUSY)).then(corrected(FAILED, CallOutcome.BUSY))


def test_a_paused_contact_stays_paused_through_a_correction() -> None:
    paused = given(CONTACT, *no_answers(1), ContactPaused())
    after = paused.when(correct_outcome, **wish(NO_ANSWER, COMPLETED)).then(
        corrected(NO_ANSWER, COMPLETED, completion_due_at=NOW + HOUR),
        ContactRetryCancelled(reason="outcome_corrected"),
    )
    assert after.state is not None
    assert after.state.paused
    after.when(finish_due, now=NOW + HOUR).then(
        ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.COMPLETED)
    )


def test_the_outcome_of_imported_history_can_be_corrected() -> None:
    history: Given[Contact] = given(
        CONTACT,
        enrolled(source=CampaignSource.IMPORT),
        placed(lost_at=None),
        ended(CallOutcome.NOT_RECORDED, attempts_allowed=None),
        ContactFinished(outcome=FinishOutcome.OUTCOME_NOT_RECORDED),
    )
    over = terms(CampaignStatus.COMPLETED, source=CampaignSource.IMPORT)
    found = history.when(correct_outcome, **wish(CallOutcome.NOT_RECORDED, CallOutcome.LEFT_MESSAGE, terms=over))
    known = found.then(
        corrected(CallOutcome.NOT_RECORDED, CallOutcome.LEFT_MESSAGE),
        ContactFinished(outcome=FinishOutcome.NO_CONVERSATION),
    )
    known.when(correct_outcome, **wish(CallOutcome.LEFT_MESSAGE, CallOutcome.NOT_RECORDED, terms=over)).then(
        corrected(CallOutcome.LEFT_MESSAGE, CallOutcome.NOT_RECORDED),
        ContactFinished(outcome=FinishOutcome.OUTCOME_NOT_RECORDED),
    )
