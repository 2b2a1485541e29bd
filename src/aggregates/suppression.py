"""An address that is not to be contacted. The stream's id is a keyed hash of it; the address stands nowhere."""

from typing import TypeAlias

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import required_text
from drumbeat.events import Event, Fact
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted


class Suppressed(msgspec.Struct, frozen=True, tag="suppressed"):
    """Nobody may contact this address."""


class Lifted(msgspec.Struct, frozen=True, tag="lifted"):
    """It may be contacted again."""


Suppression: TypeAlias = Suppressed | Lifted


def evolve(state: Suppression | None, event: Event[Fact]) -> Suppression:
    """The address after one more event of its stream."""
    match event.fact:
        case SuppressionAdded():
            return Suppressed()
        case SuppressionLifted():
            return Lifted()
        case _:
            return state or Lifted()


SUPPRESSION: Aggregate[Suppression] = Aggregate("suppression", Suppression, evolve)


def add_suppression(state: Suppression | None, *, reason: str, source: str) -> tuple[Fact, ...]:
    """On the do-not-contact list. Nothing to do when it is there. Raises `out_of_range`."""
    if isinstance(state, Suppressed):
        return ()
    return (SuppressionAdded(reason=required_text("reason", reason), source=required_text("source", source)),)


def lift_suppression(state: Suppression | None, *, reason: str) -> tuple[Fact, ...]:
    """No longer on the list; nobody is revived. Nothing to do when it was lifted. Raises `unknown_stream`."""
    if state is None:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "this address was never suppressed", field="address")
    return (SuppressionLifted(reason=required_text("reason", reason)),) if isinstance(state, Suppressed) else ()


def is_suppressed(state: Suppression | None) -> bool:
    """Whether an address must not be contacted."""
    return isinstance(state, Suppressed)
