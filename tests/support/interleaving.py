"""Writers and a follower of the log, stepped by one thread in an order that a test chooses.

A step is one statement, so that a schedule is an interleaving, and the same schedule is always the same story.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from hypothesis import strategies as st

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.reader import Batch, LogReader

WRITERS = 3
Step = tuple[str, int]

writers = st.integers(0, WRITERS - 1)
reads: st.SearchStrategy[Step] = st.tuples(st.just("read"), st.integers(1, 4))
CRASH: Step = ("crash", 0)


def phrase(*words: str) -> st.SearchStrategy[list[Step]]:
    """One writer's steps in a row; `read` is the follower's."""
    return writers.map(lambda writer: [(word, 4 if word == "read" else writer) for word in words])


def overlap(first: int, second: int) -> list[Step]:
    """One writer begins before another and ends after it, with a look in between."""
    return [
        ("write", first), ("write", second), ("write", second), ("commit", second), ("read", 4), ("write", first),
    ]  # fmt: skip


def crash(writer: int) -> list[Step]:
    """The server dies after an append was given up, and the writer tries again."""
    return [("write", writer), ("abort", writer), ("read", 4), CRASH, ("write", writer)]


phrases: st.SearchStrategy[list[Step]] = st.one_of(
    st.builds(crash, writers),
    st.builds(overlap, writers, writers),
    phrase("write"),
    phrase("commit"),
    phrase("abort"),
    phrase("write", "commit"),
    phrase("write", "abort"),
    phrase("write", "write", "commit", "read"),
    phrase("write", "read", "commit"),
    phrase("write", "read", "abort"),
    reads.map(lambda step: [step]),
    reads.map(lambda step: [step, CRASH]),
)
schedules: st.SearchStrategy[list[Step]] = st.lists(phrases, min_size=2, max_size=14).map(
    lambda chosen: [step for steps in chosen for step in steps]
)
"""Writers write, commit and abort in any order; the follower reads in between; sometimes the server crashes."""


class Follower:
    """Follows the log and remembers which events it was given."""

    def __init__(self, url: str, after: int) -> None:
        self.reader = LogReader(url)
        self.position = after
        self.seen: list[int] = []

    def read(self, limit: int) -> bool:
        """One batch; whether there was any progress."""
        before = self.position
        batch = self.next_batch(limit)
        self.seen += [row.position for row in batch.rows]
        self.position = batch.up_to
        return self.position > before

    def next_batch(self, limit: int) -> Batch:
        return self.reader.read(self.position, limit)


Reserve = Callable[[psycopg.Connection[tuple[object, ...]]], int | None]


@dataclass
class Writer:
    """One session. `reserve`, when given, takes a position in a statement of its own, before the insert."""

    connection: psycopg.Connection[tuple[object, ...]]
    reserve: Reserve | None = None
    reserved: int | None = None

    def write(self) -> None:
        if self.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self.connection.execute("BEGIN")
        if self.reserve is not None and self.reserved is None:
            self.reserved = self.reserve(self.connection)
            return
        if self.reserved is not None:
            self.connection.execute(
                "INSERT INTO ledger.events (position, stream_id, version, type, bytes) "
                "OVERRIDING SYSTEM VALUE VALUES (%s, %s, 1, 'x', %s)",
                [self.reserved, uuid4(), _bytes()],
            )
            self.reserved = None
            return
        self.connection.execute("SELECT ledger.append_one(%s, 1, 'x', %s)", [uuid4(), _bytes()])

    def end(self, how: str) -> None:
        self.connection.execute(how)
        self.reserved = None


def _bytes() -> bytes:
    return b'{"id":"%s"}' % str(uuid4()).encode()


class Story:
    """A log with its writers; plays schedules one after the other."""

    def __init__(
        self,
        url: str,
        *,
        follower: Callable[[str, int], Follower] = Follower,
        reserve: Reserve | None = None,
    ) -> None:
        self.url = url
        self._make_follower = follower
        self._writers = [Writer(open_connection(url, settings={}), reserve) for _ in range(WRITERS)]
        self._control = open_connection(url, settings={})

    def loses(self, schedule: list[Step]) -> bool:
        """Whether the follower missed, repeated or misordered an event that was committed."""
        start = self._head()
        known = set(self._committed(0))
        follower = self._make_follower(self.url, start)
        try:
            for step, number in schedule:
                self._play(step, number, follower)
            for writer in self._writers:
                writer.end("COMMIT")
            while follower.read(100):
                continue
        finally:
            follower.reader.close()
            for writer in self._writers:
                writer.end("ROLLBACK")
        return follower.seen != [position for position in self._committed(0) if position not in known]

    def _play(self, step: str, number: int, follower: Follower) -> None:
        if step == "write":
            self._writers[number].write()
        elif step == "read":
            follower.read(number)
        elif step == "crash":
            # What is open is gone, and so is every position that no commit has made durable.
            for writer in self._writers:
                writer.end("ROLLBACK")
                writer.connection.execute("DISCARD SEQUENCES")
            follower.reader.close()
            self._control.execute(
                "SELECT setval('ledger.events_position', greatest(max(position), 1), max(position) IS NOT NULL) "
                "FROM ledger.events"
            )
        else:
            self._writers[number].end("COMMIT" if step == "commit" else "ROLLBACK")

    def _head(self) -> int:
        row = self._control.execute("SELECT coalesce(max(position), 0) FROM ledger.events").fetchone()
        assert row is not None
        return int(str(row[0]))

    def _committed(self, after: int) -> list[int]:
        rows = self._control.execute(
            "SELECT position FROM ledger.events WHERE position > %s ORDER BY position", [after]
        )
        return [int(str(row[0])) for row in rows]

    def close(self) -> None:
        for writer in self._writers:
            writer.connection.close()
        self._control.close()


@contextlib.contextmanager
def story(
    url: str, *, follower: Callable[[str, int], Follower] = Follower, reserve: Reserve | None = None
) -> Iterator[Story]:
    """A story that closes its sessions."""
    told = Story(url, follower=follower, reserve=reserve)
    try:
        yield told
    finally:
        told.close()
