"""A person in a workspace, as far as erasing goes. Their contacts are streams of their own."""

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import required_text
from drumbeat.events import Event, Fact
from drumbeat.events.person import PersonErased


class Person(msgspec.Struct, frozen=True):
    """How often they were erased: after each time, the same reference is a new beginning."""

    erasures: int = 0


def evolve(state: Person | None, event: Event[Fact]) -> Person:
    """The person after one more event of their stream."""
    known = state or Person()
    return Person(known.erasures + 1) if isinstance(event.fact, PersonErased) else known


PERSON: Aggregate[Person] = Aggregate("person", Person, evolve)


def erase_person(state: Person | None, *, known: bool, reason: str) -> tuple[Fact, ...]:
    """Forget somebody; `known`: there is something to forget. Nothing when it was forgotten before.

    Raises `unknown_stream` when nothing was ever known under the reference.
    """
    said = required_text("reason", reason)
    if known:
        return (PersonErased(reason=said),)
    if state is None:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "nobody is known under this reference", field="reference")
    return ()
