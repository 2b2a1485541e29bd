"""Recording what already happened, for imports: an impossible order is refused, and nothing else.

Limits, hours, caps, lists and timers do not apply to history, and no sender is needed.
"""

from datetime import datetime
from uuid import UUID

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.evaluations import evaluate_goal
from drumbeat.aggregates.contact.next_step import finish_outcome
from drumbeat.aggregates.contact.private import unless_erased
from drumbeat.aggregates.contact.state import Contact, Finished, Report
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced
from drumbeat.events.contact import ContactFinished
from drumbeat.events.values import CallOutcome, CallPrivate, CampaignSource, GoalResult, Occurred


def record_call(
    contact: Contact | None,
    *,
    terms: Terms,
    attempt: int | None = None,
    outcome: CallOutcome,
    duration_seconds: int | None = None,
    callback_at: datetime | None = None,
    conversation_id: UUID | None = None,
    occurred: Occurred | None = None,
    private: CallPrivate | None = None,
) -> tuple[Fact, ...]:
    """Record a call that was made, placed and ended in one. Without `attempt` it is the next one.

    An equal call under a number on record adds nothing.
    """
    known = _open_history(contact, terms)
    report = Report(outcome, duration_seconds, callback_at, conversation_id)
    following = len(known.attempts) + 1
    number = following if attempt is None else attempt
    if 1 <= number < following and known.attempts[number - 1].report == report:
        return ()
    if number != following:
        raise _impossible(f"attempt {number} cannot follow attempt {following - 1}", "attempt", number)
    if isinstance(known.stage, Finished):
        raise _impossible("the contact's history is finished", "attempt", number)
    guards.a_duration(duration_seconds)
    guards.fitting(report)
    placed = ContactCallPlaced(attempt=number, occurred=occurred, settings_version=terms.settings_version)
    ended = ContactCallEnded(
        attempt=number,
        outcome=outcome,
        duration_seconds=duration_seconds,
        callback_at=callback_at,
        conversation_id=conversation_id,
        private=unless_erased(known, private),
    )
    return placed, ended


def record_evaluation(
    contact: Contact | None,
    *,
    terms: Terms,
    goal_id: UUID,
    result: GoalResult,
    conversation_id: UUID | None = None,
    now: datetime,
) -> tuple[Fact, ...]:
    """Record a judgement that was made."""
    known = _open_history(contact, terms)
    return evaluate_goal(
        known, terms=terms, goal_id=goal_id, result=result, conversation_id=conversation_id, now=now
    )


def finish_history(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """Finish a contact by the rules, as if no attempts were left. Nothing when it is finished or removed."""
    known = _open_history(contact, terms)
    return () if known.over else (ContactFinished(outcome=finish_outcome(known)),)


def require_open_history(terms: Terms) -> None:
    """History is recorded in imports, between their start and their end. Raises `Refused`."""
    if terms.source is not CampaignSource.IMPORT:
        raise Refused(RefusalCode.WRONG_STATE, "history is recorded in imports only")
    if not terms.importing:
        raise _impossible("history is recorded between import_started and import_finished")


def _open_history(contact: Contact | None, terms: Terms) -> Contact:
    require_open_history(terms)
    if contact is None or not contact.enrolled:
        raise _impossible("a contact is enrolled before its history is recorded")
    return contact


def _impossible(message: str, field: str | None = None, value: object = None) -> Refused:
    return Refused(RefusalCode.IMPOSSIBLE_ORDER, message, field=field, value=value)
