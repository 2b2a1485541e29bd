"""Changing what is never changed: the log, by hand, as only a superuser can who says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def altering_the_log(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Meanwhile this session passes the triggers that keep the log append-only: a backup that lost events, a
    hand in the files. The login is a superuser's."""
    connection.execute("SET session_replication_role = replica")
    try:
        yield connection
    finally:
        connection.execute("RESET session_replication_role")
