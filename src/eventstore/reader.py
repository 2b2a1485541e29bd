"""Reading the log in order, in batches, without ever passing a gap that may still be filled."""

import contextlib
import select
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from psycopg import pq

from drumbeat.eventstore.connections import Connection, error_of, open_connection
from drumbeat.eventstore.marks import HighWater, check_server
from drumbeat.eventstore.migrations import LEDGER
from drumbeat.eventstore.roles import Role
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_ROW: Final = struct.Struct(">hiqiqi")
_LENGTH_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 19
IN_ORDER: Final = {
    # Always along the index of positions: with old statistics the planner sorts all that is left of the log.
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "enable_sort": "off",
}
"""Settings of a reader's session."""
BY_STREAM: Final = {
    # Always along the index of streams, and each session by itself: whoever reads so does it beside others.
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": "0",
    "work_mem": "32MB",
}
"""Settings of a session that reads some streams as a whole."""
READ_LOG: Final = _SQL["read_log"]


class LogRow(NamedTuple):
    """One event as the log keeps it. `recorded_at_us` counts microseconds from 2000-01-01 UTC."""

    position: int
    type: str
    bytes: bytes
    recorded_at_us: int

    @property
    def recorded_at(self) -> datetime:
        """When it was written, UTC."""
        return instant(self.recorded_at_us)

    @property
    def partition(self) -> str:
        """The log is one partition."""
        return "log"

    @property
    def next_offset(self) -> int | None:
        """The log has positions only."""
        return None

    @property
    def problem(self) -> str | None:
        """Whatever stands in the log was an event when it was appended."""
        return None


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order of position. `up_to` is where the checkpoint may move to once they are dealt with.

    `up_to` is the last row's position, or what was asked for when there is no row: never above a committed event.
    `high_water` is how far could have been read; `last_event_id` belongs into the checkpoint beside `up_to`.
    """

    rows: Sequence[LogRow]
    up_to: int
    high_water: int

    @property
    def last_event_id(self) -> UUID | None:
        """The id of the last event; None for an empty batch, or when the last bytes are no event."""
        return event_id_of(self.rows[-1].bytes) if self.rows else None


class LogUnavailable(Exception):
    """The database of the log does not answer now."""


class LogRewound(Exception):
    """The log no longer holds, at a checkpoint's position, the event that was read there.

    A server that failed over or was restored from a backup lost events which a reader has already dealt with.
    Going on would pass over what was written in their place: rebuild the read model, or restore it to the same
    moment.
    """

    def __init__(self, position: int, expected: UUID | None, found: UUID | None) -> None:
        held = f"event {found}" if found is not None else "nothing"
        was = f"event {expected}" if expected is not None else "more"
        super().__init__(
            f"the log holds {held} at position {position}, where {was} was read: it was restored or "
            "failed over to an older state, and this reader must not go on"
        )
        self.position = position


class StuckAppender(NamedTuple):
    """A session that has held the appenders' lock for long, and readers with it."""

    pid: int
    seconds: float
    state: str
    query: str


class LogReader:
    """Reads batches over a connection of its own. For one thread.

    Every method raises `LogUnavailable` when the database does not answer; the next call connects anew, begins
    with new marks, and checks that the last event handed out is still there (`LogRewound`).
    """

    def __init__(self, url: str) -> None:
        """Connects at the first call. That one may raise `UnsafeServer`, `SchemaOlder`, `SchemaNewer` too."""
        self._url = url
        self._connection: Connection | None = None
        self._high_water: HighWater | None = None
        self._last_handed_out: tuple[int, UUID] | None = None

    def read(self, after: int, limit: int) -> Batch:
        """The next events above `after`, at most `limit`, none above the high-water mark."""
        with self._session() as (connection, high_water):
            safe = high_water.advance()
            if safe <= after:
                return Batch((), after, safe)
            rows = _copy_out(connection, after, safe, limit)
        if not rows:
            return Batch((), after, safe)
        batch = Batch(rows, rows[-1].position, safe)
        last = batch.last_event_id
        self._last_handed_out = (batch.up_to, last) if last is not None else None
        return batch

    def high_water(self) -> int:
        """The newest safe mark as of now."""
        with self._session() as (_, high_water):
            return high_water.advance()

    def handed_out(self) -> int:
        """The last position that any append was given, committed or not: when it moved, `read` again."""
        with self._session() as (connection, _):
            row = connection.execute(_SQL["handed_out"], prepare=True).fetchone()
            return row[0] if row is not None else 0

    def verify(self, position: int, event_id: UUID) -> None:
        """Check that a checkpoint's last event is still there. Raises `LogRewound`."""
        with self._session() as (connection, _):
            _verify(connection, position, event_id)

    def wait_for_notice(self, timeout_seconds: float) -> bool:
        """Wait until an appender says that it wrote, at most so long. What is said between two calls is kept."""
        with self._session() as (connection, _):
            return any(True for _ in connection.notifies(timeout=timeout_seconds, stop_after=1))

    @property
    def safe_position(self) -> int:
        """The newest safe mark of the last look, without looking again."""
        return self._high_water.position if self._high_water is not None else 0

    @property
    def is_held_up(self) -> bool:
        """Whether an append that is under way keeps later events from being read."""
        return self._high_water is not None and self._high_water.is_waiting

    @property
    def held_up_seconds(self) -> float:
        """For how long one append has kept the high-water mark where it is; 0 when none does."""
        return self._high_water.waited_seconds if self._high_water is not None else 0.0

    def appenders(self) -> list[StuckAppender]:
        """Who holds the appenders' lock now, longest first."""
        with self._session() as (connection, _):
            return [StuckAppender(*row) for row in connection.execute(_SQL["appenders"])]

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._high_water = None

    @contextlib.contextmanager
    def _session(self) -> Iterator[tuple[Connection, HighWater]]:
        try:
            yield self._connected()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise LogUnavailable(f"the log cannot be read: {error}".strip()) from error
        except BaseException:
            # Half a COPY may be left in the connection, and marks die with it.
            self.close()
            raise

    def _connected(self) -> tuple[Connection, HighWater]:
        if self._connection is None or self._high_water is None:
            connection = open_connection(self._url, settings=IN_ORDER, role=Role.READ)
            self._connection = connection
            LEDGER.check(connection)
            check_server(connection)
            connection.execute(_SQL["listen"])
            if self._last_handed_out is not None:
                _verify(connection, *self._last_handed_out)
            self._high_water = HighWater(connection)
        return self._connection, self._high_water


def instant(recorded_at_us: int) -> datetime:
    """A row's `recorded_at_us` as a time."""
    return _POSTGRES_EPOCH + timedelta(microseconds=recorded_at_us)


def microseconds(at: datetime) -> int:
    """A time as `recorded_at_us`."""
    return (at - _POSTGRES_EPOCH) // timedelta(microseconds=1)


class _Identity(msgspec.Struct):
    id: UUID


_identity = msgspec.json.Decoder(_Identity)


def event_id_of(raw: bytes) -> UUID | None:
    """The id of an event, without decoding the rest of it; None for bytes that are no event."""
    try:
        return _identity.decode(raw).id
    except msgspec.MsgspecError:
        return None


def _verify(connection: Connection, position: int, event_id: UUID) -> None:
    row = connection.execute(_SQL["event_at"], [position], binary=True).fetchone()
    found = event_id_of(row[0]) if row is not None else None
    if found != event_id:
        raise LogRewound(position, event_id, found)


def copy_streams(connection: Connection, *, first: UUID, last: UUID, up_to: int) -> list[LogRow]:
    """All events of the streams whose ids are between two, both among them, and none above `up_to`, in order.

    `up_to` has to be a safe mark: below it the log never changes. For a session with the settings `BY_STREAM`.
    Raises psycopg's errors.
    """
    return _copy_rows(connection, _SQL["read_streams"], {"first": str(first), "last": str(last), "up_to": up_to})


def _copy_out(connection: Connection, after: int, up_to: int, limit: int) -> list[LogRow]:
    return _copy_rows(connection, READ_LOG, {"after": after, "up_to": up_to, "limit": limit})


def _copy_rows(connection: Connection, statement: bytes, bounds: Mapping[str, int | str]) -> list[LogRow]:
    # Through libpq itself: psycopg's copy object waits for every row by itself, and takes half of a reader's time.
    libpq = connection.pgconn
    statement %= {name.encode(): str(bound).encode() for name, bound in bounds.items()}
    started = libpq.exec_(statement)
    if started.status != pq.ExecStatus.COPY_OUT:
        raise error_of(connection, started)
    rows: list[LogRow] = []
    names: dict[bytes, str] = {}
    append, unpack, make, get = rows.append, _ROW.unpack_from, tuple.__new__, libpq.get_copy_data
    start = _SIGNATURE_BYTES
    while True:
        size, data = get(1)
        if size == 0:
            _receive_more(libpq)
            continue
        if size < 0:
            break
        if size - start <= _LENGTH_BYTES:
            continue  # the trailer
        message = bytes(data)
        _, _, position, _, recorded_at_us, type_length = unpack(message, start)
        type_start = start + _ROW.size
        type_end = type_start + type_length
        raw_name = message[type_start:type_end]
        name = names.get(raw_name)
        if name is None:
            name = names[raw_name] = raw_name.decode()
        append(make(LogRow, (position, name, message[type_end + _LENGTH_BYTES :], recorded_at_us)))
        start = 0
    while libpq.is_busy():
        _receive_more(libpq)
    while (result := libpq.get_result()) is not None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise error_of(connection, result)
    return rows


def _receive_more(libpq: pq.abc.PGconn) -> None:
    # libpq's own waiting would keep the interpreter's lock: a server that stalls half way would stop every thread.
    poll = select.poll()
    poll.register(libpq.socket, select.POLLIN)
    poll.poll()
    libpq.consume_input()
