"""Parked events copied to the topic of dead letters, behind the commit that parked them.

The table rules and the topic follows: a copy is made at least once of everything that is still parked when the
brokers take it, in the order in which it was parked. Neither the projector nor a retry waits for that.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Protocol

import psycopg
import structlog

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.dead_letters import SQL, Parked
from drumbeat.transport.cluster import KafkaProblem
from drumbeat.transport.dead_letter_records import DeadLetter, DeadLetterTooLarge
from drumbeat.transport.records import split

log = structlog.get_logger(__name__)

_AT_ONCE = 50
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_WAITS = "waits behind an earlier event of its stream"


class DeadLetterWriter(Protocol):
    """See `transport.dead_letter_topic`."""

    def write(self, letter: DeadLetter, time: datetime) -> None:
        """It is there when this returns. Raises `KafkaProblem`; then this writer is over."""
        ...

    def close(self) -> None:
        """Send nothing more."""
        ...


@dataclass(slots=True)
class OutboxStats:
    """What an outbox tells of itself. `fault`: what keeps copies from being made now."""

    copied: int = 0
    fault: str | None = None


class Outbox:
    """Copies what is parked. For one thread; of several on one database, one copies and the others stand by."""

    def __init__(self, read_url: str, open_topic: Callable[[], DeadLetterWriter]) -> None:
        """`open_topic` raises `KafkaProblem`."""
        self.stats = OutboxStats()
        self._read_url = read_url
        self._open_topic = open_topic
        self._refused: set[int] = set()
        self._connection: psycopg.Connection[Any] | None = None
        self._is_ours = False

    def run(self, stop: Event) -> None:
        """Copy until `stop` is set, and what is left then once more. A database or a broker away is waited for."""
        pause_seconds = _PAUSE_SECONDS
        is_last = False
        while not is_last:
            is_last = stop.wait(pause_seconds)
            try:
                self.copy()
            except (KafkaProblem, psycopg.Error) as error:
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
                self._note_fault(str(error))
                if isinstance(error, psycopg.Error):
                    self.close()
            else:
                pause_seconds = _PAUSE_SECONDS
                self.stats.fault = None
        self.close()

    def copy(self) -> int:
        """Copy everything that is parked and not copied yet; how many. Raises `KafkaProblem`, psycopg's errors."""
        before = self.stats.copied
        connection = self._connected()
        if self._is_ours and (letters := self._unpublished(connection)):
            with closing(self._open_topic()) as topic:
                while letters:
                    self._copy(connection, topic, letters)
                    letters = self._unpublished(connection)
        return self.stats.copied - before

    def close(self) -> None:
        """Let go of the connection, and let another one copy."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._is_ours = None, False

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = open_connection(self._read_url, settings={}, role=Role.PROJECT)
        if not self._is_ours:
            # Held until the connection is closed.
            (self._is_ours,) = self._connection.execute(SQL["take_outbox"]).fetchone() or (False,)
        return self._connection

    def _unpublished(self, connection: psycopg.Connection[Any]) -> list[Parked]:
        arguments = {"refused": list(self._refused), "limit": _AT_ONCE}
        return [Parked(*row) for row in connection.execute(SQL["unpublished"], arguments)]

    def _copy(self, connection: psycopg.Connection[Any], topic: DeadLetterWriter, letters: list[Parked]) -> None:
        written: list[int] = []
        try:
            for one in letters:
                self._write(topic, one)
                written.append(one.id)
        finally:
            connection.execute(SQL["note_published"], [written])
            self.stats.copied += len(written)

    def _write(self, topic: DeadLetterWriter, one: Parked) -> None:
        try:
            topic.write(letter_of(one), one.parked_at)
        except DeadLetterTooLarge:
            # The next ones must not wait for one that no broker takes; the table keeps it.
            self._refused.add(one.id)
            log.warning("dead_letter_too_large_to_copy", id=one.id, bytes=len(one.bytes))
            raise

    def _note_fault(self, words: str) -> None:
        told = " ".join(words.split())
        if told != self.stats.fault:
            log.warning("dead_letters_wait_to_be_copied", problem=told)
        self.stats.fault = told


def letter_of(one: Parked) -> DeadLetter:
    """A parked event as a dead letter."""
    topic, number = split(one.partition)
    is_event = one.stream_id is not None
    return DeadLetter(
        source_topic=topic,
        source_partition=number,
        source_offset=one.offset,
        # A record of nobody's is listed under the position of the one before it.
        position=one.position if is_event and one.position > 0 else None,
        stream_id=one.stream_id,
        type=one.type or None,
        projection=one.projection,
        reason=one.error or _WAITS,
        record=one.bytes,
    )
