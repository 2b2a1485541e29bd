"""One relay at a time for an event store and topic prefix: a lock of Postgres, held as long as a session lives.

The leader's session also keeps the checkpoint. What a relay that lost its session, and does not know it yet, still
publishes only repeats what the next one publishes; the checkpoint it cannot move.
"""

import contextlib
import select
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any, Final

import psycopg
from psycopg import pq

from drumbeat.eventstore.connections import Connection, LogConnection, error_of, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.eventstore.sql import load_queries
from drumbeat.transport.source import Checkpoint

_SQL: Final = load_queries(Path(__file__).parent / "relay.sql")
_LOOK_FOR_STOP_MS: Final = 100
SETTINGS: Final = {
    "statement_timeout": "0",
    "idle_session_timeout": "0",
    # A statement that waits keeps old rows of the whole database from being cleaned up: it is asked anew.
    "lock_timeout": "30s",
}


class LeadershipLost(Exception):
    """The session of the lock is gone, or another relay moved the checkpoint: this one must not go on."""


class Leader:
    """The session of the relay that leads. For one thread. Every method raises `LeadershipLost`."""

    def __init__(self, connection: LogConnection, topic_prefix: str) -> None:
        self._connection = connection
        self._prefix = topic_prefix

    def check(self) -> None:
        """Notice a session that has ended; costs no round trip."""
        if not self._connection.is_quiet():
            # Something was said that nobody asked for: mostly that the session is over.
            with _lost():
                self._connection.execute("SELECT 1")

    def checkpoint(self) -> Checkpoint:
        """Where to go on."""
        with _lost():
            self._connection.execute(_SQL["begin_checkpoint"], [self._prefix])
            row = self._connection.execute(_SQL["checkpoint"], [self._prefix]).fetchone()
        if row is None:
            raise LeadershipLost("the checkpoint of the relay was deleted")
        return Checkpoint(*row)

    def move(self, expected: int, to: Checkpoint) -> None:
        """Move the checkpoint on from where it was last seen; it never goes back."""
        values = {
            "prefix": self._prefix,
            "expected": expected,
            "position": to.position,
            "event_id": to.last_event_id,
        }
        with _lost():
            moved = self._connection.execute(_SQL["move_checkpoint"], values).rowcount
        if not moved:
            raise LeadershipLost(f"the checkpoint of the relay is no longer at {expected}: another one moved it")

    def note_fault(self, words: str | None) -> None:
        """Keep, for `drumbeat status`, what is in the way; None when nothing is."""
        with _lost():
            self._connection.execute(_SQL["note_fault"], {"prefix": self._prefix, "fault": words})


@contextlib.contextmanager
def lead(url: str, topic_prefix: str, stop: Event) -> Iterator[Leader | None]:
    """Wait until no other relay of this database and prefix leads, then lead; None when `stop` was set before.

    Raises `LeadershipLost` when the database does not answer.
    """
    with _lost():
        connection = open_connection(url, settings=SETTINGS, role=Role.RELAY)
    try:
        with _lost():
            leads = _wait_for_lock(connection, topic_prefix, stop)
        yield Leader(connection, topic_prefix) if leads else None
    finally:
        connection.close()


def _wait_for_lock(connection: LogConnection, topic_prefix: str, stop: Event) -> bool:
    while not stop.is_set():
        try:
            if _ask_for_lock(connection, topic_prefix, stop):
                return True
        except psycopg.errors.LockNotAvailable:
            continue
    return False


def _ask_for_lock(connection: Connection, topic_prefix: str, stop: Event) -> bool:
    """Wait in the server, so that the lock is handed over at once, and look whether to stop meanwhile."""
    server = connection.pgconn
    server.send_query_params(_SQL["lead"], [topic_prefix.encode()])
    server.flush()
    incoming = select.poll()
    incoming.register(server.socket, select.POLLIN)
    while server.is_busy():
        if incoming.poll(_LOOK_FOR_STOP_MS):
            server.consume_input()
        elif stop.is_set():
            connection.cancel_safe(timeout=1.0)
            return False
    answers = []
    while (answer := server.get_result()) is not None:
        answers.append(answer)
    if not answers or answers[0].status != pq.ExecStatus.TUPLES_OK:
        raise _error(connection, answers)
    return True


def _error(connection: Connection, answers: list[Any]) -> psycopg.Error:
    if not answers:
        return psycopg.OperationalError("the session ended")
    return error_of(connection, answers[0])


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LeadershipLost(f"the session of the relay is lost: {error}".strip()) from error
