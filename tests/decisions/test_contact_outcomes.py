"""The table of events.md, "Calls: what an outcome means": every outcome, with attempts left and without."""

from datetime import timedelta

import pytest

from drumbeat.aggregates.contact.calls import end_call, place_call
from drumbeat.aggregates.contact.control import finish_due
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events.contact import ContactFinished, ContactPaused
from drumbeat.events.evaluations import ContactEvaluationDue
from drumbeat.events.outcomes import MEANING
from drumbeat.events.settings import CallbackRetry
from drumbeat.events.values import CallOutcome, CampaignStatus, FinishOutcome
from support.contacts import HOUR, RUNNING, ended, enrolled, no_answers, placed, retry, terms
from support.given import NOW, Given, given, in_seconds

REPORTED = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]
RETRIED = {
    CallOutcome.CALLBACK,
    CallOutcome.ANSWERED_NO_CONVERSATION,
    CallOutcome.LEFT_MESSAGE,
    CallOutcome.NO_MESSAGE,
    CallOutcome.NO_ANSWER,
    CallOutcome.BUSY,
    CallOutcome.ISSUE_DIALING,
    CallOutcome.FAILED,
}
FINISH = {
    CallOutcome.COMPLETED: FinishOutcome.COMPLETED,
    CallOutcome.USER_HUNG_UP: FinishOutcome.COMPLETED,
    CallOutcome.MEETING_BOOKED: FinishOutcome.COMPLETED,
    CallOutcome.CALL_TRANSFERRED: FinishOutcome.COMPLETED,
    CallOutcome.CALLBACK: FinishOutcome.COMPLETED,
    CallOutcome.ANSWERED_NO_CONVERSATION: FinishOutcome.NO_CONVERSATION,
    CallOutcome.LEFT_MESSAGE: FinishOutcome.NO_CONVERSATION,
    CallOutcome.NO_MESSAGE: FinishOutcome.NO_CONVERSATION,
    CallOutcome.NO_ANSWER: FinishOutcome.ATTEMPTS_EXHAUSTED,
    CallOutcome.BUSY: FinishOutcome.ATTEMPTS_EXHAUSTED,
    CallOutcome.ISSUE_DIALING: FinishOutcome.ATTEMPTS_EXHAUSTED,
    CallOutcome.FAILED: FinishOutcome.ATTEMPTS_EXHAUSTED,
}


def report(
    outcome: CallOutcome, attempt: int = 1, *, under: Terms = RUNNING, **changes: object
) -> dict[str, object]:
    return {"terms": under, "attempt": attempt, "outcome": outcome, "now": NOW, **changes}


def dialing(attempt: int = 1) -> Given[Contact]:
    return given(CONTACT, *no_answers(attempt - 1), placed(attempt))


def test_the_table_of_meanings_says_what_is_retried() -> None:
    assert {outcome for outcome, meaning in MEANING.items() if meaning.retried} == RETRIED


@pytest.mark.parametrize("outcome", REPORTED)
def test_with_attempts_left(outcome: CallOutcome) -> None:
    answer = dialing().when(end_call, **report(outcome))
    if outcome in RETRIED:
        answer.then(ended(outcome), retry(left=2))
    else:
        answer.then(ended(outcome, completion_due_at=NOW + HOUR))


@pytest.mark.parametrize("outcome", REPORTED)
def test_on_the_last_attempt_every_outcome_waits_for_a_call_back_and_then_is_final(outcome: CallOutcome) -> None:
    waiting = dialing(3).when(end_call, **report(outcome, 3)).then(ended(outcome, 3, completion_due_at=NOW + HOUR))
    waiting.when(finish_due, now=NOW + HOUR - timedelta(seconds=1)).then_nothing()
    final = waiting.when(finish_due, now=NOW + HOUR).then(
        ContactEvaluationDue(), ContactFinished(outcome=FINISH[outcome])
    )
    final.when(finish_due, now=NOW + HOUR).then_nothing()


@pytest.mark.parametrize("outcome", REPORTED)
def test_with_a_completion_timeout_of_zero_the_outcome_is_final_at_once(outcome: CallOutcome) -> None:
    now_or_never = terms(max_retries=0, completion_timeout_seconds=0)
    dialing().when(end_call, **report(outcome, under=now_or_never)).then(
        ended(outcome, completion_due_at=NOW, attempts_allowed=1),
        ContactEvaluationDue(),
        ContactFinished(outcome=FINISH[outcome]),
    )


@pytest.mark.parametrize("outcome", [CallOutcome.FAILED, CallOutcome.ISSUE_DIALING])
@pytest.mark.parametrize("attempt", [1, 3])
def test_a_permanent_failure_finishes_at_once(outcome: CallOutcome, attempt: int) -> None:
    dialing(attempt).when(end_call, **report(outcome, attempt, permanent=True)).then(
        ended(outcome, attempt, permanent=True), ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED)
    )


def test_a_callback_is_retried_when_it_was_agreed_else_after_the_interval() -> None:
    agreed = in_seconds(86_400)
    dialing().when(end_call, **report(CallOutcome.CALLBACK, callback_at=agreed)).then(
        ended(CallOutcome.CALLBACK, callback_at=agreed), retry(agreed)
    )
    dialing().when(end_call, **report(CallOutcome.CALLBACK)).then(ended(CallOutcome.CALLBACK), retry())


def test_a_callback_that_is_only_shown_leaves_nothing_to_retry() -> None:
    manual = terms(callback_retry=CallbackRetry.MANUAL)
    shown = report(CallOutcome.CALLBACK, under=manual, callback_at=in_seconds(86_400))
    dialing().when(end_call, **shown).then(
        ended(CallOutcome.CALLBACK, callback_at=in_seconds(86_400), completion_due_at=NOW + HOUR)
    )


@pytest.mark.parametrize("status", [CampaignStatus.FINALIZING, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED])
def test_in_finalizing_or_later_no_retry_arises(status: CampaignStatus) -> None:
    dialing().when(end_call, **report(CallOutcome.NO_ANSWER, under=terms(status))).then(
        ended(CallOutcome.NO_ANSWER, completion_due_at=NOW + HOUR)
    )


def test_a_pause_of_campaign_or_contact_changes_nothing_about_a_retry() -> None:
    dialing().when(end_call, **report(CallOutcome.BUSY, under=terms(CampaignStatus.PAUSED))).then(
        ended(CallOutcome.BUSY), retry()
    )
    paused = dialing().and_given(ContactPaused())
    paused.when(end_call, **report(CallOutcome.BUSY)).then(ended(CallOutcome.BUSY), retry())


def test_a_changed_limit_applies_to_calls_that_end_later() -> None:
    generous = terms(max_retries=5, retry_interval_seconds=60)
    dialing(3).when(end_call, **report(CallOutcome.NO_ANSWER, 3, under=generous)).then(
        ended(CallOutcome.NO_ANSWER, 3, attempts_allowed=6), retry(in_seconds(60), left=3)
    )
    strict = terms(max_retries=0)
    dialing().when(end_call, **report(CallOutcome.NO_ANSWER, under=strict)).then(
        ended(CallOutcome.NO_ANSWER, attempts_allowed=1, completion_due_at=NOW + HOUR)
    )


def test_completed_wins_over_no_conversation_and_that_over_failed() -> None:
    def finish(*outcomes: CallOutcome) -> FinishOutcome:
        story = given(CONTACT, enrolled())
        for attempt, outcome in enumerate(outcomes, start=1):
            story = story.and_given(placed(attempt), ended(outcome, attempt, completion_due_at=NOW))
        answer = story.when(finish_due, now=NOW)
        assert answer.facts is not None
        finished = answer.facts[-1]
        assert isinstance(finished, ContactFinished)
        return finished.outcome

    assert finish(CallOutcome.CALLBACK, CallOutcome.NO_ANSWER) is FinishOutcome.COMPLETED
    assert finish(CallOutcome.LEFT_MESSAGE, CallOutcome.NO_ANSWER) is FinishOutcome.NO_CONVERSATION
    assert finish(CallOutcome.NO_ANSWER, CallOutcome.BUSY) is FinishOutcome.ATTEMPTS_EXHAUSTED


def test_from_enrolment_to_failed_in_three_attempts() -> None:
    story = given(CONTACT, enrolled())
    now = NOW
    for attempt in (1, 2, 3):
        story = story.when(place_call, terms=RUNNING, suppressed=False, now=now).then(placed(attempt, at=now))
        answer = story.when(end_call, **report(CallOutcome.NO_ANSWER, attempt, now=now))
        if attempt < 3:
            story = answer.then(ended(CallOutcome.NO_ANSWER, attempt), retry(now + HOUR, left=3 - attempt))
            now += HOUR
        else:
            story = answer.then(ended(CallOutcome.NO_ANSWER, 3, completion_due_at=now + HOUR))
    story.when(place_call, terms=RUNNING, suppressed=False, now=now + HOUR).then_refused("no_attempts_left")
    story.when(finish_due, now=now + HOUR).then(
        ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED)
    )
