"""A sender: a number, mailbox, identity or account. Who uses it stands in the campaigns' streams (E-22)."""

from typing import TypeAlias
from uuid import UUID

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range, required_text
from drumbeat.events import Event, Fact
from drumbeat.events.addresses import ALLOWED, normalized_address
from drumbeat.events.sender import (
    SenderDisconnected,
    SenderReconnected,
    SenderRegistered,
    SenderRenamed,
    SenderRetired,
    SenderSpamScoreReported,
)
from drumbeat.events.values import Channel


class _Sender(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender is in every stage; the newest spam report's score, and its version in this stream."""

    channel: Channel
    friendly_name: str
    spam_score: int | None = None
    report_version: int = 0


class Connected(_Sender, frozen=True, kw_only=True, tag="connected"):
    """It can be used."""


class Disconnected(_Sender, frozen=True, kw_only=True, tag="disconnected"):
    """It cannot be used at present."""


class Retired(_Sender, frozen=True, kw_only=True, tag="retired"):
    """It is not used any more."""


Sender: TypeAlias = Connected | Disconnected | Retired

_changed = msgspec.structs.replace


def evolve(state: Sender | None, event: Event[Fact]) -> Sender:
    """The sender after one more event of its stream."""
    fact = event.fact
    if isinstance(fact, SenderRegistered):
        return Connected(channel=fact.channel, friendly_name=fact.friendly_name)
    assert state is not None, f"a sender's history begins with {fact.TYPE}"
    match fact:
        case SenderRenamed():
            state = _changed(state, friendly_name=fact.after)
        case SenderSpamScoreReported():
            state = _changed(state, spam_score=fact.score, report_version=event.stream_version)
        case SenderDisconnected():
            state = Disconnected(**msgspec.structs.asdict(state))
        case SenderReconnected():
            state = Connected(**msgspec.structs.asdict(state))
        case SenderRetired():
            state = Retired(**msgspec.structs.asdict(state))
    return state


SENDER: Aggregate[Sender] = Aggregate("sender", Sender, evolve)


def register_sender(
    state: Sender | None,
    *,
    channel: Channel,
    friendly_name: str,
    address: str,
    daily_limit: int | None = None,
    schedule_id: UUID | None = None,
) -> tuple[Fact, ...]:
    """A sender of the workspace becomes known. Raises `out_of_range`, `wrong_state` when the stream exists."""
    if state is not None:
        raise Refused(RefusalCode.WRONG_STATE, "there is a sender with this id already", field="sender_id")
    kept = normalized_address(channel, address)
    if kept is None:
        raise out_of_range("address", address, ALLOWED[channel])
    if daily_limit is not None and not 1 <= daily_limit <= 1_000_000:
        raise out_of_range("daily_limit", daily_limit, "1 to 1,000,000, or none")
    return (
        SenderRegistered(
            channel=channel,
            friendly_name=required_text("friendly_name", friendly_name),
            address=kept,
            daily_limit=daily_limit,
            schedule_id=schedule_id,
        ),
    )


def rename_sender(state: Sender | None, *, friendly_name: str) -> tuple[Fact, ...]:
    """Another friendly name. Raises `unknown_stream`, `out_of_range`, `wrong_state` when it is retired."""
    sender = _in_use(state, "rename_sender")
    after = required_text("friendly_name", friendly_name)
    return () if after == sender.friendly_name else (SenderRenamed(before=sender.friendly_name, after=after),)


def report_spam_score(state: Sender | None, *, score: int, source: str) -> tuple[Fact, ...]:
    """How likely its calls are flagged, 0 to 10; each report counts, also one with the same score.

    Raises `unknown_stream`, `out_of_range`; nothing to do for a retired sender.
    """
    sender = existing_sender(state)
    if isinstance(score, bool) or not 0 <= score <= 10:
        raise out_of_range("score", score, "0 to 10")
    if isinstance(sender, Retired):
        return ()
    return (SenderSpamScoreReported(score=score, source=required_text("source", source)),)


def disconnect_sender(state: Sender | None, *, cause: str) -> tuple[Fact, ...]:
    """It cannot be used at present. Nothing to do when that is known. Raises `unknown_stream`, `wrong_state`."""
    sender = _in_use(state, "disconnect_sender")
    if isinstance(sender, Disconnected):
        return ()
    return (SenderDisconnected(cause=required_text("cause", cause)),)


def reconnect_sender(state: Sender | None) -> tuple[Fact, ...]:
    """It can be used again. Nothing to do when it is connected. Raises `unknown_stream`, `wrong_state`."""
    sender = _in_use(state, "reconnect_sender")
    return (SenderReconnected(),) if isinstance(sender, Disconnected) else ()


def retire_sender(state: Sender | None) -> tuple[Fact, ...]:
    """It is not used any more. Nothing to do when it is retired. Raises `unknown_stream`."""
    return () if isinstance(existing_sender(state), Retired) else (SenderRetired(),)


def existing_sender(state: Sender | None) -> Sender:
    """The sender. Raises `unknown_stream`."""
    if state is None:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "there is no such sender", field="sender_id")
    return state


def _in_use(state: Sender | None, command: str) -> Connected | Disconnected:
    match existing_sender(state):
        case Retired():
            raise Refused(
                RefusalCode.WRONG_STATE, f"{command} is not possible: the sender is retired", field="sender_id"
            )
        case sender:
            return sender
