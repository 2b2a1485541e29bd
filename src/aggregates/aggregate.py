"""What the loop needs to know of a kind of stream: its name, its state's type, and how an event changes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from drumbeat.events import Event, Fact

S = TypeVar("S")


def about_nobody(_state: Any) -> UUID | None:
    """For streams that hold nothing personal."""
    return None


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """A kind of stream. `evolve` never refuses: history has happened.

    `state_type` is what a snapshot of the state is decoded to; states are frozen msgspec structs (a tagged union
    where there are stages) without personal data, so that msgspec writes and reads a snapshot without help.
    `person_of` is the person whom a stream is about: under their key its facts are sealed.
    """

    name: str
    state_type: Any
    evolve: Callable[[S | None, Event[Fact]], S]
    person_of: Callable[[S], UUID | None] = about_nobody
