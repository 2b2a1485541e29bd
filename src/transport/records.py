"""Records of our topics as rows, like those of the log; and what cannot be one of ours is named, not raised.

A record of ours has the stream as its key, the stored bytes as its value, and the headers `position`, `type` and
`content-type` (streams/topics).
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from drumbeat.transport.watermarks import WATERMARK_TYPE

_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
POSTGRES_EPOCH_MS: Final = 946_684_800_000
_WATERMARK: Final = sys.intern(WATERMARK_TYPE)

Headers = Sequence[tuple[str, bytes | None]]

HEALED: Final = -1
"""The `next_offset` of a row that came from the log in a record's stead: it moves no offset."""


class KafkaRow(NamedTuple):
    """One record. `recorded_at_us` counts microseconds from 2000-01-01 UTC, in steps of Kafka's milliseconds.

    `problem` says why a record is none of ours; then `position` is that of the record before, and `type` is empty.
    """

    position: int
    type: str
    bytes: bytes
    recorded_at_us: int
    partition: str
    next_offset: int
    problem: str | None = None

    @property
    def recorded_at(self) -> datetime:
        """When the event was written to the log, UTC; of a time that cannot be, the year 2000."""
        try:
            return _POSTGRES_EPOCH + timedelta(microseconds=self.recorded_at_us)
        except OverflowError:
            return _POSTGRES_EPOCH


def name_of(topic: str, number: int) -> str:
    """A partition's name: `drumbeat.contacts/3`."""
    return f"{topic}/{number}"


def split(partition: str) -> tuple[str, int]:
    """Topic and number of a partition's name."""
    topic, _, number = partition.rpartition("/")
    return topic, int(number)


_SUBJECT_STARTS: Final = len('{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000000","subject":"')
_SUBJECT_ENDS: Final = _SUBJECT_STARTS + 36


class _Subject(msgspec.Struct):
    subject: str


_decode_subject = msgspec.json.Decoder(_Subject).decode


def subject_of(raw: bytes) -> bytes | None:
    """The stream that an event's bytes name, 36 characters; None when they name none."""
    if raw.startswith(b'{"specversion":"1.0","id":"') and raw[_SUBJECT_STARTS - 12 : _SUBJECT_STARTS] == (
        b',"subject":"'
    ):
        return raw[_SUBJECT_STARTS:_SUBJECT_ENDS]
    try:
        return _decode_subject(raw).subject.encode()
    except msgspec.MsgspecError:
        return None


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What places an event in its stream, read from its bytes alone."""

    subject: UUID
    streamversion: int


decode_envelope: Final = msgspec.json.Decoder(Envelope).decode
"""Raises `msgspec.MsgspecError`."""

_types: dict[bytes, str] = {}


class Reader:
    """Turns the records of one partition into rows. `position` and `next_offset` stand after the last one.

    Positions rise within a partition, so that a record which does not rise is a repeat and gives no row.
    """

    __slots__ = ("next_offset", "partition", "position")

    def __init__(self, partition: str, position: int, next_offset: int) -> None:
        self.partition = partition
        self.position = position
        self.next_offset = next_offset

    def rows(self, records: Sequence[Any]) -> tuple[list[KafkaRow], KafkaRow | None]:
        """The rows of some records, as the library gives them, and the last watermark behind them."""
        rows: list[KafkaRow] = []
        append, make, partition = rows.append, tuple.__new__, self.partition
        position, mark = self.position, None
        for record in records:
            value, headers = record.value, record.headers
            try:
                # As the relay writes them, in this order; anything else is looked at more slowly.
                (first, raw_position), (second, raw_type), _ = headers
                type_name = _types[raw_type]
                known = first == "position" and second == "type" and _is_position(raw_position)
                known = known and (value[_SUBJECT_STARTS:_SUBJECT_ENDS] == record.key or type_name is _WATERMARK)
                at = int(raw_position) if known else 0
            except (ValueError, KeyError, TypeError, AttributeError):
                known = False
            if not known:
                row = self._looked_at(record, position)
                if row is None:
                    continue
                at, type_name = row.position, row.type
                if row.problem is not None:
                    append(row)
                    mark = None
                    continue
            if at <= position:
                continue
            position = at
            recorded_at_us = (record.timestamp - POSTGRES_EPOCH_MS) * 1000
            row = make(KafkaRow, (at, type_name, value, recorded_at_us, partition, record.offset + 1, None))
            if type_name is _WATERMARK:
                mark = row
            else:
                append(row)
                mark = None
        self.position = position
        if records:
            self.next_offset = records[-1].offset + 1
        return rows, mark

    def _looked_at(self, record: Any, position: int) -> KafkaRow | None:
        problem = problem_of(record.key, record.value, record.headers)
        recorded_at_us = (record.timestamp - POSTGRES_EPOCH_MS) * 1000
        raw = record.value if record.value is not None else b""
        next_offset = record.offset + 1
        if problem is not None:
            return KafkaRow(position, "", raw, recorded_at_us, self.partition, next_offset, problem)
        headers = dict(record.headers)
        raw_type = headers["type"]
        type_name = _WATERMARK if raw_type == _WATERMARK.encode() else sys.intern(raw_type.decode())
        _types[raw_type] = type_name
        return KafkaRow(int(headers["position"]), type_name, raw, recorded_at_us, self.partition, next_offset)


def problem_of(key: bytes | None, value: bytes | None, headers: Headers) -> str | None:
    """Why a record is none of ours; None when it is one."""
    if value is None:
        return "the record has no value"
    named = dict(headers)
    position, type_name = named.get("position"), named.get("type")
    if position is None or type_name is None:
        return "the record has no header `position` or no header `type`"
    if not _is_position(position):
        return f"the header `position` is {position[:40]!r}, but must be a position of the log"
    if not type_name.isascii():
        return f"the header `type` is {type_name[:40]!r}, but must be the name of an event type"
    return None if type_name == _WATERMARK.encode() else _problem_of_event(key, value)


def _is_position(raw: bytes) -> bool:
    return raw.isdigit() and len(raw) <= 18


def _problem_of_event(key: bytes | None, value: bytes) -> str | None:
    subject = subject_of(value)
    if subject is None:
        return "the value is no CloudEvent in JSON that names its stream"
    if subject != key:
        return f"the key is {(key or b'')[:40]!r}, but must be the event's stream, {subject[:40]!r}"
    return None
