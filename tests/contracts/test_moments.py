"""From an instant to a position: an append under way is waited for, since its events bear an earlier time."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.moments import await_appends, position_at
from drumbeat.eventstore.roles import Role
from drumbeat.readapi.ledger import LedgerReads
from support.following import reported
from support.sealing import MASTER

pytestmark = pytest.mark.postgres

APPEND = "INSERT INTO ledger.events (stream_id, version, type, bytes) VALUES (gen_random_uuid(), 1, 'x', '')"


def clock(connection: psycopg.Connection[tuple[datetime]]) -> datetime:
    """The clock by which events are recorded."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


def test_an_append_under_way_is_waited_for_and_one_that_comes_later_is_not(database_url: str) -> None:
    with (
        closing(EventStoreLedger(database_url)) as ledger,
        closing(open_connection(database_url, settings={}, role=Role.READ)) as reader,
        closing(psycopg.connect(database_url)) as appender,
        closing(psycopg.connect(database_url)) as later,
    ):
        ledger.append(reported(3))
        appender.execute(APPEND)
        assert not await_appends(reader, patience_seconds=0.05)
        waited = threading.Event()
        answers: list[bool] = []

        def wait() -> None:
            with closing(open_connection(database_url, settings={}, role=Role.READ)) as connection:
                answers.append(await_appends(connection, patience_seconds=30))
            waited.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not waited.wait(0.1)
        appender.commit()
        assert waited.wait(30)
        waiting.join()
        assert answers == [True]
        assert await_appends(reader, patience_seconds=0)
        later.execute(APPEND)
        later.rollback()
        assert await_appends(reader, patience_seconds=0)


def test_the_position_of_an_instant_counts_what_was_recorded_before_it_and_committed_after(
    database_url: str,
) -> None:
    with (
        closing(EventStoreLedger(database_url)) as ledger,
        closing(LedgerReads(database_url, MASTER, connections=2, wait_seconds=30)) as reads,
        closing(psycopg.connect(database_url)) as appender,
        closing(psycopg.connect(database_url, autocommit=True)) as looking,
    ):
        ledger.append(reported(2))
        appender.execute(APPEND)
        instant = clock(looking)
        assert position_at(looking, instant) == 2, "asked too soon"
        answers: list[int | None] = []
        asking = threading.Thread(target=lambda: answers.append(reads.position_at(instant)))
        asking.start()
        appender.commit()
        asking.join(30)
        assert answers == [3]
        ledger.append(reported(2))
        assert reads.position_at(instant) == 3
        assert reads.position_at(clock(looking)) == 5


def test_an_instant_that_has_not_come_has_no_position(database_url: str) -> None:
    with closing(LedgerReads(database_url, MASTER, connections=2, wait_seconds=5)) as reads:
        assert reads.position_at(datetime.now(UTC) + timedelta(days=1)) is None
        assert reads.position_at(datetime(2000, 1, 1, tzinfo=UTC)) == 0
        assert reads.recorded_at(0) is None
