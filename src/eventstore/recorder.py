"""The log behind the `eventsourcing` library's recorder contract.

What the library promises of `ApplicationRecorder` holds, but for one thing: concurrent appends do interleave in
the log, because they never wait for one another. Positions rise within an append and within a stream; the log has
gaps where an append failed, and `select_notifications` never shows one that may still be filled.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

from drumbeat.access.person_keys import PersonKeys
from drumbeat.commands.ledger import Appended, KeyReused, Once
from drumbeat.eventstore.calls import KeysGone, append_held, append_many, append_once, append_one, select
from drumbeat.eventstore.connections import Connection, Connections, LogConnection
from drumbeat.eventstore.erasing import PlanStored, erase
from drumbeat.eventstore.keeping import keep_key
from drumbeat.eventstore.packing import as_arrays, as_copy, as_held, sorted_by_stream
from drumbeat.eventstore.reader import LogReader
from drumbeat.eventstore.sql import load_queries
from drumbeat.eventstore.subscription import LogSubscription
from drumbeat.eventstore.wakeups import WakeUps

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_LAST_VERSION: Final = 2**31 - 1


class AlreadyAnswered(Exception):
    """The idempotency key is known: nothing was written, and this is what was answered."""

    def __init__(self, appended: Appended) -> None:
        super().__init__("answered before")
        self.appended = appended


class LogRecorder(ApplicationRecorder):
    """Appends to and reads from the log. Safe for many threads.

    Every method raises the library's `OperationalError` when the database does not answer.
    """

    def __init__(self, connections: Connections, wakeups: WakeUps | None = None) -> None:
        """`wakeups`, when given, hears of every append, so that followers need not wait for their next poll."""
        self._connections = connections
        self._wakeups = wakeups
        self._reader = LogReader(connections.url)
        self._reading = threading.Lock()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        once: Once | None = None,
        sealed_with: PersonKeys | None = None,
        **_: Any,
    ) -> Sequence[int]:
        """Append all or none, in one round trip; the positions, in the order of the events.

        `sealed_with`: the keys of what is personal in the events, held until they are in. Raises the library's
        `IntegrityError` when another writer has written one of the versions or won a deadlock; `AlreadyAnswered`
        and `KeyReused` for a known idempotency key; `KeysGone` when a person was erased meanwhile.
        """
        if not stored_events and once is None:
            return ()
        order, ordered = sorted_by_stream(stored_events)
        with _conflicts, self._connections.use() as connection:
            positions = _insert(connection, ordered, once, sealed_with)
        if positions is None:
            raise self._already_answered(once)
        self._appended()
        if order is None:
            return list(positions)
        return [position for _, position in sorted(zip(order, positions, strict=True))]

    def insert_bulk(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        once: Once | None = None,
        sealed_with: PersonKeys | None = None,
    ) -> int:
        """Append thousands by COPY in one transaction; the greatest position. Raises as `insert_events` does."""
        _, ordered = sorted_by_stream(stored_events)
        with _conflicts, self._connections.use() as connection, connection.transaction():
            _hold(connection, sealed_with)
            position = _copy_in(connection, ordered) if keep_key(connection, ordered, once) else None
        if position is None:
            raise self._already_answered(once)
        self._appended()
        return position

    def erase(self, person_id: UUID, plan: PlanStored) -> int | None:
        """Destroy a person's key and append what is planned; the last position, None without events.

        Raises what `plan` raises, and as `insert_events` does.
        """
        with _conflicts, self._connections.use() as connection:
            erased = erase(connection, person_id, plan)
        if not erased.done:
            raise self._already_answered(erased.once)
        self._appended()
        return max(erased.positions, default=None)

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """What is kept under a key that has not expired. Raises `KeyReused` for another request's."""
        with self._connections.use() as connection:
            row = connection.execute(_SQL["answered"], [workspace_id, key], prepare=True, binary=True).fetchone()
        if row is None:
            return None
        if row[0] != request_hash:
            raise KeyReused(key)
        return Appended((), row[2], row[1])

    def forget_expired_keys(self) -> int:
        """Delete idempotency keys whose time is over; how many there were."""
        with self._connections.use() as connection:
            row = connection.execute(_SQL["forget_expired_keys"]).fetchone()
            return row[0] if row is not None else 0

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream between versions."""
        return _select(self._connections, "stream", originator_id, gt, lte, desc=desc, limit=limit)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events of the log between positions, none above the high-water mark."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        with self._reading:
            up_to = self._reader.high_water()
        return self.select_between(after, up_to if stop is None else min(stop, up_to), limit, topics)

    def select_between(self, after: int, up_to: int, limit: int, topics: Sequence[str]) -> Sequence[Notification]:
        """Events above `after`; `up_to` may not be above a high-water mark that was taken before."""
        arguments: dict[str, Any] = {"after": after, "up_to": up_to, "limit": limit, "types": list(topics)}
        query = _SQL["notifications_of_types" if topics else "notifications"]
        with self._connections.use() as connection:
            rows = connection.execute(query, arguments, binary=True, prepare=True).fetchall()
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """The greatest committed position, None when the log is empty. Not a position that a reader may skip
        to."""
        with self._connections.use() as connection:
            row = connection.execute(_SQL["head"], prepare=True).fetchone()
        return row[0] if row is not None else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Iterate over events above `gt`, waiting for more at the end of the log."""
        return LogSubscription(self, LogReader(self._connections.url), gt, topics)

    def close(self) -> None:
        """Close the reading connection."""
        with self._reading:
            self._reader.close()

    def _appended(self) -> None:
        if self._wakeups is not None:
            self._wakeups.heard()

    def _already_answered(self, once: Once | None) -> Exception:
        assert once is not None
        known = self.answered(once.workspace_id, once.key, once.request_hash)
        # It can only have expired between the two looks: trying again finds it free.
        return AlreadyAnswered(known) if known is not None else IntegrityError("the idempotency key just expired")


class SnapshotRecorder(AggregateRecorder):
    """Keeps states of streams. Safe for many threads."""

    def __init__(self, connections: Connections, *, of_type: str | None = None) -> None:
        """`of_type`: see no snapshots but those of this type name."""
        self._connections = connections
        self._of_type = of_type

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Keep states. Raises the library's `IntegrityError` when one of that version is there."""
        if not stored_events:
            return
        with _conflicts, self._connections.use() as connection:
            connection.execute(_SQL["snapshot_in"], as_arrays(stored_events), prepare=True)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """States of one stream between versions."""
        return _select(
            self._connections,
            "snapshots",
            originator_id,
            gt,
            lte,
            desc=desc,
            limit=limit,
            of_types=[self._of_type],
        )


def _select(
    connections: Connections,
    what: str,
    originator_id: UUID | str,
    gt: int | None,
    lte: int | None,
    *,
    desc: bool,
    limit: int | None,
    of_types: Sequence[str | None] = (),
) -> list[StoredEvent]:
    stream_id = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
    versions = (-1 if gt is None else gt, _LAST_VERSION if lte is None else lte)
    with connections.use() as connection:
        return select(
            connection, f"{what}_{'backward' if desc else 'forward'}", stream_id, versions, limit, of_types
        )


def _insert(
    connection: LogConnection, events: Sequence[StoredEvent], once: Once | None, sealed_with: PersonKeys | None
) -> Sequence[int] | None:
    if sealed_with is not None:
        return append_held(connection, events, once, sealed_with)
    if once is not None:
        return append_once(connection, events, once)
    return append_one(connection, events[0]) if len(events) == 1 else append_many(connection, events)


def _hold(connection: Connection, sealed_with: PersonKeys | None) -> None:
    if sealed_with is None:
        return
    if connection.execute(_SQL["hold_person_keys"], as_held(sealed_with)).fetchone() != (True,):
        raise KeysGone


def _copy_in(connection: Connection, events: Sequence[StoredEvent]) -> int:
    if not events:
        row = connection.execute(_SQL["head"]).fetchone()
        return row[0] or 0 if row is not None else 0
    with connection.cursor().copy(_SQL["copy_in"]) as copy:
        for chunk in as_copy(events):
            copy.write(chunk)
    row = connection.execute(_SQL["last_copied"]).fetchone()
    assert row is not None
    return int(row[0])


class _Conflicts:
    """Another writer's version and a lost deadlock are the same to a caller: load and decide again."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _CONFLICTS):
            raise IntegrityError(str(error)) from error


_CONFLICTS: Final = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
_conflicts: Final = _Conflicts()
