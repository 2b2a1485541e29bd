"""How far each projection is, and what it could not apply. Tables: `projections/sql/migrations`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from drumbeat.eventstore.migrations import MigrationSet
from drumbeat.projections.engine.table import Cursor
from drumbeat.queries import load_queries
from drumbeat.transport.source import Checkpoint, Places
from drumbeat.transport.texts import as_text

SQL = load_queries(Path(__file__).with_name("bookkeeping.sql"))

READMODEL = MigrationSet("readmodel", Path(__file__).parent.parent / "sql" / "migrations")
"""The bookkeeping tables; in the read database, which need not be the ledger's."""

GENERATION = "gen_1"
"""The schema that holds the read models' tables. Readers use the views in `live`."""

NOBODY = "*"
"""The projection of a record that is no event of ours."""

_MOST_SLOTS = 1_000


class CheckpointMoved(Exception):
    """Another projector applied these events first; this one reads its checkpoints again."""


class Kind(StrEnum):
    """Why an event is parked."""

    POISON = "poison"
    """A projection fails on it."""
    WAITING = "waiting"
    """An earlier one of its stream is parked."""
    GAP = "gap"
    """Events before it are missing."""
    FOREIGN = "foreign"
    """It is no event of ours."""


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that a projection did not apply. `error` says why; None: it waits."""

    projection: str
    kind: Kind
    partition: str
    next_offset: int | None
    position: int
    stream_id: UUID | None
    type: str
    bytes: bytes
    error: str | None
    recorded_at: datetime


@dataclass(slots=True)
class ParkedStreams:
    """Which streams wait, by projection. Written by the projector, after the commit that parked them."""

    count: int = 0
    _waiting: dict[UUID, set[str]] = field(default_factory=dict)
    _behind_a_gap: set[UUID] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waiting_for(self, stream_id: UUID) -> Collection[str]:
        """The projections for which this stream's events wait."""
        return self._waiting.get(stream_id, ())

    def all_wait(self, stream_id: UUID, projections: Iterable[str]) -> bool:
        """Whether this stream's events wait for every one of these projections."""
        return set(projections) <= self._waiting.get(stream_id, set())

    def waits_for_missing(self, stream_id: UUID) -> bool:
        """Whether events of this stream are missing."""
        return stream_id in self._behind_a_gap

    def note(self, parked: Iterable[ParkedEvent]) -> None:
        """These are in the table now."""
        for event in parked:
            self.count += 1
            if event.stream_id is not None:
                self._note(event.projection, event.stream_id, is_gap=event.kind is Kind.GAP)

    def _note(self, projection: str, stream_id: UUID, *, is_gap: bool) -> None:
        self._waiting.setdefault(stream_id, set()).add(projection)
        if is_gap:
            self._behind_a_gap.add(stream_id)


def read_checkpoints(
    cursor: Cursor, generation: str, partitions: Collection[str]
) -> Mapping[str, Mapping[str, Checkpoint]]:
    """The checkpoints of a generation in some partitions, by projection and partition."""
    found: dict[str, dict[str, Checkpoint]] = {}
    for name, partition, *place in cursor.execute(SQL["checkpoints"], [generation, list(partitions)]).fetchall():
        position, event_id, next_offset, recorded_at = place
        found.setdefault(name, {})[partition] = Checkpoint(position, event_id, next_offset, recorded_at)
    return found


def move_checkpoints(
    cursor: Cursor, generation: str, projections: Collection[str], *, before: Places, after: Places
) -> None:
    """Move checkpoints from one place to another. Raises `CheckpointMoved` when one stands elsewhere."""
    partitions = list(after)
    old, new = [before[p] for p in partitions], [after[p] for p in partitions]
    arguments = {
        "generation": generation,
        "projections": list(projections),
        "partitions": partitions,
        "before": [place.position for place in old],
        "before_offsets": [place.next_offset for place in old],
        "positions": [place.position for place in new],
        "event_ids": [place.last_event_id for place in new],
        "offsets": [place.next_offset for place in new],
        "recorded": [place.recorded_at for place in new],
    }
    # Fetched, since only then a pipeline waits for the answer: nothing is written after a lost race.
    moved = cursor.execute(SQL["move_checkpoints"], arguments, prepare=True).fetchall()
    if len(moved) != len(projections) * len(partitions):
        where = ", ".join(f"{p} at {place.position}" for p, place in zip(partitions, old, strict=True))
        raise CheckpointMoved(f"a checkpoint of {', '.join(projections)} is not where it was left: {where}")


def take_slot(cursor: Cursor) -> int:
    """A small number that no other projector of these read models has, until the cursor's session ends.

    It names this projector's own share of every counter, so that projectors do not wait for one another's.
    """
    for slot in range(_MOST_SLOTS):
        (is_mine,) = cursor.execute(SQL["try_slot"], [slot]).fetchone() or (False,)
        if is_mine:
            return slot
    raise RuntimeError(f"more than {_MOST_SLOTS} projectors on one database")


def read_parked(cursor: Cursor, generation: str, partitions: Sequence[str]) -> ParkedStreams:
    """Who waits, as the table says."""
    parked = ParkedStreams()
    for name, stream_id, is_gap in cursor.execute(SQL["parked_streams"], [generation, partitions]).fetchall():
        parked._note(name, stream_id, is_gap=is_gap)
    (parked.count,) = cursor.execute(SQL["count_parked"], [generation, partitions]).fetchone() or (0,)
    return parked


def park(cursor: Cursor, generation: str, events: Iterable[ParkedEvent]) -> None:
    """Set events aside, in the transaction that moves the checkpoint past them."""
    cursor.executemany(
        SQL["park"],
        [
            {
                "generation": generation,
                "projection": e.projection,
                "kind": e.kind.value,
                "partition": e.partition,
                "next_offset": e.next_offset,
                "position": e.position,
                "stream_id": e.stream_id,
                "type": as_text(e.type),
                "bytes": e.bytes,
                "error": None if e.error is None else as_text(e.error),
                "recorded_at": e.recorded_at,
            }
            for e in events
        ],
    )
