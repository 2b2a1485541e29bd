"""A log, a follower of it and a session beside both, for the contracts of following."""

from collections.abc import Iterator

import pytest

from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.source import LogSource
from support.sealing import MASTER


@pytest.fixture
def ledger(database_url: str) -> Iterator[EventStoreLedger]:
    real = EventStoreLedger(database_url, master=MASTER)
    yield real
    real.close()


@pytest.fixture
def source(database_url: str) -> Iterator[LogSource]:
    followed = LogSource(database_url)
    yield followed
    followed.close()


@pytest.fixture
def other(database_url: str) -> Iterator[LogConnection]:
    """Another session, that begins transactions of its own."""
    connection = open_connection(database_url, settings={})
    yield connection
    connection.close()
