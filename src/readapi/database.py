"""The read models' database as a request sees it: one snapshot, so that position and rows agree."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from drumbeat.readapi.as_of import AsOf
from drumbeat.readapi.problems import DatabaseAway, NotReady
from drumbeat.readapi.statements import POSITION

Row = dict[str, Any]

_OPTIONS = (
    "-c timezone=UTC"
    " -c default_transaction_read_only=on"
    # Filters that are not given are constants when a statement is planned anew, and fall away.
    " -c plan_cache_mode=force_custom_plan"
    " -c statement_timeout=30s"
    " -c idle_in_transaction_session_timeout=60s"
)

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " + POSITION


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The read models of one workspace at one position. Belongs to one thread and ends with its `with`."""

    as_of: AsOf
    recorded_at: datetime | None
    workspace_id: str
    connection: psycopg.Connection[DictRow]

    def rows(self, statement: bytes, **parameters: Any) -> list[Row]:
        """The rows of a statement of `sql/`. The workspace is always among its parameters."""
        return self.connection.execute(statement, {"workspace_id": self.workspace_id, **parameters}).fetchall()

    def row(self, statement: bytes, **parameters: Any) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None


class ReadModels:
    """A bounded pool of connections that can only read. Used by all threads of a process.

    Every method raises `DatabaseAway` when the database cannot be reached; it comes back by itself.
    """

    def __init__(self, url: str, *, connections: int, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._pool = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"autocommit": True, "row_factory": dict_row, "options": _OPTIONS},
            min_size=min(4, connections),
            max_size=connections,
            open=False,
            name="read-models",
        )

    def open(self) -> None:
        """Begin to connect; returns at once, with or without a database."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """End all connections."""
        self._pool.close()

    @contextmanager
    def snapshot(self, workspace_id: str, instant: datetime) -> Iterator[Snapshot]:
        """One repeatable-read snapshot, whose position is known."""
        try:
            connection, position, recorded_at = self._begin()
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseAway("the read models cannot be reached; try again") from error
        except psycopg.errors.UndefinedTable as error:
            raise _not_made() from error
        try:
            yield Snapshot(AsOf(position, instant), recorded_at, workspace_id, connection)
            connection.execute(b"COMMIT")
        except psycopg.errors.UndefinedTable as error:
            raise _not_made() from error
        except psycopg.OperationalError as error:
            raise DatabaseAway("the read models went away in the middle of the answer; try again") from error
        finally:
            self._give_back(connection)

    def _begin(self) -> tuple[psycopg.Connection[DictRow], int, datetime | None]:
        try:
            return self._begin_once()
        except psycopg.OperationalError:
            # A connection that was idle while the server restarted: all of the pool are tried, then once more.
            self._pool.check()
            return self._begin_once()

    def _begin_once(self) -> tuple[psycopg.Connection[DictRow], int, datetime | None]:
        connection = self._pool.getconn(self._wait_seconds)
        try:
            cursor = connection.execute(_BEGIN, prepare=False)
            cursor.nextset()
            row = cursor.fetchone()
        except BaseException:
            self._give_back(connection)
            raise
        return connection, row["position"] if row else 0, row["recorded_at"] if row else None

    def _give_back(self, connection: psycopg.Connection[DictRow]) -> None:
        with suppress(psycopg.Error):
            connection.rollback()  # a problem was raised in the middle; after COMMIT it does nothing
        self._pool.putconn(connection)


def _not_made() -> NotReady:
    return NotReady("there are no read models in this database yet: run `drumbeat migrate`")
