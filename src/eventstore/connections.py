"""Connections to the database of the log, lent to one thread at a time."""

import select
import threading
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg import pq
from psycopg.errors import error_from_result

from drumbeat.eventstore.roles import Role, as_role, unusable

Connection = psycopg.Connection[tuple[Any, ...]]


class LogConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that remembers which calls it has prepared (see `calls`)."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Made by `open_connection`."""
        super().__init__(*arguments, **named)
        self.prepared: set[str] = set()
        self._incoming = select.poll()
        self._incoming.register(self.pgconn.socket, select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether an idle connection is as it was left: the end of its server can be read from it."""
        return not self.closed and not self._incoming.poll(0)


BOUNDED: Final[Mapping[str, str]] = {
    # A stuck appender holds its mark, and every reader with it, no longer than this.
    "transaction_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",
    # Statements are look-ups by key: to plan one anew for its arguments takes longer than to run it.
    "plan_cache_mode": "force_generic_plan",
}
"""Settings of every session that appends."""

_OLDEST_SERVER: Final = 170000
NO_DATABASE: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""Later: the database is away, full, stopping, standing by, or ended our transaction for another's sake."""


def said_when_away(error: BaseException) -> str | None:
    """One line about a database that is away or full; None when the error is about something else."""
    if not isinstance(error, NO_DATABASE):
        return None
    # What stands below the first line is for whoever wrote the statement.
    said = (error.diag.message_primary or str(error)).strip().partition("\n")[0]
    if isinstance(error, psycopg.errors.DiskFull):
        return f"the database's disk is full: {said}; nothing is lost: make room, and give the same command again"
    return f"the database went away: {said}"


class UnsafeServer(Exception):
    """The server breaks an assumption that the order of the log stands on; the message names it."""


class DatabaseUnavailable(OperationalError):
    """The database does not answer; the next call tries anew. The library's `OperationalError` too."""


class Connections:
    """Lends at most `limit` connections; a thread waits up to `patience_seconds` for one. Safe for many threads.

    A database that went away is found again by the next caller: connections that died while idle are noticed
    before they are used, and one that dies in use takes the idle ones with it. Every failure to reach the database
    is the library's `OperationalError`; what was under way may or may not have taken effect. Not inherited by
    forks.
    """

    def __init__(
        self,
        url: str,
        *,
        limit: int = 16,
        patience_seconds: float = 10.0,
        settings: Mapping[str, str] = BOUNDED,
        role: Role | None = Role.WRITE,
    ) -> None:
        """Nothing is connected yet. Every connection is `role` from its first statement on."""
        self.url = url
        self._role = role
        self._patience_seconds = patience_seconds
        self._settings = dict(settings)
        self._idle: deque[LogConnection] = deque()
        self._free = threading.Semaphore(limit)
        self._closed = False
        self.losses = 0
        """How many connections were lost. When it rises, the server may be another one, or be of an older
        state."""

    def use(self) -> "Loan":
        """A connection in autocommit, lent to a `with` statement.

        Raises `DatabaseUnavailable` when the database does not answer.
        """
        return Loan(self)

    def close(self) -> None:
        """Close every idle connection now and every other when it comes back."""
        self._closed = True
        self._drop_idle()

    def take(self) -> LogConnection:
        """What `use` gives; whoever takes one gives it back."""
        if not self._free.acquire(timeout=self._patience_seconds):
            raise DatabaseUnavailable(f"no database connection became free within {self._patience_seconds:.0f} s")
        try:
            while (connection := self._pop_idle()) is not None:
                if connection.is_quiet():
                    return connection
                self.losses += 1
                connection.close()
            return self._connect()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: LogConnection, error: BaseException | None) -> None:
        """Take a connection back; after an error of the database the idle ones are not trusted either."""
        if _is_unavailability(error):
            self.losses += 1
            self._drop_idle()
        if self._closed or connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        self._free.release()

    def _pop_idle(self) -> LogConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _drop_idle(self) -> None:
        while (connection := self._pop_idle()) is not None:
            connection.close()

    def _connect(self) -> LogConnection:
        try:
            return open_connection(self.url, settings=self._settings, role=self._role)
        except psycopg.Error as error:
            raise DatabaseUnavailable(f"the database does not answer: {error}".strip()) from error


def _is_unavailability(error: BaseException | None) -> bool:
    # These two are told by the server that it is well.
    conflicts = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
    return isinstance(error, NO_DATABASE) and not isinstance(error, conflicts)


class Loan:
    """A connection lent for the time of a `with` statement. Written out, because appends feel a generator."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: LogConnection | None = None

    def __enter__(self) -> LogConnection:
        self._connection = self._connections.take()
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        self._connections.give_back(self._connection, error)
        if _is_unavailability(error):
            raise DatabaseUnavailable(str(error)) from error


def open_connection(url: str, *, settings: Mapping[str, str], role: Role | None = None) -> LogConnection:
    """A connection in autocommit with session settings, that notices a peer that has vanished from the network.

    It is `role` from its first statement on; None: whoever the URL logs in, for migrations and for those who look
    at a server. Raises psycopg's errors, among them `RoleUnusable`, and `UnsafeServer`.
    """
    connection = _connected(url, role)
    try:
        _refuse_old_server(connection)
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(url: str, role: Role | None) -> LogConnection:
    try:
        return LogConnection.connect(
            url if role is None else as_role(url, role),
            autocommit=True,
            connect_timeout=5,
            keepalives_idle=15,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
    except psycopg.OperationalError as error:
        refusal = unusable(error, role) if role is not None else None
        if refusal is None:
            raise
        raise refusal from error


def _refuse_old_server(connection: Connection) -> None:
    version = connection.info.server_version
    if version < _OLDEST_SERVER:
        raise UnsafeServer(f"the server is PostgreSQL {version // 10000}; 17 or later is needed")


def error_of(connection: Connection, result: pq.abc.PGresult) -> psycopg.Error:
    """What libpq's own calls answered instead of a result; an `OperationalError` when the connection broke."""
    if connection.pgconn.status == pq.ConnStatus.BAD:
        return psycopg.OperationalError(result.get_error_message())
    return error_from_result(result)


def wait_for_database(url: str, *, patience_seconds: float) -> None:
    """Return when the database answers. Raises `DatabaseUnavailable` when it has not within the time."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            open_connection(url, settings={}).close()
        except psycopg.Error as error:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"the database does not answer: {error}".strip()) from error
            time.sleep(0.05)
        else:
            return
