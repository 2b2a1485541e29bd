"""The read models' database as a request sees it: one snapshot, so that position and rows agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import pq
from psycopg.rows import dict_row

from drumbeat.eventstore.calls import call_prepared
from drumbeat.eventstore.connections import Connections, DatabaseUnavailable, LogConnection
from drumbeat.readapi.as_of import AsOf
from drumbeat.readapi.problems import DatabaseAway, NotReady
from drumbeat.readapi.statements import POSITION, GlanceStatement

Row = dict[str, Any]

_SESSION = {
    "timezone": "UTC",
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}

BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " + POSITION
"""How a snapshot begins: one round trip for both."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer is about. `recorded_at`: of the newest event in it."""

    as_of: AsOf
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Glance(Seen):
    """What one statement answered, as JSON has it: a snapshot by itself."""

    row: Row


@dataclass(frozen=True, slots=True)
class Snapshot(Seen):
    """The read models of one workspace at one position. Belongs to one thread and ends with its `with`."""

    workspace_id: str
    connection: LogConnection

    def rows(self, statement: bytes, *, replan: bool = False, **parameters: Any) -> list[Row]:
        """The rows of a statement of `sql/`. The workspace is always among its parameters.

        `replan`: planned for these values and no others, so that filters which are not given fall away.
        """
        given = {"workspace_id": self.workspace_id, **parameters}
        cursor = self.connection.cursor(row_factory=dict_row)
        return cursor.execute(statement, given, prepare=False if replan else None).fetchall()

    def row(self, statement: bytes, **parameters: Any) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None


class ReadModels:
    """A bounded number of connections that can only read. Used by all threads of a process.

    Every method raises `DatabaseAway` when the database cannot be reached, which is found again by itself, and
    `NotReady` when it holds no read models.
    """

    def __init__(self, url: str, *, connections: int, wait_seconds: float) -> None:
        """Nothing is connected yet."""
        self._connections = Connections(url, limit=connections, patience_seconds=wait_seconds, settings=_SESSION)

    def close(self) -> None:
        """End all connections."""
        self._connections.close()

    @contextmanager
    def snapshot(self, workspace_id: str, instant: datetime) -> Iterator[Snapshot]:
        """A repeatable-read snapshot for several statements, whose position is known."""
        with self._connection() as connection:
            cursor = connection.execute(BEGIN, prepare=False)
            cursor.nextset()
            position, recorded_at = cursor.fetchone() or (0, None)
            try:
                yield Snapshot(AsOf(position, instant), recorded_at, workspace_id, connection)
            finally:
                if connection.pgconn.transaction_status != pq.TransactionStatus.UNKNOWN:
                    connection.execute(b"COMMIT")

    def glance(
        self, workspace_id: str, instant: datetime, statement: GlanceStatement, campaign_id: UUID
    ) -> Glance:
        """What one statement answers about a campaign: one round trip, one snapshot."""
        arguments = (workspace_id.encode(), campaign_id.bytes)
        with self._connection() as connection:
            result = call_prepared(connection, statement.name, statement.sql, arguments)
        row: Row = msgspec.json.decode(result.get_value(0, 0) or b"")
        recorded_at = row["recorded_at"] and datetime.fromisoformat(row["recorded_at"])
        return Glance(AsOf(row["position"], instant), recorded_at, row)

    @contextmanager
    def _connection(self) -> Iterator[LogConnection]:
        try:
            with self._connections.use() as connection:
                yield connection
        except DatabaseUnavailable as error:
            raise DatabaseAway("the read models cannot be reached; try again") from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise NotReady("there are no read models in this database yet: run `drumbeat migrate`") from error
