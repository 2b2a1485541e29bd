"""Connections to the database of the log, lent to one thread at a time."""

import contextlib
import select
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg import pq

Connection = psycopg.Connection[tuple[Any, ...]]

BOUNDED: Final[Mapping[str, str]] = {
    # A stuck appender holds its mark, and every reader with it, no longer than this.
    "transaction_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",
}
"""Settings of every session that appends."""

_UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)


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
    ) -> None:
        """Nothing is connected yet."""
        self.url = url
        self._patience_seconds = patience_seconds
        self._settings = dict(settings)
        self._idle: deque[Connection] = deque()
        self._free = threading.Semaphore(limit)
        self._closed = False

    @contextlib.contextmanager
    def use(self) -> Iterator[Connection]:
        """A connection in autocommit. Raises `DatabaseUnavailable` when the database does not answer."""
        if not self._free.acquire(timeout=self._patience_seconds):
            raise DatabaseUnavailable(f"no database connection became free within {self._patience_seconds:.0f} s")
        try:
            connection = self._take()
            try:
                yield connection
            except _UNAVAILABLE as error:
                if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
                    raise
                self._drop_idle()
                raise DatabaseUnavailable(str(error)) from error
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close every idle connection now and every other when it comes back."""
        self._closed = True
        self._drop_idle()

    def _take(self) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if _is_quiet(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        if self._closed or connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connect(self) -> Connection:
        try:
            return open_connection(self.url, settings=self._settings)
        except psycopg.Error as error:
            raise DatabaseUnavailable(f"the database does not answer: {error}".strip()) from error


def open_connection(url: str, *, settings: Mapping[str, str]) -> Connection:
    """A connection in autocommit with session settings, that notices a peer that has vanished from the network."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
    )
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    return connection


def _is_quiet(connection: Connection) -> bool:
    # A server that ended says so, or closes: either way an idle connection has become readable.
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)


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
