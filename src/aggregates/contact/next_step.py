"""What the calls so far amount to: another try, a wait for a call back, or the end. A fold over the attempts.

Reports and corrections ask the same functions, so that a correction leads to where the right report would have.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from drumbeat.aggregates.contact.guards import UNDER_WAY
from drumbeat.aggregates.contact.state import Attempt, Contact
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events import Fact
from drumbeat.events.contact import ContactFinished
from drumbeat.events.evaluations import ContactEvaluationDue
from drumbeat.events.outcomes import MEANING
from drumbeat.events.settings import CallbackRetry
from drumbeat.events.values import AnswerStatus, CallOutcome, CampaignSource, FinishOutcome

BY_ITS_CALLS = frozenset(
    {
        FinishOutcome.COMPLETED,
        FinishOutcome.NO_CONVERSATION,
        FinishOutcome.ATTEMPTS_EXHAUSTED,
        FinishOutcome.OUTCOME_NOT_RECORDED,
    }
)
"""The ends that follow from the calls; the others were decided elsewhere and stand."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt is to be made from `at` on."""

    at: datetime
    attempts_left: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The last call failed for good: finished at once."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is left to retry. The outcome is final at `due_at`; None where no timers apply."""

    due_at: datetime | None


NextStep = Retry | GiveUp | Wait


def next_step(contact: Contact, terms: Terms) -> NextStep:
    """What follows from the calls. The last attempt has ended; the contact is neither removed nor taken out."""
    last = contact.attempts[-1]
    if gave_up(contact):
        return GiveUp()
    left = attempts_left(contact, terms)
    open_to_retry = retries_arise(terms) and left > 0 and not contact.opted_out
    if open_to_retry and retryable(last, terms) and not settled(contact):
        return Retry(retry_time(last, terms), left)
    return Wait(_completion_due(contact, terms))


def retries_arise(terms: Terms) -> bool:
    """In finalizing or later no retry arises, and never in an import."""
    return terms.status in UNDER_WAY and terms.source is not CampaignSource.IMPORT


def retryable(attempt: Attempt, terms: Terms) -> bool:
    """Whether this outcome calls for another attempt while attempts are left."""
    if attempt.report is None:
        return False
    manual = terms.settings.callback_retry is CallbackRetry.MANUAL
    if attempt.report.outcome is CallOutcome.CALLBACK and manual:
        return False
    return MEANING[attempt.report.outcome].retried and not attempt.report.permanent


def retry_time(attempt: Attempt, terms: Terms) -> datetime:
    """When the attempt after this one may be made: as agreed, else after the retry interval."""
    assert attempt.report is not None
    assert attempt.ended_at is not None
    if attempt.report.outcome is CallOutcome.CALLBACK and attempt.report.callback_at is not None:
        return attempt.report.callback_at
    return attempt.ended_at + timedelta(seconds=terms.settings.retry_interval_seconds)


def attempts_left(contact: Contact, terms: Terms) -> int:
    """Attempts still allowed. The limit that was in force when the last call ended rules, not a later one."""
    limit = contact.attempts[-1].attempts_allowed if contact.attempts else None
    if limit is None:
        limit = attempts_allowed(terms)
    return limit + contact.extra_attempts - len(contact.attempts)


def attempts_allowed(terms: Terms) -> int:
    """The limit as it is set now; extra attempts come on top."""
    return 1 + terms.settings.max_retries


def settled(contact: Contact) -> bool:
    """Whether a conversation since a person last asked for another try makes further attempts pointless."""
    again = contact.asked_again
    placed = contact.attempts[again.after_attempts if again else 0 :]
    received = contact.received[again.after_received if again else 0 :]
    return bool(received) or any(
        a.report is not None and MEANING[a.report.outcome].conversation and not MEANING[a.report.outcome].retried
        for a in placed
    )


def gave_up(contact: Contact) -> bool:
    """Whether the last attempt failed for good and nothing has been heard of the contact since."""
    last = contact.attempts[-1]
    permanent = last.report is not None and last.report.permanent
    return permanent and all(r.after_attempts < len(contact.attempts) for r in contact.received)


def finish_outcome(contact: Contact) -> FinishOutcome:
    """How a contact ends whose calls are over."""
    attempts = contact.attempts
    if attempts and gave_up(contact):
        return FinishOutcome.ATTEMPTS_EXHAUSTED
    if contact.received or any(a.conversation for a in attempts):
        return FinishOutcome.COMPLETED
    statuses = [MEANING[a.report.outcome].answer_status for a in attempts if a.report is not None]
    if not statuses or statuses[-1] is AnswerStatus.NOT_RECORDED:
        return FinishOutcome.OUTCOME_NOT_RECORDED
    if AnswerStatus.HUMAN in statuses or AnswerStatus.MACHINE in statuses:
        return FinishOutcome.NO_CONVERSATION
    return FinishOutcome.ATTEMPTS_EXHAUSTED


def finishing_when_due(contact: Contact, due_at: datetime | None, now: datetime) -> tuple[Fact, ...]:
    """The end of the wait, when it has come; with a completion timeout of 0 that is at once."""
    if due_at is None or due_at > now:
        return ()
    return ContactEvaluationDue(), ContactFinished(outcome=finish_outcome(contact))


def _completion_due(contact: Contact, terms: Terms) -> datetime | None:
    if terms.source is CampaignSource.IMPORT:
        return None
    last_heard = [a.ended_at for a in contact.attempts[-1:] if a.ended_at is not None]
    last_heard += [r.received_at for r in contact.received[-1:]]
    return max(last_heard) + timedelta(seconds=terms.settings.completion_timeout_seconds)
