"""Commands about a contact's calls: what diallers take and report, and what people correct."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from drumbeat.aggregates.contact import calls, correction
from drumbeat.aggregates.contact.private import call_private
from drumbeat.aggregates.contact.state import Contact
from drumbeat.commands.command import Command
from drumbeat.commands.deciding import Decision, Handler
from drumbeat.commands.on_contact import OfContact, on_contact
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallPlaced
from drumbeat.events.values import AnsweredBy, CallOutcome


class PlaceCall(OfContact):
    """Dial now. The answer's row tells the attempt's number and when the call counts as lost."""

    NAME: ClassVar[str] = "place_call"
    sender_id: UUID | None = None


class ConnectCall(OfContact):
    """Somebody, or something, picked up."""

    NAME: ClassVar[str] = "connect_call"
    attempt: int
    answered_by: AnsweredBy


class EndCall(OfContact):
    """Report a call's outcome. The same report again adds nothing."""

    NAME: ClassVar[str] = "end_call"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"summary", "transcript_reference"})
    attempt: int
    outcome: CallOutcome
    duration_seconds: int | None = None
    callback_at: AwareDatetime | None = None
    permanent: bool = False
    conversation_id: UUID | None = None
    summary: str | None = None
    transcript_reference: str | None = None


class LoseCall(OfContact):
    """Give up a call without an end; nothing when it has one, or when it is too early."""

    NAME: ClassVar[str] = "lose_call"
    attempt: int


class ReceiveCall(OfContact):
    """The contact called. `occurred` is when; now when not given."""

    NAME: ClassVar[str] = "receive_call"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"summary", "transcript_reference"})
    conversation_id: UUID
    duration_seconds: int
    sender_id: UUID | None = None
    occurred: AwareDatetime | None = None
    summary: str | None = None
    transcript_reference: str | None = None


class CorrectOutcome(OfContact):
    """Replace a recorded outcome; `from` is what is recorded now."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    NAME: ClassVar[str] = "correct_outcome"
    attempt: int
    from_: CallOutcome = Field(alias="from")
    to: CallOutcome
    duration_seconds: int | None = None
    callback_at: AwareDatetime | None = None
    permanent: bool | None = None
    conversation_id: UUID | None = None
    reason: str


def _with_private(decide: Decision) -> Handler:
    """The handler of a command with a summary or a transcript's reference, which the decision takes as one."""

    def decide_with(
        contact: Contact | None,
        *,
        summary: str | None,
        transcript_reference: str | None,
        **arguments: Any,
    ) -> tuple[Fact, ...]:
        private = call_private(summary, transcript_reference)
        return decide(contact, private=private, **arguments)

    return on_contact(decide_with, asks=decide)


def _placed(facts: Sequence[Fact]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"attempt": fact.attempt, "lost_at": fact.lost_at.isoformat() if fact.lost_at else None}
        for fact in facts
        if isinstance(fact, ContactCallPlaced)
    )


HANDLERS: dict[type[Command], Handler] = {
    PlaceCall: on_contact(calls.place_call, results=_placed),
    ConnectCall: on_contact(calls.connect_call),
    EndCall: _with_private(calls.end_call),
    LoseCall: on_contact(calls.lose_call),
    ReceiveCall: _with_private(calls.receive_call),
    CorrectOutcome: on_contact(correction.correct_outcome),
}
