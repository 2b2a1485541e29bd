"""Calls to and from a contact: placing, connecting, ending, losing, receiving."""

from datetime import datetime, timedelta
from uuid import UUID

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.correction import correct
from drumbeat.aggregates.contact.evolve import LOST, apply
from drumbeat.aggregates.contact.local_time import occurred_at
from drumbeat.aggregates.contact.next_step import (
    BY_ITS_CALLS,
    GiveUp,
    Retry,
    Wait,
    attempts_allowed,
    attempts_left,
    finish_outcome,
    finishing_when_due,
    next_step,
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
from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallConnected,
    ContactCallEnded,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryCancelled,
    ContactRetryScheduled,
)
from drumbeat.events.contact import ContactFinished
from drumbeat.events.evaluations import ContactEvaluationDue
from drumbeat.events.values import (
    AnsweredBy,
    CallOutcome,
    CallPrivate,
    CampaignStatus,
    FinishOutcome,
    SenderStanding,
)


def place_call(
    contact: Contact | None,
    *,
    terms: Terms,
    sender_id: UUID | None = None,
    sender_connected: bool = True,
    suppressed: bool,
    now: datetime,
) -> tuple[Fact, ...]:
    """Dial. `suppressed`: the contact's number is on a do-not-contact list at this moment.

    Refused unless the campaign runs, the sender (when one is named) is assigned, active and connected, and the
    contact is to be called now. Hours, caps and intervals are the dialler's to keep.
    """
    known = guards.not_removed(contact)
    guards.not_an_import(terms)
    guards.a_calling_campaign(terms)
    if terms.status is not CampaignStatus.RUNNING:
        raise Refused(
            RefusalCode.CAMPAIGN_NOT_RUNNING,
            f"the campaign is {terms.status}",
            field="status",
            value=terms.status,
            allowed=CampaignStatus.RUNNING,
        )
    _may_be_called(known, terms, now)
    if suppressed:
        raise Refused(RefusalCode.SUPPRESSED, "the contact's number is on a do-not-contact list")
    _usable(sender_id, terms, connected=sender_connected)
    limits = terms.settings
    placed = ContactCallPlaced(
        attempt=len(known.attempts) + 1,
        sender_id=sender_id,
        occurred=occurred_at(now, contact_zone=known.zone, campaign_zone=limits.zone),
        settings_version=terms.settings_version,
        lost_at=now + timedelta(seconds=limits.ring_timeout_seconds + limits.max_call_duration_seconds),
    )
    return (placed,)


def _may_be_called(contact: Contact, terms: Terms, now: datetime) -> None:
    if contact.opted_out:
        raise Refused(RefusalCode.OPTED_OUT, "the contact does not want to be contacted")
    if contact.in_flight:
        raise Refused(RefusalCode.CALL_IN_FLIGHT, f"attempt {len(contact.attempts)} has not ended")
    if contact.paused:
        raise Refused(RefusalCode.CONTACT_PAUSED, "the contact is paused by hand")
    match contact.stage:
        case Queued():
            return
        case RetryScheduled(retry_at) if retry_at <= now:
            return
        case RetryScheduled(retry_at):
            raise Refused(
                RefusalCode.RETRY_NOT_DUE,
                f"the next attempt is due at {retry_at.isoformat()}",
                field="now",
                value=now.isoformat(),
                allowed=f"from {retry_at.isoformat()}",
            )
        case Finished(FinishOutcome.SUPPRESSED):
            raise Refused(RefusalCode.SUPPRESSED, "the contact was finished because its number is suppressed")
        case AwaitingNextStep() | Finished() | Dialing() | NotEnrolled() | Removed():
            if contact.attempts and attempts_left(contact, terms) <= 0:
                raise Refused(RefusalCode.NO_ATTEMPTS_LEFT, "every attempt allowed has been made")
            raise Refused(RefusalCode.WRONG_STATE, "the contact is not waiting to be called")


def _usable(sender_id: UUID | None, terms: Terms, *, connected: bool) -> None:
    if sender_id is None:
        return
    standing = terms.senders.get(sender_id)
    if standing is None:
        raise Refused(
            RefusalCode.UNKNOWN_SENDER,
            "the sender is not assigned to this campaign",
            field="sender_id",
            value=sender_id,
        )
    if standing is not SenderStanding.ACTIVE or not connected:
        raise Refused(
            RefusalCode.SENDER_NOT_USABLE,
            f"the sender is {standing if standing is not SenderStanding.ACTIVE else 'disconnected or retired'}",
            field="sender_id",
            value=sender_id,
            allowed="an active, connected sender",
        )


def connect_call(contact: Contact | None, *, attempt: int, answered_by: AnsweredBy) -> tuple[Fact, ...]:
    """Somebody, or something, picked up. A later, better guess replaces an earlier one while the call lasts."""
    known = guards.enrolled(contact)
    placed = guards.attempt_of(known, attempt)
    if placed.answered_by is answered_by:
        return ()
    if placed.report is not None:
        raise Refused(RefusalCode.NO_CALL_IN_FLIGHT, f"attempt {attempt} has ended")
    return (ContactCallConnected(attempt=attempt, answered_by=answered_by),)


def end_call(
    contact: Contact | None,
    *,
    terms: Terms,
    attempt: int,
    outcome: CallOutcome,
    duration_seconds: int | None = None,
    callback_at: datetime | None = None,
    permanent: bool = False,
    conversation_id: UUID | None = None,
    private: CallPrivate | None = None,
    now: datetime,
) -> tuple[Fact, ...]:
    """A call's outcome was reported. An equal repeat adds nothing; another outcome is refused `already_ended`.

    The real outcome of a call that had been given up as lost is recorded as a correction.
    """
    known = guards.enrolled(contact)
    report = Report(outcome, duration_seconds, callback_at, conversation_id, permanent)
    _sound(report, terms)
    placed = guards.attempt_of(known, attempt)
    if placed.report is None:
        guards.a_new_conversation(known, conversation_id, attempt=attempt)
        return _ending(known, terms, attempt, report, None, private, now)
    if report in {placed.report, placed.first_report}:
        return ()
    if placed.lost and placed.first_report is None:
        reason = "reported after the call had been given up as lost"
        return correct(known, terms, attempt=attempt, report=report, reason=reason, private=private, now=now)
    raise Refused(
        RefusalCode.ALREADY_ENDED,
        f"attempt {attempt} ended as {placed.report.outcome}; correct it instead",
        field="outcome",
        value=outcome,
        allowed=placed.report.outcome,
    )


def _sound(report: Report, terms: Terms) -> None:
    guards.a_duration(report.duration_seconds)
    guards.a_reportable_outcome(report.outcome, terms, field="outcome")
    guards.fitting(report)


def lose_call(contact: Contact | None, *, terms: Terms, attempt: int, now: datetime) -> tuple[Fact, ...]:
    """Give up a call without an end. Nothing happens when it has ended, or when it is too early."""
    if contact is None or not 1 <= attempt <= len(contact.attempts):
        return ()
    placed = contact.attempts[attempt - 1]
    if placed.report is not None or placed.lost_at is None or now < placed.lost_at:
        return ()
    return _ending(contact, terms, attempt, Report(CallOutcome.FAILED), LOST, None, now)


def _ending(
    contact: Contact,
    terms: Terms,
    attempt: int,
    report: Report,
    detail: str | None,
    private: CallPrivate | None,
    now: datetime,
) -> tuple[Fact, ...]:
    ended = ContactCallEnded(
        attempt=attempt,
        outcome=report.outcome,
        duration_seconds=report.duration_seconds,
        callback_at=report.callback_at,
        permanent=report.permanent,
        conversation_id=report.conversation_id,
        detail=detail,
        attempts_allowed=attempts_allowed(terms),
        private=unless_erased(contact, private),
    )
    if contact.over:
        return (ended,)  # a call that was in flight counts, and changes nothing else
    after = apply(contact, ended, now)
    match next_step(after, terms):
        case Retry(at, left):
            return ended, ContactRetryScheduled(retry_at=at, attempts_left=left)
        case GiveUp():
            return ended, ContactFinished(outcome=finish_outcome(after))
        case Wait(due_at):
            waiting = ended.model_copy(update={"completion_due_at": due_at})
            return waiting, *finishing_when_due(after, due_at, now)


def receive_call(
    contact: Contact | None,
    *,
    terms: Terms,
    conversation_id: UUID,
    duration_seconds: int,
    sender_id: UUID | None = None,
    occurred: datetime | None = None,
    private: CallPrivate | None = None,
    now: datetime,
) -> tuple[Fact, ...]:
    """The contact called: a conversation, no attempt. It ends a pending retry and starts the wait again.

    `occurred` is when they called, `now` when not given. A finished contact stays finished; its outcome follows.
    """
    known = guards.enrolled(contact)
    guards.not_an_import(terms)
    guards.a_duration(duration_seconds)
    for call in known.received:
        if call.conversation_id == conversation_id and call.duration_seconds == duration_seconds:
            return ()
    guards.a_new_conversation(known, conversation_id)
    waits = not known.over and not known.in_flight
    due_at = now + timedelta(seconds=terms.settings.completion_timeout_seconds) if waits else None
    received = ContactCallReceived(
        sender_id=sender_id,
        occurred=occurred_at(occurred or now, contact_zone=known.zone, campaign_zone=terms.settings.zone),
        duration_seconds=duration_seconds,
        conversation_id=conversation_id,
        completion_due_at=due_at,
        private=unless_erased(known, private),
    )
    after = apply(known, received, now)
    if isinstance(known.stage, RetryScheduled):
        cancelled = ContactRetryCancelled(reason="call_received")
        return received, cancelled, *finishing_when_due(after, due_at, now)
    return received, *finishing_when_due(after, due_at, now), *_finished_otherwise(known, after)


def _finished_otherwise(before: Contact, after: Contact) -> tuple[Fact, ...]:
    match before.stage:
        case Finished(FinishOutcome.COMPLETED):
            return (ContactEvaluationDue(),)  # the new conversation has not been judged
        case Finished(outcome) if outcome in BY_ITS_CALLS:
            return ContactEvaluationDue(), ContactFinished(outcome=finish_outcome(after))
        case _:
            return ()
