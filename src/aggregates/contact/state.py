"""A contact's state: what its history amounts to, for decisions. It holds no personal data.

The life of a contact is a union of stages. Beside the stage stands what every stage shares: the calls, the
judgements, the switches. Only `evolve` makes new states.
"""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec

from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import (
    AnsweredBy,
    CallOutcome,
    Channel,
    ContactStatus,
    ContactSubstatus,
    FinishOutcome,
    GoalResult,
)


class Report(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a call ended, as far as decisions look at it. Two reports are a repeat of each other when equal."""

    outcome: CallOutcome
    duration_seconds: int | None = None
    callback_at: datetime | None = None
    conversation_id: UUID | None = None
    permanent: bool = False


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A call placed. `report` is None while it is in flight, and what counts today afterwards.

    `first_report` is kept when a correction replaced it. `lost` says that a policy gave the call up.
    `attempts_allowed` is the limit that was in force when the call ended.
    """

    lost_at: datetime | None = None
    answered_by: AnsweredBy | None = None
    ended_at: datetime | None = None
    report: Report | None = None
    first_report: Report | None = None
    lost: bool = False
    attempts_allowed: int | None = None

    @property
    def conversation(self) -> bool:
        """Whether the call was a conversation, by the outcome that counts today."""
        return self.report is not None and MEANING[self.report.outcome].conversation


class ReceivedCall(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The contact called: a conversation of its own. `after_attempts` had been placed by then."""

    conversation_id: UUID
    duration_seconds: int
    received_at: datetime
    after_attempts: int


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A goal's latest judgement, of one conversation or (without one) over all."""

    goal_id: UUID
    result: GoalResult
    conversation_id: UUID | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """That an analysis of a conversation has an answer; the answer itself is personal and not kept here."""

    analysis_id: UUID
    conversation_id: UUID


class Address(msgspec.Struct, frozen=True, gc=False):
    """The suppression stream of one of the contact's addresses."""

    channel: Channel
    key: UUID


class AskedAgain(msgspec.Struct, frozen=True, gc=False):
    """A person wanted another try: calls up to here no longer settle the contact."""

    after_attempts: int
    after_received: int


class NotEnrolled(msgspec.Struct, frozen=True, tag="not_enrolled", gc=False):
    """Nobody yet: the stream holds refused enrolments only."""


class Queued(msgspec.Struct, frozen=True, tag="queued", gc=False):
    """Enrolled, nothing tried yet."""


class Dialing(msgspec.Struct, frozen=True, tag="dialing", gc=False):
    """The last attempt is in flight."""


class RetryScheduled(msgspec.Struct, frozen=True, tag="retry_scheduled", gc=False):
    """May be called again from `retry_at` on."""

    retry_at: datetime


class AwaitingNextStep(msgspec.Struct, frozen=True, tag="awaiting_next_step", omit_defaults=True, gc=False):
    """Nothing left to retry: a call back may come until `completion_due_at` (None: no timer, as in imports)."""

    completion_due_at: datetime | None = None


class Finished(msgspec.Struct, frozen=True, tag="finished", gc=False):
    """Nothing more happens unless the contact is reopened. A call that was in flight may still be reported."""

    outcome: FinishOutcome


class Removed(msgspec.Struct, frozen=True, tag="removed", gc=False):
    """Taken out for ever; reports of its calls are still recorded."""


Stage: TypeAlias = NotEnrolled | Queued | Dialing | RetryScheduled | AwaitingNextStep | Finished | Removed


class Contact(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A contact of one campaign. `refusals` are the reasons for which an enrolment was turned away.

    `person_id` says under whose key what is personal is sealed, and nothing of the person. `erased`: there is no
    such key any more, and nothing personal is recorded again.
    """

    stage: Stage
    campaign_id: UUID | None = None
    person_id: UUID | None = None
    attempts: tuple[Attempt, ...] = ()
    received: tuple[ReceivedCall, ...] = ()
    extra_attempts: int = 0
    asked_again: AskedAgain | None = None
    evaluations: tuple[Evaluation, ...] = ()
    answers: tuple[Answer, ...] = ()
    opted_out: bool = False
    erased: bool = False
    paused: bool = False
    zone: str | None = None
    addresses: tuple[Address, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def enrolled(self) -> bool:
        """Whether somebody is behind this stream."""
        return not isinstance(self.stage, NotEnrolled)

    @property
    def over(self) -> bool:
        """Whether nothing more is done for this contact: finished or removed."""
        return isinstance(self.stage, Finished | Removed)

    @property
    def in_flight(self) -> bool:
        """Whether a call has been placed and not reported; also true of a contact finished meanwhile."""
        return bool(self.attempts) and self.attempts[-1].report is None

    def conversations(self) -> frozenset[UUID]:
        """The ids of every conversation that took place, called or received."""
        placed = (a.report.conversation_id for a in self.attempts if a.report is not None and a.conversation)
        return frozenset({c for c in placed if c is not None} | {r.conversation_id for r in self.received})

    def keys(self, *channels: Channel) -> tuple[UUID, ...]:
        """The suppression streams of the contact's addresses on these channels; without channels, of all."""
        return tuple(a.key for a in self.addresses if not channels or a.channel in channels)


NOBODY = Contact(stage=NotEnrolled())


def status_of(contact: Contact) -> tuple[ContactStatus, ContactSubstatus | FinishOutcome] | None:
    """Canonical status and substatus as readers see them; None when not enrolled or removed.

    A pause by hand shows as the status and keeps the substatus.
    """
    match contact.stage:
        case NotEnrolled() | Removed():
            return None
        case Finished(outcome):
            return ContactStatus.FINISHED, outcome
        case Queued():
            status, substatus = ContactStatus.NOT_STARTED, ContactSubstatus.QUEUED
        case Dialing():
            status, substatus = ContactStatus.IN_PROGRESS, ContactSubstatus.DIALING
        case RetryScheduled():
            status, substatus = ContactStatus.IN_PROGRESS, ContactSubstatus.RETRY_SCHEDULED
        case AwaitingNextStep():
            status, substatus = ContactStatus.IN_PROGRESS, ContactSubstatus.AWAITING_NEXT_STEP
    return (ContactStatus.PAUSED if contact.paused else status), substatus
