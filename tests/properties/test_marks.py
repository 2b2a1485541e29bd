"""A follower never misses, repeats or reorders an event, whatever commits when: guarantee 1 of the log.

The same test is run against four ways of getting it wrong, and finds a loss in each.
"""

import random
import threading
import time
from uuid import uuid4

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.reader import Batch, LogReader
from support.interleaving import Follower, Step, Story, schedules, story

pytestmark = pytest.mark.postgres


def finds_a_loss(told: Story) -> bool:
    """Search as the test of the real thing does; what it found, it keeps, and the rest of the search is idle."""
    found = False

    @settings(max_examples=250, derandomize=True, database=None, phases=[Phase.generate])
    @given(schedules)
    def search(schedule: list[Step]) -> None:
        nonlocal found
        found = found or told.loses(schedule)

    search()
    return found


def test_a_follower_gets_every_event_once_and_in_order_whatever_the_interleaving(database_url: str) -> None:
    with story(database_url) as told:

        @settings(max_examples=100)
        @given(schedules)
        def holds(schedule: list[Step]) -> None:
            assert not told.loses(schedule)

        holds()


class NaiveFollower(Follower):
    """Reads everything above its last position."""

    def next_batch(self, limit: int) -> Batch:
        self.reader.high_water()  # connects
        return _read_up_to(self, 2**62, limit)


class UncappedFollower(Follower):
    """Moves its checkpoint to the safe mark itself, whether or not an event is there."""

    def next_batch(self, limit: int) -> Batch:
        batch = super().next_batch(limit)
        full = len(batch.rows) == limit
        return batch if full else Batch(batch.rows, max(batch.up_to, batch.high_water), batch.high_water)


def _read_up_to(follower: Follower, up_to: int, limit: int) -> Batch:
    from drumbeat.eventstore import reader

    connection = follower.reader._connection
    assert connection is not None
    rows = reader._copy_out(connection, follower.position, up_to, limit)
    return Batch(rows, rows[-1].position if rows else follower.position, up_to)


def test_the_test_finds_the_loss_of_a_naive_read(database_url: str) -> None:
    with story(database_url, follower=NaiveFollower) as told:
        assert finds_a_loss(told)


def test_the_test_finds_the_loss_of_a_checkpoint_above_the_committed_positions(database_url: str) -> None:
    with story(database_url, follower=UncappedFollower) as told:
        assert finds_a_loss(told)


def test_the_test_finds_the_loss_of_a_lock_taken_after_the_position(database_url: str) -> None:
    def reserve(connection: psycopg.Connection[tuple[object, ...]]) -> int:
        row = connection.execute("SELECT nextval('ledger.events_position')").fetchone()
        assert row is not None
        return int(str(row[0]))

    with story(database_url, reserve=reserve) as told:
        assert finds_a_loss(told)


def test_the_test_finds_the_loss_of_a_caching_sequence(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drumbeat.eventstore.reader.check_server", lambda _connection: None)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER SEQUENCE ledger.events_position CACHE 10")
    with story(database_url) as told:
        assert finds_a_loss(told)


transactions = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 8), st.booleans(), st.booleans()), min_size=1, max_size=12
)
"""Events, milliseconds before the end, whether it commits, whether it is a COPY."""


def test_a_follower_loses_nothing_to_concurrent_writers_with_delays_and_aborts(database_url: str) -> None:
    reader = LogReader(database_url)

    @settings(max_examples=12)
    @given(st.lists(transactions, min_size=2, max_size=5))
    def holds(scripts: list[list[tuple[int, int, bool, bool]]]) -> None:
        start = _head(database_url)
        threads = [threading.Thread(target=_write, args=[database_url, script]) for script in scripts]
        for thread in threads:
            thread.start()
        seen, position, done = [], start, False
        while not done:
            # Looked at first: what is committed before the last look is read by it.
            done = not any(thread.is_alive() for thread in threads) and reader.high_water() == position
            batch = reader.read(position, random.randint(1, 50))
            seen += [row.position for row in batch.rows]
            position = batch.up_to
            done = done or (not any(thread.is_alive() for thread in threads) and position == _head(database_url))
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(
                "SELECT position FROM ledger.events WHERE position > %s ORDER BY 1", [start]
            ).fetchall()
        assert seen == [row[0] for row in rows]

    try:
        holds()
    finally:
        reader.close()


def _write(url: str, script: list[tuple[int, int, bool, bool]]) -> None:
    connection = open_connection(url, settings={})
    for count, milliseconds, commits, by_copy in script:
        rows = [(uuid4(), 1, "x", b"{}") for _ in range(count)]
        connection.execute("BEGIN")
        if by_copy:
            with connection.cursor().copy(
                "COPY ledger.events (stream_id, version, type, bytes) FROM STDIN"
            ) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            for row in rows:
                connection.execute("SELECT ledger.append_one(%s, %s, %s, %s)", row)
        time.sleep(milliseconds / 1000)
        connection.execute("COMMIT" if commits else "ROLLBACK")
    connection.close()


def _head(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM ledger.events").fetchone()
    assert row is not None
    return int(row[0])
