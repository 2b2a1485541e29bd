"""The calls that every command makes, through libpq itself: those that append, and those that read a stream.

psycopg's cursor is made for every type and statement; for these calls, whose parameters are bytes already, it
takes two thirds of a client's time. Everything else goes through it as usual.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg import pq

from drumbeat.access.person_keys import PersonKeys
from drumbeat.commands.ledger import Once
from drumbeat.eventstore.connections import LogConnection, error_of
from drumbeat.eventstore.packing import IntegerArray, TextArray, UuidArray, as_arrays, as_held, uuid_of
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_INTEGER: Final = struct.Struct(">i").pack
_ARRAY_HEADER_BYTES: Final = 20
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_TRUE: Final = b"\x01"
_LONG: Final = struct.Struct(">q").pack
_BINARY: Final = {count: [pq.Format.BINARY] * count for count in (1, 2, 3, 4, 5, 6, 9, 11)}


def append_one(connection: LogConnection, event: StoredEvent) -> Sequence[int]:
    """Append a single event; its position. Raises psycopg's errors, as the other calls do."""
    stream_id, version = uuid_of(event).bytes, _INTEGER(event.originator_version)
    result = _call(connection, "append_one", [stream_id, version, event.topic.encode(), event.state])
    return (int.from_bytes(result.get_value(0, 0) or b"", "big"),)


def append_many(connection: LogConnection, events: Sequence[StoredEvent]) -> Sequence[int]:
    """Append events in stream order; their positions."""
    result = _call(connection, "append_many", [array.packed for array in as_arrays(events)])
    return _positions(result.get_value(0, 0) or b"", len(events))


def append_once(connection: LogConnection, events: Sequence[StoredEvent], once: Once) -> Sequence[int] | None:
    """Append events under an idempotency key; their positions, or None when the key is taken."""
    result = _call(connection, "append_once", _key(once) + [array.packed for array in as_arrays(events)])
    positions = result.get_value(0, 0)
    return None if positions is None else _positions(positions, len(events))


def append_held(
    connection: LogConnection, events: Sequence[StoredEvent], once: Once | None, sealed_with: PersonKeys
) -> Sequence[int] | None:
    """Append events about persons whose keys are held meanwhile; else as `append_many`, or `append_once`.

    Raises `KeysGone`.
    """
    held = [array.packed for array in as_held(sealed_with)]
    arrays = [array.packed for array in as_arrays(events)]
    if once is None:
        result = _call(connection, "append_held", [*held, *arrays])
    else:
        result = _call(connection, "append_once_held", [*held, *_key(once), *arrays])
    if result.get_value(0, 0) != _TRUE:
        raise KeysGone
    positions = result.get_value(0, 1)
    return None if positions is None else _positions(positions, len(events))


class KeysGone(Exception):
    """One of the persons was erased since events were sealed: they are to be sealed anew. Nothing was written."""


def _key(once: Once) -> list[bytes | None]:
    return [
        once.workspace_id.encode(),
        once.key.encode(),
        once.request_hash,
        once.answer,
        None if once.expires_at is None else _instant(once.expires_at),
    ]


def select(
    connection: LogConnection,
    name: str,
    stream_id: UUID,
    versions: tuple[int, int],
    limit: int | None,
    of_types: Sequence[str | None],
) -> list[StoredEvent]:
    """Events or snapshots of a stream above one version and up to another, by a statement of `log.sql`."""
    above, up_to = versions
    arguments = [stream_id.bytes, _INTEGER(above), _INTEGER(up_to), None if limit is None else _LONG(limit)]
    arguments += [None if one is None else one.encode() for one in of_types]
    value = (result := _call(connection, name, arguments)).get_value
    return [
        StoredEvent(
            stream_id,
            int.from_bytes(value(row, 1) or b"", "big"),
            (value(row, 2) or b"").decode(),
            value(row, 3) or b"",
        )
        for row in range(result.ntuples)
    ]


class Happened(NamedTuple):
    """Something that was read of a stream: a snapshot of it, or an event."""

    number: int
    """Which of the streams that were asked for, from 0."""
    stream_id: UUID
    is_snapshot: bool
    version: int
    bytes: bytes


def streams_since(connection: LogConnection, asked: Sequence[tuple[UUID, int, str]]) -> list[Happened]:
    """What happened in streams after a version each, in order.

    At version 0 that is the newest snapshot of a type name, and the events since.
    """
    arrays = (
        UuidArray.of([stream_id for stream_id, _, _ in asked]),
        IntegerArray.of([version for _, version, _ in asked]),
        TextArray.of([name for _, _, name in asked]),
    )
    value = (result := _call(connection, "streams_since", [array.packed for array in arrays])).get_value
    found = []
    for row in range(result.ntuples):
        number = int.from_bytes(value(row, 0) or b"", "big") - 1
        version = int.from_bytes(value(row, 2) or b"", "big")
        found.append(Happened(number, asked[number][0], value(row, 1) == _TRUE, version, value(row, 3) or b""))
    return found


def _call(connection: LogConnection, name: str, arguments: Sequence[bytes | None]) -> pq.abc.PGresult:
    return call_prepared(connection, name, _SQL[name], arguments)


def call_prepared(
    connection: LogConnection, name: str, sql: bytes, arguments: Sequence[bytes | None]
) -> pq.abc.PGresult:
    """Run a statement, prepared under a name of its own at first use; all values binary. Raises psycopg's errors.

    The session's own timeouts bound how long it blocks.
    """
    statement = name.encode()
    _prepare(connection, name, sql)
    # Blocks in C without the interpreter's lock.
    result = connection.pgconn.exec_prepared(
        statement,
        cast("Sequence[bytes]", arguments),  # psycopg's annotation forgets that a parameter may be null
        _BINARY[len(arguments)],
        pq.Format.BINARY,
    )
    try:
        return _checked(connection, result)
    except psycopg.errors.InvalidSqlStatementName:
        # psycopg deallocates every statement of a session after a rollback. Nothing was run.
        connection.prepared.clear()
        return call_prepared(connection, name, sql, arguments)


def execute_prepared(
    connection: LogConnection, name: str, sql: bytes, arguments: Sequence[bytes], *, before: bytes
) -> pq.abc.PGresult:
    """As `call_prepared`, after the statements of `before` (each ends with a semicolon), in their transaction.

    One round trip for all. The arguments are literals of SQL, see `quoted`; values come back as text.
    """
    _prepare(connection, name, sql)
    said = before + b"EXECUTE %b(%b)" % (name.encode(), b", ".join(arguments))
    try:
        return _checked(connection, connection.pgconn.exec_(said))
    except psycopg.errors.InvalidSqlStatementName:
        connection.prepared.clear()
        return execute_prepared(connection, name, sql, arguments, before=before)


def quoted(connection: LogConnection, text: str) -> bytes:
    """A text as a literal of SQL. Raises `psycopg.DataError` for one with NUL, which no database holds."""
    raw = text.encode()
    if b"\0" in raw:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return pq.Escaping(connection.pgconn).escape_literal(raw)


def _prepare(connection: LogConnection, name: str, sql: bytes) -> None:
    if name not in connection.prepared:
        _checked(connection, connection.pgconn.prepare(name.encode(), sql))
        connection.prepared.add(name)


def _checked(connection: LogConnection, result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return result
    raise error_of(connection, result)


def _positions(packed: bytes, count: int) -> Sequence[int]:
    if not count:
        return ()
    return struct.unpack_from(">" + "iq" * count, packed, _ARRAY_HEADER_BYTES)[1::2]


def _instant(at: datetime) -> bytes:
    since = at - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return microseconds.to_bytes(8, "big", signed=True)
