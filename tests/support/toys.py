"""Two small projections that use every shape of the engine, and events that they choke on when asked to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from drumbeat.events.contact import ContactEnrolled, ContactPaused, ContactRemoved, ContactResumed
from drumbeat.events.light import LightEvent
from drumbeat.projections.engine import Derived, Entity, Key, Log, Measures, Projection, Row
from support.contacts import enrolled

HERE = Path(__file__).parent

ENROLLED = enrolled()
POISON = ContactPaused(reason="poison")
"""The tally's fold raises; the log of what was seen has no trouble with it."""
INDIGESTIBLE = ContactPaused(reason="indigestible")
"""The tally's row is refused by Postgres."""
FORGET = ContactRemoved(reason="forget")
"""The tally's row is taken away."""
MARK = ContactResumed()

_refused = {"poison"}


@contextmanager
def cured() -> Iterator[None]:
    """Meanwhile the tally takes what was poison."""
    _refused.discard("poison")
    try:
        yield
    finally:
        _refused.add("poison")


class Tally(Row):
    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    events: int
    note: str
    marks: int
    position: int


class Mark(Row):
    workspace_id: str
    contact_id: UUID
    number: int
    note: str


class Seen(Row):
    position: int
    contact_id: UUID
    note: str


def begun(_row: Tally | None, event: LightEvent[ContactEnrolled], at: int) -> Tally | None:
    assert event.campaign_id is not None
    return Tally(event.workspace_id, event.campaign_id, event.stream_id, 1, event.data.reference, 0, at)


def noted(row: Tally | None, event: LightEvent[ContactPaused], at: int) -> Tally | None:
    if event.data.reason in _refused:
        raise ValueError("this one is not to my taste")
    return counted(row, event, at, note="nul \0" if event.data.reason == "indigestible" else event.data.reason)


def marked(row: Tally | None, event: LightEvent[Any], at: int) -> Tally | None:
    row = counted(row, event, at)
    if row is not None:
        row.marks = (row.marks + 2) % 5
    return row


def counted(row: Tally | None, _event: LightEvent[Any], at: int, note: str | None = None) -> Tally | None:
    if row is not None:
        row.events += 1
        row.position = at
        row.note = row.note if note is None or "\0" in row.note else note
    return row


def forgotten(_row: Tally | None, _event: LightEvent[Any], _at: int) -> Tally | None:
    return None


def measure(row: Tally) -> tuple[tuple[Key, int], ...]:
    return ((("rows",), 1), (("events",), row.events))


def marks_of(row: Tally) -> list[Row]:
    return [Mark(row.workspace_id, row.contact_id, number, row.note) for number in range(row.marks)]


def seen(event: LightEvent[Any], position: int) -> Seen:
    return Seen(position, event.stream_id, event.type)


_FOLDS: dict[type[Any], Any] = {
    ContactEnrolled: begun,
    ContactPaused: noted,
    ContactResumed: marked,
    ContactRemoved: forgotten,
}
TALLY: Entity[Tally] = Entity(
    table="tallies", row=Tally, key_columns=3, folds=_FOLDS, begins_with=frozenset({ContactEnrolled})
)
TALLIES = Projection(
    name="tallies",
    version=1,
    sql=HERE / "toys.sql",
    entities=(TALLY,),
    measures=(Measures(table="toy_counters", of=TALLY, scope=2, columns=("what",), measure=measure),),
    derived=(Derived(table="marks", of=TALLY, row=Mark, key_columns=3, rows=marks_of),),
)
SEEN = Projection(
    name="seen",
    version=1,
    sql=HERE / "toys_seen.sql",
    logs=(Log(table="seen", row=Seen, rows=dict.fromkeys(_FOLDS, seen)),),
)
TABLES = ("tallies", "marks", "toy_counters", "seen")
