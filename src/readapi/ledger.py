"""The log as reads need it: streams, and how far it was at a moment. It may be another server than the others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from drumbeat.access.master_keys import MasterKeys
from drumbeat.access.person_keys import KeysAway, decode_opened, read_keys
from drumbeat.access.sealing import PersonKey
from drumbeat.events import Event, Fact
from drumbeat.events.codec import decode_told
from drumbeat.eventstore.connections import Connections, DatabaseUnavailable, LogConnection
from drumbeat.eventstore.moments import await_appends, position_at
from drumbeat.eventstore.packing import UuidArray
from drumbeat.eventstore.reader import LogRow
from drumbeat.eventstore.roles import Role
from drumbeat.readapi.statements import load
from drumbeat.web.problems import DatabaseAway

SQL = load("ledger")
_OPTIONS = {"default_transaction_read_only": "on", "timezone": "UTC", "statement_timeout": "30s"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log."""

    position: int
    recorded_at: datetime
    event: Event[Fact]


class LedgerReads:
    """Reads streams. Used by all threads of a process; every method raises `DatabaseAway`."""

    def __init__(self, url: str, master: MasterKeys | None, *, connections: int, wait_seconds: float) -> None:
        """`master`: what is personal is opened; without it that is withheld."""
        self._master = master
        self._patience_seconds = wait_seconds
        self._connections = Connections(
            url, limit=connections, patience_seconds=wait_seconds, settings=_OPTIONS, role=Role.READ
        )

    def stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """All events of a workspace's stream, oldest first; none of another's: the log has no other wall."""
        with self.lent() as connection:
            rows = connection.execute(SQL["stream"], {"stream_id": stream_id}).fetchall()
            events = decode_opened(connection, self._master, [raw for *_, raw in rows])
        found = [
            Recorded(position, recorded_at, event)
            for (position, recorded_at, _), event in zip(rows, events, strict=True)
        ]
        return [one for one in found if one.event.workspace_id == workspace_id]

    def whole_streams(
        self, workspace_id: str, stream_ids: Sequence[UUID], *, up_to: int
    ) -> Iterator[list[tuple[int, datetime, Fact]]]:
        """Some of a workspace's streams, each with its events up to a position, oldest first.

        An event is position, time and fact, what is personal withheld. Held are the bytes of all of them.
        """
        with self.lent() as connection:
            cursor = connection.cursor(binary=True)
            asked = {"stream_ids": list(stream_ids), "up_to": up_to}
            rows = cursor.execute(SQL["whole_streams"], asked).fetchall()
        stream: list[tuple[int, datetime, Fact]] = []
        for version, position, raw in rows:
            if version == 1 and stream:
                yield stream
                stream = []
            whose, time, fact = decode_told(raw)
            if whose == workspace_id:
                stream.append((position, time, fact))
        if stream:
            yield stream

    def head(self) -> int:
        """The newest position of the log."""
        with self.lent() as connection:
            row = connection.execute(SQL["head"]).fetchone()
        return int(row[0]) if row else 0

    def recorded_at(self, position: int) -> datetime | None:
        """When the newest event up to a position was recorded; None where there is none."""
        with self.lent() as connection:
            row = connection.execute(SQL["newest"], {"position": position}).fetchone()
        return row[1] if row else None

    def position_at(self, instant: datetime) -> int | None:
        """The highest position with everything at or below it recorded by then, for ever; None: not over yet.

        Waits for appends that are under way, whose events may bear a time before the instant.
        """
        with self.lent() as connection:
            row = connection.execute(SQL["clock"]).fetchone()
            if row is None or instant > row[0]:
                return None
            if not await_appends(connection, patience_seconds=self._patience_seconds):
                raise DatabaseAway("an append holds the log up; try again, or ask for an earlier moment")
            return position_at(connection, instant)

    def lengths(self, stream_ids: Sequence[UUID], up_to: int) -> Mapping[UUID, int]:
        """How many events streams have up to a position, for those that have any."""
        given = {"stream_ids": UuidArray.of(stream_ids), "position": up_to}
        with self.lent() as connection:
            return dict(connection.execute(SQL["lengths"], given, binary=True).fetchall())

    def streams(self, stream_ids: Sequence[UUID], up_to: int) -> list[LogRow]:
        """The events of streams up to a position, as they are kept: sealed, each stream in its order.

        Of whatever workspace. `recorded_at` is not among what is read.
        """
        given = {"stream_ids": UuidArray.of(stream_ids), "position": up_to}
        with self.lent() as connection:
            rows = connection.execute(SQL["streams"], given, binary=True).fetchall()
        return [LogRow(position, type_name, bytes(raw), 0) for position, type_name, raw in rows]

    def keys(self, persons: Collection[str]) -> Mapping[str, PersonKey]:
        """The keys of persons who have one; none without a master key. Implements `AskKeys`."""
        if self._master is None:
            return {}
        with self.lent() as connection:
            return read_keys(connection, self._master, persons)

    def close(self) -> None:
        """End all connections."""
        self._connections.close()

    @contextmanager
    def lent(self) -> Iterator[LogConnection]:
        """A connection that can only read, for one thread. The log has no wall: who reads it asks whose it is."""
        try:
            with self._connections.use() as connection:
                yield connection
        except DatabaseUnavailable as error:
            raise DatabaseAway("the log cannot be reached; try again") from error
        except KeysAway as error:
            raise DatabaseAway("the persons' keys cannot be had; try again") from error
