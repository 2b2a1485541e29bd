"""Events in PostgreSQL's binary formats, packed in one go: as arrays for a statement, as rows for COPY.

psycopg adapts a list value by value; over four arrays that is most of a client's work for an append.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from drumbeat.access.person_keys import PersonKeys

_HEADER: Final = struct.Struct(">iiI")
_DIMENSION: Final = struct.Struct(">ii")
_LENGTH: Final = struct.Struct(">i")
_INT4: Final = struct.Struct(">ii")
_INT8: Final = struct.Struct(">iq").pack
_UUID_LENGTH: Final = _LENGTH.pack(16)


class PackedArray:
    """A one-dimensional array without nulls, packed; psycopg passes it on as it is."""

    __slots__ = ("packed",)
    element_oid: ClassVar[int]
    array_oid: ClassVar[int]

    def __init__(self, count: int, elements: bytes) -> None:
        """`elements` is each element's length and bytes, one after the other."""
        # An empty array has no dimension.
        shape = _DIMENSION.pack(count, 1) if count else b""
        self.packed = _HEADER.pack(len(shape) // 8, 0, self.element_oid) + shape + elements


class UuidArray(PackedArray):
    """uuid[]"""

    element_oid, array_oid = 2950, 2951

    @classmethod
    def of(cls, ids: Sequence[UUID]) -> "UuidArray":
        """Ids, packed."""
        return cls(len(ids), b"".join([_UUID_LENGTH + one.bytes for one in ids]))


class IntegerArray(PackedArray):
    """integer[]"""

    element_oid, array_oid = 23, 1007

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "IntegerArray":
        """Numbers, packed."""
        return cls(len(numbers), b"".join([_INT4.pack(4, number) for number in numbers]))


class BigintArray(PackedArray):
    """bigint[]"""

    element_oid, array_oid = 20, 1016

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "BigintArray":
        """Numbers, packed."""
        return cls(len(numbers), b"".join([_INT8(8, number) for number in numbers]))


class TextArray(PackedArray):
    """text[]"""

    element_oid, array_oid = 25, 1009

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TextArray":
        """Texts, packed."""
        length, encoded = _LENGTH.pack, [text.encode() for text in texts]
        return cls(len(encoded), b"".join([length(len(text)) + text for text in encoded]))


class BytesArray(PackedArray):
    """bytea[]"""

    element_oid, array_oid = 17, 1001


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PackedArray) -> Buffer | None:
        return obj.packed


def _register(array: type[PackedArray]) -> None:
    dumper = type(f"{array.__name__}Dumper", (_PackedDumper,), {"oid": array.array_oid})
    psycopg.adapters.register_dumper(array, dumper)


for _array in (UuidArray, IntegerArray, BigintArray, TextArray, BytesArray):
    _register(_array)


def as_arrays(events: Sequence[StoredEvent]) -> tuple[UuidArray, IntegerArray, TextArray, BytesArray]:
    """Events as the four arrays of the append functions."""
    length = _LENGTH.pack
    return (
        UuidArray.of([uuid_of(event) for event in events]),
        IntegerArray.of([event.originator_version for event in events]),
        TextArray.of([event.topic for event in events]),
        BytesArray(len(events), b"".join([length(len(event.state)) + event.state for event in events])),
    )


def as_held(keys: PersonKeys) -> tuple[UuidArray, BigintArray]:
    """Persons and their keys' numbers as the two arrays of the functions that hold keys."""
    return UuidArray.of(keys.persons), BigintArray.of(keys.numbers)


_COPY_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"
_ROW_HEAD: Final = struct.pack(">hi", 4, 16)
_ROW_MIDDLE: Final = struct.Struct(">iii")
_ROWS_PER_CHUNK: Final = 200


def as_copy(events: Sequence[StoredEvent]) -> Iterator[bytes]:
    """Events as the body of a binary COPY into (stream_id, version, type, bytes), in chunks."""
    yield _COPY_SIGNATURE
    middle, length = _ROW_MIDDLE.pack, _LENGTH.pack
    for start in range(0, len(events), _ROWS_PER_CHUNK):
        rows: list[bytes] = []
        for event in events[start : start + _ROWS_PER_CHUNK]:
            name = event.topic.encode()
            rows += (
                _ROW_HEAD,
                uuid_of(event).bytes,
                middle(4, event.originator_version, len(name)),
                name,
                length(len(event.state)),
                event.state,
            )
        yield b"".join(rows)
    yield _COPY_TRAILER


def uuid_of(event: StoredEvent) -> UUID:
    """The stream of a stored event; the library allows text there, and this log does not."""
    if isinstance(event.originator_id, UUID):
        return event.originator_id
    return UUID(event.originator_id)


def in_stream_order(events: Sequence[StoredEvent]) -> list[int] | None:
    """The indexes of events sorted by stream, each stream's events in their order; None when they are so already.

    Appends over the same streams then wait for each other at the first one, instead of deadlocking.
    """
    if len(events) < 2 or all(e.originator_id == events[0].originator_id for e in events):
        return None
    return sorted(range(len(events)), key=lambda index: uuid_of(events[index]).int)


def sorted_by_stream(events: Sequence[StoredEvent]) -> tuple[list[int] | None, Sequence[StoredEvent]]:
    """The order of `in_stream_order`, and the events in it."""
    order = in_stream_order(events)
    return order, events if order is None else [events[index] for index in order]
