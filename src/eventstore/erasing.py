"""Destroy a person's key in the transaction that appends what tells of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent

from drumbeat.commands.ledger import KnownPerson, Once
from drumbeat.eventstore.calls import append_many
from drumbeat.eventstore.connections import LogConnection
from drumbeat.eventstore.keeping import keep_key
from drumbeat.eventstore.packing import sorted_by_stream
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")

PlanStored: TypeAlias = Callable[[KnownPerson], tuple[Sequence[StoredEvent], Once | None]]


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of it. Not `done`: the idempotency key was taken, and nothing has changed."""

    done: bool
    positions: Sequence[int]
    once: Once | None


def erase(connection: LogConnection, person_id: UUID, plan: PlanStored) -> Erased:
    """See `commands.ledger.Ledger.erase`. Raises psycopg's errors and what `plan` raises; then nothing changed.

    No position is assigned before appends about the person are over: readers of the log wait for none of it.
    """
    done = False
    positions: Sequence[int] = ()
    once: Once | None = None
    with connection.transaction() as transaction:
        known = connection.execute(_SQL["destroy_person_key"], [person_id], binary=True).fetchone()
        assert known is not None
        stored, once = plan(KnownPerson(*known))
        _, ordered = sorted_by_stream(stored)
        if not keep_key(connection, ordered, once):
            raise psycopg.Rollback(transaction)
        positions = append_many(connection, ordered) if ordered else ()
        done = True
    return Erased(done, positions, once)
