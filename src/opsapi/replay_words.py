"""A step of a replay, for people on a few lines and for programs on one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from drumbeat.events import Fact
from drumbeat.events.private import Withheld
from drumbeat.opsapi.replaying import Step
from drumbeat.projections.differences import Difference, differences, document_of
from drumbeat.projections.history import REASONS
from drumbeat.projections.in_memory import CounterChange, RowChange

_ALWAYS_CHANGE = frozenset({"position", "version", "changed_at"})
"""Columns that say which event was the last: known from the event itself."""
_LONGEST = 160


def as_json(step: Step) -> str:
    """A step as one JSON document on one line."""
    return json.dumps(document(step), ensure_ascii=False)


def document(step: Step) -> dict[str, Any]:
    """A step as plain values."""
    event = step.event
    return {
        "position": step.position,
        "recorded_at": _instant(step.recorded_at),
        "time": _instant(event.time),
        "stream": event.fact.TYPE.partition(".")[0],
        "stream_id": str(event.stream_id),
        "version": event.stream_version,
        "campaign_id": None if event.campaign_id is None else str(event.campaign_id),
        "type": event.fact.TYPE,
        "actor": event.actor,
        "via": event.via,
        "cause": event.cause.value,
        "reason": reason_of(event.fact),
        "event_id": str(event.id),
        "correlation_id": str(event.correlation_id),
        "causation_id": None if event.causation_id is None else str(event.causation_id),
        "data": _data(event.fact),
        "state": [one._asdict() for one in step.state],
        "rows": [_row(one) for one in step.rows],
        "counters": [_counter(one) for one in step.counters],
    }


def _data(fact: Fact) -> dict[str, Any]:
    told = fact.model_dump(mode="json", exclude_none=True)
    private = getattr(fact, "private", None)
    if private is not None and private.withheld is not None:
        told["private"] = {"withheld": private.withheld.value}
    return told


def _row(change: RowChange) -> dict[str, Any]:
    return {
        "projection": change.projection.name,
        "table": change.table,
        "change": kind_of(change),
        "key": _key_of(change),
        "columns": [one._asdict() for one in columns_of(change)],
    }


def _counter(change: CounterChange) -> dict[str, Any]:
    key = msgspec.to_builtins(change.key)
    return {"projection": change.projection.name, "table": change.table, "key": list(key), "by": change.by}


def kind_of(change: RowChange) -> str:
    """added, changed, removed; appended to a log."""
    if change.key_columns == 0:
        return "appended"
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "changed"


def columns_of(change: RowChange) -> list[Difference]:
    """The columns that differ, those of the key left out."""
    before, after = (
        None if row is None else document_of(row, change.projection) for row in (change.before, change.after)
    )
    key = _key_of(change)
    return [one for one in differences(before, after) if one.field.partition(".")[0] not in key]


def _key_of(change: RowChange) -> dict[str, Any]:
    row = change.after if change.after is not None else change.before
    assert row is not None
    names = row.__struct_fields__[: change.key_columns]
    told: dict[str, Any] = msgspec.to_builtins({name: getattr(row, name) for name in names})
    return told


def reason_of(fact: Fact) -> str | None:
    """Why it was done, where the fact says so: a reason, and what was noted beside it."""
    said = [getattr(fact, name, None) for name in (*REASONS, "note")]
    return ": ".join(str(one) for one in said if one) or None


def as_lines(step: Step) -> list[str]:
    """A step for people: when and what, who and why, then what changed. What only says that there was an event is
    left out."""
    event = step.event
    via = "" if event.via is None else f", via {event.via}"
    moment = event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [
        f"{step.position}  {moment}  {event.fact.TYPE}",
        f"    stream    {event.stream_id}/{event.stream_version}",
        f"    who       {event.actor} ({event.cause.value}{via})",
    ]
    reason = reason_of(event.fact)
    if reason is not None:
        lines.append(f"    why       {reason}")
    private = getattr(event.fact, "private", None)
    if private is not None and private.withheld is not None:
        words = "erased" if private.withheld is Withheld.ERASED else "sealed"
        lines.append(f"    personal  {words}")
    lines += [f"    state     {_told(one)}" for one in step.state]
    for change in step.rows:
        lines += _row_lines(change)
    lines += [
        f"    counter   {one.table} {' '.join(str(part) for part in one.key if part != '')} {one.by:+}"
        for one in step.counters
    ]
    return lines


def _row_lines(change: RowChange) -> Iterator[str]:
    columns = [one for one in columns_of(change) if one.field not in _ALWAYS_CHANGE]
    kind = kind_of(change)
    yield f"    row       {change.table} {kind}"
    if kind != "appended" and change.after is not None:
        yield from (f"              {_told(one)}" for one in columns)


def _told(one: Difference) -> str:
    return f"{one.field}: {_value(one.before)} → {_value(one.after)}"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # What would move the cursor or hide a line stays on its line, as it is written.
    shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
