"""How far a reader may go: the newest position below which nothing can appear any more.

Positions are handed out before commits become visible, so that a reader who simply asks for "position > last"
passes over events that commit late. Appenders therefore hold a shared advisory lock from before their first
position until their commit can be seen. A reader notes *marks*: the last position handed out, then the
transactions that hold the lock. A mark is safe once none of those is left. Marks queue up, and the newest safe one
is the high-water mark. Nobody waits for anybody, and nothing starves: each mark waits for a fixed set of
transactions.
"""

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drumbeat.eventstore.connections import Connection, UnsafeServer
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_MOST_WAITING_MARKS: Final = 64


def check_server(connection: Connection) -> None:
    """Raises `UnsafeServer` for a standby, a caching sequence, asynchronous commits.

    A server before PostgreSQL 17 was refused when it was connected to.
    """
    row = connection.execute(_SQL["server_facts"]).fetchone()
    assert row is not None
    in_recovery, synchronous_commit, sequence_cache = row
    if in_recovery:
        raise UnsafeServer("the ledger's server is a standby: the log is read where it is written")
    if sequence_cache != 1:
        raise UnsafeServer(
            f"the sequence of positions has CACHE {sequence_cache}; only 1 keeps positions in order"
        )
    if synchronous_commit == "off":
        raise UnsafeServer("synchronous_commit is off: an event could be read, acknowledged, and lost")


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything at or below `position` was handed out before `appenders` were looked at."""

    position: int
    appenders: frozenset[str]
    taken_at: float


class HighWater:
    """The marks of one connection; they die with it, because a server that comes back may hand positions out
    again.

    For one thread. The caller still has to cap what it keeps at the greatest position that it saw: after a crash
    the sequence can fall back to a position that an aborted append was given, and give it out a second time.
    """

    def __init__(self, connection: Connection) -> None:
        """Starts without any mark."""
        self._connection = connection
        self._waiting: deque[Mark] = deque()
        self.position = 0
        """The newest safe mark, 0 before there is one."""

    def advance(self) -> int:
        """Note a mark, and answer the newest one that is safe now. One round trip."""
        mark = self._take()
        # In turn: a transaction that keeps an earlier mark waiting is in the set of every later one.
        while self._waiting and not (self._waiting[0].appenders & mark.appenders):
            self.position = self._waiting.popleft().position
        if not mark.appenders:
            self.position = mark.position
        elif mark.position > (self._waiting[-1].position if self._waiting else self.position):
            if len(self._waiting) == _MOST_WAITING_MARKS:
                self._waiting.pop()
            self._waiting.append(mark)
        return self.position

    @property
    def is_waiting(self) -> bool:
        """Whether an append that was under way keeps a mark from being safe."""
        return bool(self._waiting)

    @property
    def waited_seconds(self) -> float:
        """For how long the oldest mark has not become safe: a stuck appender shows here."""
        return time.monotonic() - self._waiting[0].taken_at if self._waiting else 0.0

    def _take(self) -> Mark:
        row = self._connection.execute(_SQL["take_mark"], prepare=True).fetchone()
        assert row is not None
        return Mark(row[0], frozenset(row[1]), time.monotonic())
