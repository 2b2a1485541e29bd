"""The database as keys meet it: who lends connections to it, and the port's failure for its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import psycopg
from eventsourcing.persistence import OperationalError

from drumbeat.commands.ledger import LedgerUnavailable

Connections = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
"""Lends a connection; what was written is committed when it is given back, or at once."""

_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError)


@contextmanager
def reachable(away: tuple[type[Exception], ...] = _AWAY) -> Iterator[None]:
    """Raises `LedgerUnavailable` for the errors that mean that the database does not answer."""
    try:
        yield
    except away as error:
        raise LedgerUnavailable(f"the database does not answer: {error}".strip()) from error
