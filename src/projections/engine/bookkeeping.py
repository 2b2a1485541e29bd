"""How far each projection is, and what it could not apply. Tables: `projections/sql/migrations`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from drumbeat.eventstore.migrations import MigrationSet
from drumbeat.eventstore.sql.queries import load_queries
from drumbeat.projections.engine.table import Cursor

SQL = load_queries(Path(__file__).with_name("bookkeeping.sql"))

READMODEL = MigrationSet("readmodel", Path(__file__).parent.parent / "sql" / "migrations")
"""The bookkeeping tables; in the read database, which need not be the ledger's."""

GENERATION = "gen_1"
"""The schema that holds the read models' tables. Readers use the views in `live`."""


class CheckpointMoved(Exception):
    """Another projector applied these events first; this one reads its checkpoints again."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to `position` is in the rows. `last_event_id` is the event there, if it was readable."""

    position: int
    last_event_id: UUID | None


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that a projection did not apply: it failed with `error`, or waits behind one that did (None)."""

    projection: str
    position: int
    stream_id: UUID | None
    type: str
    bytes: bytes
    error: str | None


@dataclass(slots=True)
class ParkedStreams:
    """Which streams wait, by projection. Written by the projector, after the commit that parked them."""

    count: int = 0
    _waiting: dict[UUID, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waiting_for(self, stream_id: UUID) -> Collection[str]:
        """The projections for which this stream's events wait."""
        return self._waiting.get(stream_id, ())

    def note(self, parked: Iterable[ParkedEvent]) -> None:
        """These are in the table now."""
        for event in parked:
            self.count += 1
            if event.stream_id is not None:
                self._waiting.setdefault(event.stream_id, set()).add(event.projection)


def read_checkpoints(cursor: Cursor, generation: str) -> Mapping[str, Checkpoint]:
    """The checkpoints of a generation, by projection."""
    rows = cursor.execute(SQL["checkpoints"], [generation]).fetchall()
    return {name: Checkpoint(position, event_id) for name, position, event_id in rows}


def move_checkpoints(
    cursor: Cursor,
    generation: str,
    projections: Collection[str],
    *,
    before: int,
    after: Checkpoint,
    recorded_at: datetime,
) -> None:
    """Move the checkpoints from one position to another. Raises `CheckpointMoved` when one stands elsewhere."""
    arguments = {
        "generation": generation,
        "projections": list(projections),
        "before": before,
        "position": after.position,
        "last_event_id": after.last_event_id,
        "recorded_at": recorded_at,
    }
    if cursor.execute(SQL["move_checkpoints"], arguments).rowcount != len(projections):
        raise CheckpointMoved(f"a checkpoint of {', '.join(projections)} is not at {before} any more")


def read_parked(cursor: Cursor, generation: str) -> ParkedStreams:
    """Who waits, as the table says."""
    parked = ParkedStreams()
    for name, stream_id in cursor.execute(SQL["parked_streams"], [generation]).fetchall():
        parked._waiting.setdefault(stream_id, set()).add(name)
    (parked.count,) = cursor.execute(SQL["count_parked"], [generation]).fetchone() or (0,)
    return parked


def park(cursor: Cursor, generation: str, events: Iterable[ParkedEvent]) -> None:
    """Set events aside, in the transaction that moves the checkpoint past them."""
    cursor.executemany(
        SQL["park"],
        [(generation, e.projection, e.position, e.stream_id, e.type, e.bytes, e.error) for e in events],
    )
