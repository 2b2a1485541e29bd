"""When a follower of the log must not go on, or must not begin."""

import psycopg
import pytest

from drumbeat.eventstore.connections import LogConnection, UnsafeServer
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.marks import check_server
from drumbeat.eventstore.migrations import SchemaOlder
from drumbeat.transport.source import LogRewound, LogSource
from support.following import reported
from support.tampering import altering_the_log

pytestmark = pytest.mark.postgres


def test_a_checkpoint_whose_event_is_there_is_good(ledger: EventStoreLedger, source: LogSource) -> None:
    events = reported(3)
    ledger.append(events)
    source.verify_event(2, events[1].id)
    assert source.read(2, 10).up_to == 3


@pytest.mark.parametrize("replacement", [0, 1])
def test_a_log_that_was_restored_to_an_older_state_stops_its_followers(
    database_url: str, ledger: EventStoreLedger, source: LogSource, replacement: int
) -> None:
    events = reported(3)
    ledger.append(events)
    assert source.read(0, 10).last_event_id == events[2].id
    with psycopg.connect(database_url) as connection, altering_the_log(connection):
        connection.execute("DELETE FROM ledger.events WHERE position = 3")
        connection.execute("SELECT setval('ledger.events_position', 2)")
    ledger.append(reported(replacement))
    with pytest.raises(LogRewound, match="at position 3"):
        source.verify_event(3, events[2].id)
    # The source finds it by itself when it has to connect anew.
    source.close()
    with pytest.raises(LogRewound, match="must not go on"):
        source.read(3, 10)


def test_a_server_that_breaks_the_order_of_the_log_is_refused_by_what_is_wrong(
    database_url: str, source: LogSource, other: LogConnection
) -> None:
    other.execute("SET synchronous_commit = off")
    with pytest.raises(UnsafeServer, match="synchronous_commit is off"):
        check_server(other)
    other.execute("SET synchronous_commit = on")
    check_server(other)
    other.execute("ALTER SEQUENCE ledger.events_position CACHE 10")
    with pytest.raises(UnsafeServer, match="CACHE 10"):
        source.read(0, 10)


def test_a_server_before_17_is_refused_by_its_version(
    database_url: str, ledger: EventStoreLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumbeat.eventstore.connections._OLDEST_SERVER", 990000)
    with pytest.raises(UnsafeServer, match="17 or later is needed"):
        ledger.check()


def test_a_follower_refuses_a_database_without_the_ledgers_schema(
    database_url: str, source: LogSource, other: LogConnection
) -> None:
    other.execute("DELETE FROM public.drumbeat_migrations WHERE set_name = 'ledger'")
    with pytest.raises(SchemaOlder, match=r"lacks 0001_log.*drumbeat migrate"):
        source.read(0, 10)
