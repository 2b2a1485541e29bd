"""Facts about calls to and from a contact. An attempt is a call placed; attempts count from 1."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from drumbeat.events.fact import Fact
from drumbeat.events.values import AnsweredBy, CallOutcome, CallPrivate, Occurred


class ContactCallPlaced(Fact):
    """A call is in flight. After `lost_at` without an end it counts as lost; imports have none."""

    TYPE: ClassVar[str] = "contact.call_placed.v1"
    attempt: int
    sender_id: UUID | None = None
    occurred: Occurred | None = None
    settings_version: int
    lost_at: datetime | None = None


class ContactCallConnected(Fact):
    """Somebody, or something, picked up; serves calls in flight only."""

    TYPE: ClassVar[str] = "contact.call_connected.v1"
    attempt: int
    answered_by: AnsweredBy


class ContactCallEnded(Fact):
    """A call's outcome as first reported.

    `detail` is `lost` when a policy ended it. `completion_due_at` is given when nothing is left to retry: the
    contact waits until then for a call back before its outcome is final. `attempts_allowed` is the limit in force
    when the call ended (extra attempts not included): a changed limit applies to calls that end later.
    """

    TYPE: ClassVar[str] = "contact.call_ended.v1"
    attempt: int
    outcome: CallOutcome
    duration_seconds: int | None = None
    callback_at: datetime | None = None
    permanent: bool = False
    conversation_id: UUID | None = None
    detail: str | None = None
    completion_due_at: datetime | None = None
    attempts_allowed: int | None = None
    private: CallPrivate | None = None


class ContactCallReceived(Fact):
    """The contact called back: a conversation of its own, no attempt. It starts the completion timeout again."""

    TYPE: ClassVar[str] = "contact.call_received.v1"
    sender_id: UUID | None = None
    occurred: Occurred
    duration_seconds: int
    conversation_id: UUID
    completion_due_at: datetime | None = None
    private: CallPrivate | None = None


class ContactRetryScheduled(Fact):
    """The contact may be called again from `retry_at` on."""

    TYPE: ClassVar[str] = "contact.retry_scheduled.v1"
    retry_at: datetime
    attempts_left: int


class ContactRetryCancelled(Fact):
    """A pending retry is off."""

    TYPE: ClassVar[str] = "contact.retry_cancelled.v1"
    reason: str


class ContactCallOutcomeCorrected(Fact):
    """The recorded outcome of an attempt was wrong. Duration, callback and conversation are as they are now.

    `completion_due_at` is given when the correction leaves nothing to retry and the contact was not finished.
    """

    TYPE: ClassVar[str] = "contact.call_outcome_corrected.v1"
    attempt: int
    from_: CallOutcome = Field(alias="from")
    to: CallOutcome
    duration_seconds: int | None = None
    callback_at: datetime | None = None
    conversation_id: UUID | None = None
    permanent: bool = False
    completion_due_at: datetime | None = None
    reason: str
    private: CallPrivate | None = None
