"""Correcting a recorded outcome: retries, finish and goals follow as if it had been reported right."""

from datetime import datetime
from uuid import UUID

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.evolve import apply
from drumbeat.aggregates.contact.goal_results import withdrawals
from drumbeat.aggregates.contact.next_step import (
    BY_ITS_CALLS,
    GiveUp,
    Retry,
    Wait,
    finish_outcome,
    finishing_when_due,
    gave_up,
    next_step,
    retries_arise,
    retry_time,
    retryable,
    settled,
)
from drumbeat.aggregates.contact.private import unless_erased
from drumbeat.aggregates.contact.state import (
    AwaitingNextStep,
    Contact,
    Dialing,
    Finished,
    NotEnrolled,
    Queued,
    Removed,
    Report,
    RetryScheduled,
)
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import required_text
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallOutcomeCorrected, ContactRetryCancelled, ContactRetryScheduled
from drumbeat.events.contact import ContactFinished, ContactReopened
from drumbeat.events.evaluations import ContactEvaluationDue
from drumbeat.events.values import CallOutcome, CallPrivate, FinishOutcome

LONGEST_REASON = 1_000


def correct_outcome(
    contact: Contact | None,
    *,
    terms: Terms,
    attempt: int,
    from_: CallOutcome,
    to: CallOutcome,
    duration_seconds: int | None = None,
    callback_at: datetime | None = None,
    permanent: bool | None = None,
    conversation_id: UUID | None = None,
    reason: str,
    now: datetime,
) -> tuple[Fact, ...]:
    """Replace a recorded outcome. Duration and conversation stay where none is given; correcting back to what was
    reported first brings its callback and permanence back too.

    Refused when `from_` is not what is recorded, or while that call is in flight. In finalizing or later no
    retry arises. The campaign's state never changes.
    """
    known = guards.enrolled(contact)
    guards.not_deleted(terms)
    placed = guards.attempt_of(known, attempt)
    recorded = placed.report
    if recorded is None:
        raise Refused(RefusalCode.CALL_IN_FLIGHT, f"attempt {attempt} has not ended")
    if recorded.outcome is not from_:
        raise Refused(
            RefusalCode.OUTCOME_DIFFERS,
            f"attempt {attempt} is recorded as {recorded.outcome}, not as {from_}",
            field="from",
            value=from_,
            allowed=recorded.outcome,
        )
    guards.a_duration(duration_seconds)
    guards.a_reportable_outcome(to, terms, field="to")
    same = next((r for r in (recorded, placed.first_report) if r is not None and r.outcome is to), Report(to))
    report = Report(
        to,
        recorded.duration_seconds if duration_seconds is None else duration_seconds,
        same.callback_at if callback_at is None else callback_at,
        recorded.conversation_id if conversation_id is None else conversation_id,
        same.permanent if permanent is None else permanent,
    )
    guards.fitting(report)
    said = required_text("reason", reason, longest=LONGEST_REASON)
    return correct(known, terms, attempt=attempt, report=report, reason=said, private=None, now=now)


def correct(
    contact: Contact,
    terms: Terms,
    *,
    attempt: int,
    report: Report,
    reason: str,
    private: CallPrivate | None,
    now: datetime,
) -> tuple[Fact, ...]:
    """The correction of an ended attempt with everything that follows; nothing when it changes nothing."""
    recorded = contact.attempts[attempt - 1].report
    assert recorded is not None
    private = unless_erased(contact, private)
    if report == recorded and private is None:
        return ()
    guards.a_new_conversation(contact, report.conversation_id, attempt=attempt)
    corrected = ContactCallOutcomeCorrected(
        attempt=attempt,
        from_=recorded.outcome,
        to=report.outcome,
        duration_seconds=report.duration_seconds,
        callback_at=report.callback_at,
        conversation_id=report.conversation_id,
        permanent=report.permanent,
        reason=reason,
        private=private,
    )
    after = apply(contact, corrected, now)
    if isinstance(contact.stage, Removed):
        return (corrected,)
    due_at, follow = _what_follows(contact, after, terms, now)
    waiting = corrected.model_copy(update={"completion_due_at": due_at})
    return waiting, *follow, *withdrawals(contact, after, now)


def _what_follows(
    before: Contact, after: Contact, terms: Terms, now: datetime
) -> tuple[datetime | None, tuple[Fact, ...]]:
    """When the wait ends, where the contact now waits; and the facts after the correction."""
    if before.in_flight:
        return None, ()  # the end of the newer call will say
    match before.stage:
        case RetryScheduled():
            return _from_retry(before, after, terms, now)
        case AwaitingNextStep(due_at):
            return _from_waiting(after, terms, due_at, now)
        case Finished(outcome) if outcome in BY_ITS_CALLS:
            return None, _from_finished(outcome, before, after, terms, now)
        case Finished() | NotEnrolled() | Queued() | Dialing() | Removed():
            return None, ()


def _from_retry(
    before: Contact, after: Contact, terms: Terms, now: datetime
) -> tuple[datetime | None, tuple[Fact, ...]]:
    again = after.asked_again
    if again is not None and again.after_attempts == len(after.attempts):
        return None, ()  # a person asked for this retry, whatever the calls before it were
    last, was = after.attempts[-1], before.attempts[-1]
    if retryable(last, terms) and not settled(after):
        # Granted under the limit of its time; only an agreed time moves it, and not when it is void anyway.
        at = retry_time(last, terms)
        if at == retry_time(was, terms) or not retries_arise(terms):
            return None, ()
        step = next_step(after, terms)
        left = step.attempts_left if isinstance(step, Retry) else 1
        return None, (ContactRetryScheduled(retry_at=max(at, now), attempts_left=left),)
    cancelled = ContactRetryCancelled(reason="outcome_corrected")
    match next_step(after, terms):
        case Wait(due_at):
            due = due_at if due_at is None else max(due_at, now)
            return due, (cancelled, *finishing_when_due(after, due, now))
        case Retry() | GiveUp():
            return None, (cancelled, ContactFinished(outcome=finish_outcome(after)))


def _from_waiting(
    after: Contact, terms: Terms, due_at: datetime | None, now: datetime
) -> tuple[datetime | None, tuple[Fact, ...]]:
    match next_step(after, terms):
        case Retry(at, left):
            return None, (ContactRetryScheduled(retry_at=max(at, now), attempts_left=left),)
        case GiveUp():
            return None, (ContactFinished(outcome=finish_outcome(after)),)
        case Wait():
            return due_at, ()


def _from_finished(
    outcome: FinishOutcome, before: Contact, after: Contact, terms: Terms, now: datetime
) -> tuple[Fact, ...]:
    match next_step(after, terms):
        case Retry(at, left):
            return ContactReopened(), ContactRetryScheduled(retry_at=max(at, now), attempts_left=left)
        case Wait(due_at) if gave_up(before) and due_at is not None and due_at > now:
            return (ContactReopened(completion_due_at=due_at),)  # nobody had waited for a call back yet
        case Wait() | GiveUp():
            return _finished_otherwise(outcome, before, after)


def _finished_otherwise(outcome: FinishOutcome, before: Contact, after: Contact) -> tuple[Fact, ...]:
    now_outcome = finish_outcome(after)
    changed = now_outcome is not outcome
    # A conversation that comes to light has not been judged yet.
    came_to_light = sum(a.conversation for a in after.attempts) > sum(a.conversation for a in before.attempts)
    judge = now_outcome is FinishOutcome.COMPLETED and (changed or came_to_light)
    due: tuple[Fact, ...] = (ContactEvaluationDue(),) if judge else ()
    return (*due, ContactFinished(outcome=now_outcome)) if changed else due
