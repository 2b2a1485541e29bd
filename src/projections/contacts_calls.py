"""What calls do to a contact's row: attempts, outcomes, times, retries, the completion timeout."""

from datetime import datetime

from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryCancelled,
    ContactRetryScheduled,
)
from drumbeat.events.light import LightEvent
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, ContactSubstatus
from drumbeat.projections.contacts_rows import ContactState, is_over, stand, stand_unless_over
from drumbeat.projections.engine import as_array

_DIALING = ContactSubstatus.DIALING.value
_RETRY = ContactSubstatus.RETRY_SCHEDULED.value
_AWAITING = ContactSubstatus.AWAITING_NEXT_STEP.value


def call_placed(row: ContactState | None, event: LightEvent[ContactCallPlaced], at: int) -> ContactState | None:
    """A call is in flight."""
    if row is None:
        return None
    data = event.data
    row.attempts = row.in_flight = data.attempt
    row.lost_at = data.lost_at
    row.last_outcome = None
    row.retry_at = row.completion_due_at = None
    if data.occurred is not None:
        row.last_called_at = data.occurred.instant or row.last_called_at
    elif data.lost_at is not None:  # a call of today; history that does not say when has no `lost_at`
        row.last_called_at = event.time
    stand_unless_over(row, _DIALING)
    row.position = at
    return row


def call_ended(row: ContactState | None, event: LightEvent[ContactCallEnded], at: int) -> ContactState | None:
    """A call's outcome counts; a retry or the finish, where one follows, comes as an event of its own."""
    if row is None:
        return None
    data = event.data
    if row.in_flight == data.attempt:
        row.in_flight = row.lost_at = None
    if data.attempt == row.attempts:
        row.last_outcome = data.outcome
    _count(row, data.outcome, data.duration_seconds, 1)
    row.durations = _with_duration(row.durations, data.attempt, data.duration_seconds)
    _await(row, data.completion_due_at)
    row.position = at
    return row


def call_received(
    row: ContactState | None, event: LightEvent[ContactCallReceived], at: int
) -> ContactState | None:
    """The contact called: a conversation, no attempt."""
    if row is None:
        return None
    data = event.data
    row.conversations += 1
    row.talk_time_seconds += data.duration_seconds
    row.total_time_seconds += data.duration_seconds
    if data.completion_due_at is not None:
        _await(row, data.completion_due_at)
    row.position = at
    return row


def outcome_corrected(
    row: ContactState | None, event: LightEvent[ContactCallOutcomeCorrected], at: int
) -> ContactState | None:
    """The old outcome and its duration go, the new ones come."""
    if row is None:
        return None
    data = event.data
    _count(row, data.from_, _duration(row.durations, data.attempt), -1)
    _count(row, data.to, data.duration_seconds, 1)
    row.durations = _with_duration(row.durations, data.attempt, data.duration_seconds)
    if data.attempt == row.attempts and row.in_flight is None:
        row.last_outcome = data.to
    if data.completion_due_at is not None:
        _await(row, data.completion_due_at)
    row.position = at
    return row


def retry_scheduled(
    row: ContactState | None, event: LightEvent[ContactRetryScheduled], at: int
) -> ContactState | None:
    """May be called again."""
    if row is None or is_over(row):
        return row
    row.retry_at = event.data.retry_at
    row.attempts_left = event.data.attempts_left
    row.completion_due_at = None
    stand(row, _RETRY)
    row.position = at
    return row


def retry_cancelled(
    row: ContactState | None, _event: LightEvent[ContactRetryCancelled], at: int
) -> ContactState | None:
    """A pending retry is off."""
    if row is None or row.substatus != _RETRY:
        return row
    row.retry_at = row.completion_due_at = None
    stand_unless_over(row, _AWAITING)
    row.position = at
    return row


def _await(row: ContactState, due: datetime | None) -> None:
    if row.open:
        row.retry_at = None
        row.completion_due_at = due
        stand(row, _AWAITING)


def _count(row: ContactState, outcome: CallOutcome, duration_seconds: int | None, sign: int) -> None:
    meaning = MEANING[outcome]
    seconds = sign * (duration_seconds or 0)
    if meaning.conversation:
        row.conversations += sign
        row.talk_time_seconds += seconds
    if meaning.counts_in_total_time:
        row.total_time_seconds += seconds


def _durations(array: str) -> list[int | None]:
    inside = array[1:-1]
    return [None if word == "NULL" else int(word) for word in inside.split(",")] if inside else []


def _duration(array: str, attempt: int) -> int | None:
    durations = _durations(array)
    return durations[attempt - 1] if attempt <= len(durations) else None


def _with_duration(array: str, attempt: int, seconds: int | None) -> str:
    durations = _durations(array)
    durations += [None] * (attempt - len(durations))
    durations[attempt - 1] = seconds
    return as_array(durations)
