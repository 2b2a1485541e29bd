"""Dead letters as records: what a consumer could not apply, with all its bytes, where it stood and why."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

import msgspec

from drumbeat.events.errors import MalformedEvent
from drumbeat.events.ids import DRUMBEAT
from drumbeat.transport.cluster import KafkaUnfit

DEAD_LETTER_TYPE: Final = "drumbeat.dead_letter.v1"
SOURCE: Final = "/drumbeat/projector"
_LONGEST_REASON: Final = 4_000


class DeadLetterTooLarge(KafkaUnfit):
    """Never: the topic of dead letters does not take one of this size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that was set aside. What its bytes did not say is None.

    `source_offset` None: the event came from the log, in the stead of a record that its topic had lost.
    """

    source_topic: str
    source_partition: int
    source_offset: int | None = None
    position: int | None = None
    stream_id: UUID | None = None
    type: str | None = None
    projection: str
    reason: str
    record: bytes

    @property
    def id(self) -> UUID:
        """Follows from the record and the projection: a dead letter that is written twice is known as one."""
        place = f"{self.source_topic}:{self.source_partition}:{self.source_offset}:{self.position}"
        return uuid5(DRUMBEAT, f"dead letter:{place}:{self.projection}")

    @property
    def key(self) -> bytes | None:
        """The key of the record on Kafka: those of one stream stay together."""
        return None if self.stream_id is None else str(self.stream_id).encode()


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    source_topic: str
    source_partition: int
    source_offset: int | None = None
    position: int | None = None
    stream_id: UUID | None = None
    type: str | None = None
    projection: str
    reason: str
    record_base64: bytes


class _Document(msgspec.Struct, frozen=True):
    type: Literal["drumbeat.dead_letter.v1"]
    data: _Data


_decode = msgspec.json.Decoder(_Document).decode


def encode_dead_letter(letter: DeadLetter, now: datetime) -> bytes:
    """The bytes of a dead letter: a CloudEvent; what is not known is left out."""
    known = {
        "source_topic": letter.source_topic,
        "source_partition": letter.source_partition,
        "source_offset": letter.source_offset,
        "position": letter.position,
        "stream_id": None if letter.stream_id is None else str(letter.stream_id),
        "type": letter.type,
        "projection": letter.projection,
        "reason": _told(letter.reason),
        "record_base64": base64.b64encode(letter.record).decode(),
    }
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(letter.id),
        "type": DEAD_LETTER_TYPE,
        "source": SOURCE,
        "time": now.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
        "datacontenttype": "application/json",
        "data": {name: value for name, value in known.items() if value is not None},
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _told(reason: str) -> str:
    # A reason may quote what could not be read: half a character would make the document unreadable, and a long
    # one would make the record larger than the topic takes.
    return reason[:_LONGEST_REASON].encode(errors="backslashreplace").decode()


def decode_dead_letter(raw: bytes) -> DeadLetter:
    """The dead letter that bytes hold. Raises `MalformedEvent`."""
    try:
        data = _decode(raw).data
    except msgspec.MsgspecError as error:
        raise MalformedEvent(DEAD_LETTER_TYPE, str(error)) from error
    return DeadLetter(
        source_topic=data.source_topic,
        source_partition=data.source_partition,
        source_offset=data.source_offset,
        position=data.position,
        stream_id=data.stream_id,
        type=data.type,
        projection=data.projection,
        reason=data.reason,
        record=data.record_base64,
    )
