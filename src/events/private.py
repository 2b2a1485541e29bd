"""What is personal of a fact: its sub-object `private`, in clear in memory and sealed in the bytes.

In the log and on Kafka `data.private` is `{"person": "<id>", "key": <number>, "sealed": "<base64>"}`. Before that
is decoded, what was sealed is put in its place, or why it is withheld: decoders of all kinds see clear facts and
nothing else.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from drumbeat.events.fact import FACTS, Value
from drumbeat.events.upcasters import UPCASTERS


class Withheld(StrEnum):
    """Why nothing personal is to be seen."""

    SEALED = "sealed"
    """Whoever reads has not asked for the person's key."""
    ERASED = "erased"
    """There is no key any more: the person was erased."""


class Private(Value):
    """The base of what is personal. With `withheld` nothing else is there."""

    withheld: Withheld | None = None


class Sealed(NamedTuple):
    """A sealed object as it stands in an event's bytes, and the event that it was sealed for."""

    event_id: UUID
    stream_id: UUID
    person: str
    number: int
    """Which of the person's keys: each has a number of its own, and there is a new one after an erasure."""
    blob: bytes
    """Base64."""
    start: int
    end: int

    @property
    def person_id(self) -> UUID:
        """Whose it is."""
        return UUID(self.person)


Opener: TypeAlias = Callable[[Sealed], bytes]
"""Gives the JSON object that was sealed. Raises `MalformedEvent` for one that was altered or moved."""


class _Place(msgspec.Struct, gc=False):
    id: UUID
    subject: UUID


_place_of = msgspec.json.Decoder(_Place).decode

# Quotes inside of a JSON text are escaped, so that no text of anybody can look like this.
_SEALED: Final = re.compile(
    rb'"private"\s*:\s*(\{\s*"person"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"'
    rb'\s*,\s*"key"\s*:\s*([0-9]{1,18})\s*,\s*"sealed"\s*:\s*"([A-Za-z0-9+/=]*)"\s*\})'
)
_WITHHELD: Final = {why: f'{{"withheld":"{why.value}"}}'.encode() for why in Withheld}


def sealed_object(person_id: UUID, number: int, blob: bytes) -> str:
    """The JSON of an object that was sealed with one of a person's keys; `blob` is Base64."""
    return f'{{"person":"{person_id}","key":{number},"sealed":"{blob.decode()}"}}'


@cache
def may_be_private(type_name: str) -> bool:
    """Whether events of this type have a `private`: nobody needs to look for one in all others."""
    while type_name in UPCASTERS:
        type_name = UPCASTERS[type_name][0]
    return "private" in getattr(FACTS.get(type_name), "model_fields", ())


def find_sealed(raw: bytes) -> Sealed | None:
    """The sealed object in an event's bytes, None when there is none. Raises `msgspec.MsgspecError`."""
    found = _SEALED.search(raw)
    return None if found is None else _sealed(found, _place_of(raw))


def find_sealed_in_data(data: bytes, event_id: UUID, stream_id: UUID) -> Sealed | None:
    """The same in the data alone, of an event whose envelope is known."""
    found = _SEALED.search(data)
    return None if found is None else _sealed(found, _Place(event_id, stream_id))


def _sealed(found: re.Match[bytes], place: _Place) -> Sealed:
    return Sealed(place.id, place.subject, found[2].decode(), int(found[3]), found[4], *found.span(1))


def put_in_place(raw: bytes, sealed: Sealed, clear: bytes) -> bytes:
    """The bytes with a JSON object in the place of the sealed one."""
    return raw[: sealed.start] + clear + raw[sealed.end :]


def withhold(_sealed: Sealed) -> bytes:
    """An `Opener` without keys."""
    return _WITHHELD[Withheld.SEALED]


def erased(_sealed: Sealed) -> bytes:
    """An `Opener` for what cannot be opened any more."""
    return _WITHHELD[Withheld.ERASED]
