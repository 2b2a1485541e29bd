"""Parked events in words and in JSON."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from drumbeat.projections.dead_letters import Parked, StillParked
from drumbeat.transport.record_headers import CONTENT_TYPE, POSITION, STRUCTURED, TYPE

_LONGEST_ON_A_LINE = 160


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a stream that was to be tried again. `parked` says what of it waits, and why."""

    stream_id: UUID
    tried: bool
    parked: tuple[StillParked, ...]

    def line(self) -> str:
        """For people."""
        if not self.tried:
            return f"{self.stream_id}  not tried yet: no projector has taken it up. It will, once it runs"
        if not self.parked:
            return f"{self.stream_id}  applied"
        told = "; ".join(f"{one.projection} ({one.events:,}): {_short(one.error)}" for one in self.parked)
        return f"{self.stream_id}  still parked for {told}"

    def document(self) -> dict[str, Any]:
        """For programs."""
        outcome = "not_tried" if not self.tried else "parked" if self.parked else "applied"
        return {
            "stream_id": str(self.stream_id),
            "outcome": outcome,
            "parked": [
                {"projection": one.projection, "events": one.events, "error": one.error} for one in self.parked
            ],
        }


def line(one: Parked) -> str:
    """One on one line."""
    place = one.partition if one.offset is None else f"{one.partition}@{one.offset}"
    behind = f"  {one.behind:,} behind it" if one.behind else ""
    tried = f"  tried {one.attempts} times" if one.attempts else ""
    subject = f"{one.type}  {one.stream_id}" if one.stream_id is not None else one.type or "–"
    return (
        f"{one.id:>7}  {one.kind:<8}{one.projection:<16}{place:<8}  {one.position:>9}  {subject}  "
        f"since {one.parked_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}{tried}{behind}  {_short(one.error)}"
    )


def lines(one: Parked) -> list[str]:
    """One for people, with what its bytes say."""
    facts = {name.replace("_", " "): value for name, value in document(one).items() if value is not None}
    return [*(f"{name:<16}{value}" for name, value in facts.items()), "", _text(one.bytes)]


def document(one: Parked) -> dict[str, Any]:
    """One for programs, without its bytes."""
    return {
        "id": one.id,
        "kind": one.kind,
        "projection": one.projection,
        "partition": one.partition,
        "offset": one.offset,
        "position": one.position,
        "stream_id": None if one.stream_id is None else str(one.stream_id),
        "type": one.type,
        "error": one.error,
        "recorded_at": one.recorded_at.isoformat(),
        "parked_at": one.parked_at.isoformat(),
        "attempts": one.attempts,
        "behind": one.behind,
        "retry_at": None if one.retry_at is None else one.retry_at.isoformat(),
        "published_at": None if one.published_at is None else one.published_at.isoformat(),
    }


def whole(one: Parked) -> dict[str, Any]:
    """The same with its bytes, and with the event that they hold if they do."""
    return document(one) | {"record": _json_in(one.bytes), "record_base64": base64.b64encode(one.bytes).decode()}


def exported(one: Parked) -> dict[str, Any]:
    """All that is known of one, and nothing that depends on others; as if to be written to a topic again."""
    known = document(one)
    del known["behind"]
    headers = (
        {} if not one.type else {POSITION: str(one.position), TYPE: one.type, CONTENT_TYPE: STRUCTURED.decode()}
    )
    return known | {"headers": headers, "record_base64": base64.b64encode(one.bytes).decode()}


def named(one: Parked) -> dict[str, Any]:
    """What tells one from all others in a log record, without what may be personal."""
    return {
        "id": one.id,
        "partition": one.partition,
        "offset": one.offset,
        "position": one.position,
        "problem": one.error,
        "bytes": len(one.bytes),
        "sha256": hashlib.sha256(one.bytes).hexdigest(),
    }


def _json_in(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _text(raw: bytes) -> str:
    found = _json_in(raw)
    return repr(raw) if found is None else json.dumps(found, indent=2, ensure_ascii=False)


def _short(error: str | None) -> str:
    told = " ".join((error or "waits").split())
    return told if len(told) <= _LONGEST_ON_A_LINE else told[: _LONGEST_ON_A_LINE - 1] + "…"
