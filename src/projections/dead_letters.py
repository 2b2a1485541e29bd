"""What is parked, for those who look after it. Nothing here applies an event: that is the projector's alone.

An error of Postgres comes as `ReadModelsUnavailable`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import READMODEL, Kind
from drumbeat.queries import load_queries

SQL = load_queries(Path(__file__).with_name("dead_letters.sql"))

_EXPORTED_AT_ONCE = 50
"""Rows; each may be as large as an event may be."""


class ReadModelsUnavailable(Exception):
    """The read database cannot be reached now."""


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that a projection did not apply, or a record that is no event of ours, as the table has it.

    `error` None: nothing is wrong with it, it waits behind an earlier one. `behind`: how many wait behind it.
    """

    id: int
    kind: str
    projection: str
    partition: str
    next_offset: int | None
    position: int
    stream_id: UUID | None
    type: str
    bytes: bytes
    error: str | None
    recorded_at: datetime
    parked_at: datetime
    attempts: int
    retry_at: datetime | None
    published_at: datetime | None
    behind: int

    @property
    def offset(self) -> int | None:
        """Where the record stands in its partition; None in the log, and of what came from the log instead."""
        return None if self.next_offset is None or self.next_offset < 1 else self.next_offset - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which parked events are meant; None: all."""

    projection: str | None = None
    stream_id: UUID | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What was marked to be tried again: the attempts so far by id, and the streams."""

    attempts: Mapping[int, int]
    stream_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class StillParked:
    """What still waits of a stream for one projection, and today's reason."""

    stream_id: UUID
    projection: str
    events: int
    error: str | None


class DeadLetters:
    """The parked events of the generations that are read, over one connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def streams(self, choice: Choice) -> list[Parked]:
        """The first event of each parked stream and projection, and every record of nobody's, in log order."""
        return [Parked(*row) for row in self._connection.execute(SQL["listed"], _arguments(choice))]

    def one(self, parked_id: int) -> Parked | None:
        """One of them, by its id."""
        row = self._connection.execute(SQL["one"], {"id": parked_id}).fetchone()
        return None if row is None else Parked(*row)

    def everything(self, choice: Choice) -> Iterator[Parked]:
        """All of them as of now, in the order in which they came; however many, a few are held in memory."""
        with self._connection.transaction(), self._connection.cursor("everything") as cursor:
            cursor.itersize = _EXPORTED_AT_ONCE
            for row in cursor.execute(SQL["everything"], _arguments(choice)):
                yield Parked(*row)

    def counts(self) -> dict[str, int]:
        """How many streams are parked, by the kind of what holds them up."""
        return dict(self._connection.execute(SQL["counted"]).fetchall())

    def mark(self, stream_id: UUID | None) -> Marked:
        """Ask for a stream, or all (None), to be tried again by the projector that owns it."""
        arguments = {"stream_id": stream_id}
        rows = self._connection.execute(SQL["mark"], arguments).fetchall()
        return Marked({row[0]: row[2] for row in rows}, sorted({row[1] for row in rows}))

    def not_tried(self, marked: Marked) -> frozenset[UUID]:
        """The streams that no projector has dealt with since they were marked."""
        arguments = {"ids": list(marked.attempts), "attempts": list(marked.attempts.values())}
        return frozenset(row[0] for row in self._connection.execute(SQL["not_tried"], arguments))

    def still_parked(self, stream_ids: Sequence[UUID]) -> list[StillParked]:
        """What of these streams waits now."""
        arguments = {"stream_ids": list(stream_ids)}
        return [StillParked(*row) for row in self._connection.execute(SQL["reasons"], arguments)]

    def dismiss(self, parked_id: int) -> bool:
        """Take out a record that is no event of ours. False: there is none, or it is an event."""
        arguments = {"id": parked_id}
        return self._connection.execute(SQL["dismiss"], arguments).fetchone() is not None


@contextmanager
def dead_letters(database_url: str) -> Iterator[DeadLetters]:
    """The parked events of a read database. Raises `ReadModelsUnavailable`, `SchemaMismatch`."""
    try:
        with closing(open_connection(database_url, settings={"timezone": "UTC"}, role=Role.PROJECT)) as connection:
            READMODEL.check(connection)
            yield DeadLetters(connection)
    except psycopg.OperationalError as error:
        raise ReadModelsUnavailable(f"the read database does not answer: {error}") from error


def _arguments(choice: Choice) -> dict[str, Any]:
    return {
        "projection": choice.projection,
        "stream_id": choice.stream_id,
        "kind": None if choice.kind is None else choice.kind.value,
    }
