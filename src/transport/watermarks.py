"""Watermarks: what the relay writes into every partition, so that quiet ones advance too.

A watermark with position P says: everything at or below P is published, in every topic. It is a CloudEvent like
the events between which it stands, without a key.
"""

from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID, uuid5

import msgspec

from drumbeat.events.errors import MalformedEvent
from drumbeat.events.ids import DRUMBEAT

WATERMARK_TYPE: Final = "drumbeat.watermark.v1"
SOURCE: Final = "/drumbeat/relay"


class _Data(msgspec.Struct, frozen=True, gc=False):
    position: int


class _Document(msgspec.Struct, frozen=True, gc=False):
    type: Literal["drumbeat.watermark.v1"]
    data: _Data


_decode = msgspec.json.Decoder(_Document).decode


def watermark(position: int, now: datetime) -> bytes:
    """The bytes of a watermark. Its id follows from its position: a repeated watermark is known as one."""
    time = now.astimezone(UTC).isoformat(timespec="microseconds")[:-6]
    return (
        f'{{"specversion":"1.0","id":"{watermark_id(position)}","type":"{WATERMARK_TYPE}","source":"{SOURCE}",'
        f'"time":"{time}Z","datacontenttype":"application/json","data":{{"position":{position}}}}}'
    ).encode()


def watermark_id(position: int) -> UUID:
    """The id of the watermark of a position."""
    return uuid5(DRUMBEAT, f"watermark:{position}")


def position_of(raw: bytes) -> int:
    """The position up to which a watermark says that all is published. Raises `MalformedEvent`."""
    try:
        return _decode(raw).data.position
    except msgspec.MsgspecError as error:
        raise MalformedEvent(WATERMARK_TYPE, str(error)) from error
