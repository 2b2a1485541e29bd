"""How is a campaign doing, in numbers? (E-10 … E-14)

Every counter is Σ measure(row) over the rows of contacts or attempts, so it equals the list behind it. Metrics in
`dashboard_counters`; the key is given in brackets where a metric has one:

over contacts that are not removed: `contacts`, `contacts_by_label` [label], `contacts_open`,
`contacts_paused_by_hand`, `contacts_awaiting_completion`, `contacts_talk_time_seconds`, `goal_results`
[GOAL/result]. Not evaluated = contacts less the four results of a goal.

over calls, those of removed contacts included: `attempts`, `attempts_in_flight`, `attempts_recorded`,
`attempts_by_outcome` [outcome], `attempts_by_answer_status` [human … failed, not_recorded], `attempts_by_sender`
[sender], `calls_received`, `conversations`, `talk_time_seconds`, `total_time_seconds`. A received call is a
conversation whose duration counts in both times, and no attempt.
"""

from functools import lru_cache
from pathlib import Path
from uuid import UUID

from drumbeat.events.labels import contact_labels
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import AnswerStatus, CallOutcome, Vocabulary
from drumbeat.projections.attempts import ATTEMPTS, PLACED
from drumbeat.projections.attempts_rows import Attempt
from drumbeat.projections.contacts import CONTACTS
from drumbeat.projections.contacts_goals import results
from drumbeat.projections.contacts_rows import ContactState
from drumbeat.projections.engine import Key, Measures, Projection

Amounts = tuple[tuple[Key, int], ...]

_CONTACT = (("contacts", ""), 1)
_OPEN = (("contacts_open", ""), 1)
_PAUSED = (("contacts_paused_by_hand", ""), 1)
_AWAITING = (("contacts_awaiting_completion", ""), 1)
_IN_FLIGHT = (("attempts_in_flight", ""), 1)
_ATTEMPT = (("attempts", ""), 1)
_RECORDED = (("attempts_recorded", ""), 1)
_RECEIVED = (("calls_received", ""), 1)
_CONVERSATION = (("conversations", ""), 1)
_TALK_TIME = ("talk_time_seconds", "")
_TOTAL_TIME = ("total_time_seconds", "")
_BY_LABEL = {label: (("contacts_by_label", label), 1) for label in contact_labels(Vocabulary.VOICE_AGENT)}
_BY_OUTCOME = {outcome.value: (("attempts_by_outcome", outcome.value), 1) for outcome in CallOutcome}
_BY_STATUS = {status.value: (("attempts_by_answer_status", status.value), 1) for status in AnswerStatus}


def measure_contact(row: ContactState) -> Amounts:
    """What one contact adds."""
    if row.removed:
        return ()
    amounts = [_CONTACT, _BY_LABEL[row.label]]
    if row.open:
        amounts.append(_OPEN)
    if row.paused_by_hand:
        amounts.append(_PAUSED)
    if row.completion_due_at is not None:
        amounts.append(_AWAITING)
    if row.talk_time_seconds:
        amounts.append((("contacts_talk_time_seconds", ""), row.talk_time_seconds))
    if row.goal_results is not None:
        amounts += [(("goal_results", f"{goal}/{result}"), 1) for goal, result in results(row).items()]
    return tuple(amounts)


def measure_attempt(row: Attempt) -> Amounts:
    """What one call adds."""
    seconds = row.duration_seconds or 0
    if row.direction != PLACED:
        return (_RECEIVED, _CONVERSATION, (_TALK_TIME, seconds), (_TOTAL_TIME, seconds))
    amounts = [_ATTEMPT]
    if row.sender_id is not None:
        amounts.append((("attempts_by_sender", _text(row.sender_id)), 1))
    outcome = row.outcome
    if outcome is None:
        amounts.append(_IN_FLIGHT)
        return tuple(amounts)
    meaning = MEANING[outcome]  # type: ignore[index]
    amounts += (_BY_OUTCOME[outcome], _BY_STATUS[meaning.answer_status])
    if outcome != CallOutcome.NOT_RECORDED:
        amounts.append(_RECORDED)
    if meaning.conversation:
        amounts += (_CONVERSATION, (_TALK_TIME, seconds))
    if meaning.counts_in_total_time and seconds:
        amounts.append((_TOTAL_TIME, seconds))
    return tuple(amounts)


def calls_of_sender(row: Attempt) -> Amounts:
    """The call under its number and the quarter of an hour (UTC) in which it was placed."""
    at = row.placed_at
    if at is None or row.sender_id is None or row.direction != PLACED:
        return ()
    quarter = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    return (((row.sender_id, quarter), 1),)


@lru_cache(maxsize=10_000)
def _text(sender_id: UUID) -> str:
    return str(sender_id)


PROJECTION = Projection(
    name="dashboard",
    version=1,
    sql=Path(__file__).with_suffix(".sql"),
    measures=(
        Measures(
            table="dashboard_counters", of=CONTACTS, scope=2, columns=("metric", "key"), measure=measure_contact
        ),
        Measures(
            table="dashboard_counters", of=ATTEMPTS, scope=2, columns=("metric", "key"), measure=measure_attempt
        ),
        Measures(
            table="sender_calls", of=ATTEMPTS, scope=2, columns=("sender_id", "quarter"), measure=calls_of_sender
        ),
    ),
)
