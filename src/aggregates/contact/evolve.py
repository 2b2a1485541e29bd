"""How a contact's facts change its state. Nothing here refuses: history has happened."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias, assert_never, get_args
from uuid import UUID

from msgspec.structs import replace

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.contact.state import (
    NOBODY,
    Address,
    Answer,
    AskedAgain,
    Attempt,
    AwaitingNextStep,
    Contact,
    Dialing,
    Evaluation,
    Finished,
    Queued,
    ReceivedCall,
    Removed,
    Report,
    RetryScheduled,
    Stage,
)
from drumbeat.events import Event, Fact
from drumbeat.events.calls import (
    ContactCallConnected,
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryCancelled,
    ContactRetryScheduled,
)
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactEnrolmentRefused,
    ContactErased,
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactProfileChanged,
    ContactReminderRequested,
    ContactRemoved,
    ContactReopened,
    ContactResumed,
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
from drumbeat.events.values import AddressKey

CallFact: TypeAlias = (
    ContactCallPlaced
    | ContactCallEnded
    | ContactCallConnected
    | ContactCallReceived
    | ContactCallOutcomeCorrected
    | ContactRetryScheduled
    | ContactRetryCancelled
)
LifeFact: TypeAlias = (
    ContactEnrolled
    | ContactFinished
    | ContactReopened
    | ContactEnrolmentRefused
    | ContactProfileChanged
    | ContactRemoved
    | ContactErased
    | ContactPaused
    | ContactResumed
    | ContactOptedOut
    | ContactReminderRequested
)
JudgementFact: TypeAlias = (
    ContactGoalEvaluated
    | ContactGoalEvaluationWithdrawn
    | ContactAnalysisAnswered
    | ContactAnalysisAnswerWithdrawn
    | ContactGoalAchieved
    | ContactGoalAchievementWithdrawn
    | ContactEvaluationDue
)


def evolve(state: Contact | None, event: Event[Fact]) -> Contact:
    """The state after one more event."""
    if state is None:
        state = replace(NOBODY, campaign_id=event.campaign_id)
    after = apply(state, event.fact, event.time)
    if event.person_id is not None and event.person_id != after.person_id:
        return replace(after, person_id=event.person_id)
    return after


def apply(state: Contact | None, fact: Fact, time: datetime) -> Contact:
    """The state after one more fact, recorded at `time`. A fact that is no contact's changes nothing."""
    contact = state if state is not None else NOBODY
    change = _CHANGES.get(type(fact))
    return contact if change is None else change(contact, fact, time)


def apply_all(state: Contact | None, facts: tuple[Fact, ...], time: datetime) -> Contact:
    """The state after several facts of one time."""
    contact = state if state is not None else NOBODY
    for fact in facts:
        contact = apply(contact, fact, time)
    return contact


def _after_call_fact(contact: Contact, fact: CallFact, time: datetime) -> Contact:
    match fact:
        case ContactCallPlaced():
            attempts = (*contact.attempts, Attempt(lost_at=fact.lost_at))
            changed = replace(contact, attempts=attempts, stage=_unless_over(contact, Dialing()))
        case ContactCallEnded():
            awaiting = AwaitingNextStep(fact.completion_due_at)
            changed = replace(_ended(contact, fact, time), stage=_unless_over(contact, awaiting))
        case ContactCallConnected():
            changed = _with_attempt(contact, fact.attempt, answered_by=fact.answered_by)
        case ContactCallReceived():
            call = ReceivedCall(fact.conversation_id, fact.duration_seconds, time, len(contact.attempts))
            changed = replace(
                contact,
                received=(*contact.received, call),
                stage=_awaiting_when_due(contact, fact.completion_due_at),
            )
        case ContactCallOutcomeCorrected():
            stage = _awaiting_when_due(contact, fact.completion_due_at)
            changed = replace(_corrected(contact, fact), stage=stage)
        case ContactRetryScheduled():
            changed = replace(contact, stage=_unless_over(contact, RetryScheduled(fact.retry_at)))
        case ContactRetryCancelled():
            pending = isinstance(contact.stage, RetryScheduled)
            changed = replace(contact, stage=AwaitingNextStep()) if pending else contact
        case _:
            assert_never(fact)
    return changed


def _after_life_fact(contact: Contact, fact: LifeFact, _time: datetime) -> Contact:
    match fact:
        case ContactEnrolled():
            changed = replace(contact, stage=Queued(), zone=fact.zone, addresses=_addresses_of(fact.address_keys))
        case ContactFinished():
            stage = contact.stage if isinstance(contact.stage, Removed) else Finished(fact.outcome)
            changed = replace(contact, stage=stage, paused=False)
        case ContactReopened():
            changed = _reopened(contact, fact)
        case ContactEnrolmentRefused():
            changed = replace(contact, refusals=(*contact.refusals, fact.reason))
        case ContactProfileChanged():
            changed = replace(contact, zone=fact.zone, addresses=_addresses_of(fact.address_keys))
        case ContactRemoved():
            changed = replace(contact, stage=Removed(), paused=False)
        case ContactErased():
            changed = replace(contact, erased=True, addresses=())
        case ContactPaused():
            changed = replace(contact, paused=True)
        case ContactResumed():
            changed = replace(contact, paused=False)
        case ContactOptedOut():
            changed = replace(contact, opted_out=True)
        case ContactReminderRequested():
            changed = contact
        case _:
            assert_never(fact)
    return changed


def _after_judgement(contact: Contact, fact: JudgementFact, _time: datetime) -> Contact:
    match fact:
        case ContactGoalEvaluated():
            others = _evaluations_but(contact, fact.goal_id, fact.conversation_id)
            judged = Evaluation(fact.goal_id, fact.result, fact.conversation_id)
            changed = replace(contact, evaluations=(*others, judged))
        case ContactGoalEvaluationWithdrawn():
            others = _evaluations_but(contact, fact.goal_id, fact.conversation_id)
            changed = replace(contact, evaluations=others)
        case ContactAnalysisAnswered():
            answer = Answer(fact.analysis_id, fact.conversation_id)
            known = answer in contact.answers
            changed = contact if known else replace(contact, answers=(*contact.answers, answer))
        case ContactAnalysisAnswerWithdrawn():
            withdrawn = Answer(fact.analysis_id, fact.conversation_id)
            changed = replace(contact, answers=tuple(a for a in contact.answers if a != withdrawn))
        case ContactGoalAchieved() | ContactGoalAchievementWithdrawn() | ContactEvaluationDue():
            changed = contact  # they follow from the evaluations and the calls, which are kept
        case _:
            assert_never(fact)
    return changed


def _unless_over(contact: Contact, stage: Stage) -> Stage:
    # The report of a call that was in flight when the contact was finished or removed revives nobody.
    return contact.stage if contact.over else stage


def _awaiting_when_due(contact: Contact, due: datetime | None) -> Stage:
    return contact.stage if due is None else _unless_over(contact, AwaitingNextStep(due))


def _with_attempt(contact: Contact, number: int, **changes: object) -> Contact:
    if not 1 <= number <= len(contact.attempts):
        return contact
    attempts = contact.attempts
    attempt = replace(attempts[number - 1], **changes)
    return replace(contact, attempts=(*attempts[: number - 1], attempt, *attempts[number:]))


def _ended(contact: Contact, fact: ContactCallEnded, time: datetime) -> Contact:
    return _with_attempt(
        contact,
        fact.attempt,
        report=Report(fact.outcome, fact.duration_seconds, fact.callback_at, fact.conversation_id, fact.permanent),
        ended_at=time,
        lost=fact.detail == LOST,
        attempts_allowed=fact.attempts_allowed,
    )


def _corrected(contact: Contact, fact: ContactCallOutcomeCorrected) -> Contact:
    if not 1 <= fact.attempt <= len(contact.attempts):
        return contact
    attempt = contact.attempts[fact.attempt - 1]
    return _with_attempt(
        contact,
        fact.attempt,
        report=Report(fact.to, fact.duration_seconds, fact.callback_at, fact.conversation_id, fact.permanent),
        first_report=attempt.first_report or attempt.report,
    )


def _reopened(contact: Contact, fact: ContactReopened) -> Contact:
    awaiting = AwaitingNextStep(fact.completion_due_at)
    stage = contact.stage if isinstance(contact.stage, Removed) else awaiting
    if not fact.extra_attempts:
        return replace(contact, stage=stage)
    return replace(
        contact,
        stage=stage,
        extra_attempts=contact.extra_attempts + fact.extra_attempts,
        asked_again=AskedAgain(len(contact.attempts), len(contact.received)),
    )


def _evaluations_but(contact: Contact, goal_id: UUID, conversation_id: UUID | None) -> tuple[Evaluation, ...]:
    return tuple(e for e in contact.evaluations if e.goal_id != goal_id or e.conversation_id != conversation_id)


def _addresses_of(keys: tuple[AddressKey, ...]) -> tuple[Address, ...]:
    return tuple(Address(key.channel, key.key) for key in keys)


_CHANGES: dict[type[Fact], Callable[[Contact, Any, datetime], Contact]] = {
    **dict.fromkeys(get_args(CallFact), _after_call_fact),
    **dict.fromkeys(get_args(LifeFact), _after_life_fact),
    **dict.fromkeys(get_args(JudgementFact), _after_judgement),
}

LOST = "lost"
"""The `detail` of a call that a policy gave up."""

AGGREGATE: Aggregate[Contact] = Aggregate(
    name="contact",
    state_type=Contact,
    evolve=evolve,
    person_of=lambda contact: None if contact.erased else contact.person_id,
)
