"""How far the log was at an instant, asked so that the answer stays the same for ever."""

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from drumbeat.eventstore.connections import Connection
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_WINDOWS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))
_PAUSE_SECONDS: Final = 0.002


def position_at(connection: Connection, instant: datetime) -> int:
    """The highest position with everything at or below it recorded by then. Raises psycopg's errors.

    Of the last moments an append under way may still change it: see `await_appends`.
    """
    for window in _WINDOWS:
        row = connection.execute(_SQL["position_within"], [instant, instant + window]).fetchone()
        if row is not None and row[0] is not None:
            return int(row[0]) - 1
    row = connection.execute(_SQL["position_after"], [instant]).fetchone()
    if row is not None and row[0] is not None:
        return int(row[0]) - 1
    row = connection.execute(_SQL["head"]).fetchone()
    return int(row[0] or 0) if row is not None else 0


def await_appends(connection: Connection, *, patience_seconds: float) -> bool:
    """Wait until every append that is under way now is committed or gone; false when that takes too long.

    A position is handed out under the appenders' lock and before the time of recording is read. So whatever bears
    a time before this was called can be seen once it returns true, and no more of it will come.
    """
    deadline = time.monotonic() + patience_seconds
    waited_for = _appenders(connection)
    while waited_for:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
        waited_for &= _appenders(connection)
    return True


def _appenders(connection: Connection) -> set[str]:
    row = connection.execute(_SQL["take_mark"]).fetchone()
    assert row is not None
    named: Collection[str] = row[1]
    return set(named)
