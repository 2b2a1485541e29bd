"""The read models' database as a request sees it: one snapshot, so that position and rows agree."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import pq
from psycopg.rows import dict_row

from drumbeat.eventstore.calls import execute_prepared, quoted
from drumbeat.eventstore.connections import Connections, DatabaseUnavailable, LogConnection
from drumbeat.eventstore.roles import Role
from drumbeat.readapi.as_of import AsOf
from drumbeat.readapi.statements import POSITION, GlanceStatement
from drumbeat.web.problems import DatabaseAway, InvalidParameter, NotReady

T = TypeVar("T")
Row = dict[str, Any]

_SESSION = {
    "timezone": "UTC",
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}

BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
SET_WORKSPACE = b"SELECT set_config('drumbeat.workspace_id', %b, true); "
"""The workspace whose rows row-level security shows, until the transaction ends: no connection remembers one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer is about. `recorded_at`: of the newest event in it."""

    as_of: AsOf
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Glance(Seen):
    """The JSON document that one statement answered: a snapshot by itself."""

    document: bytes


def _as_it_is(statement: bytes) -> bytes:
    return statement


@dataclass(frozen=True, slots=True)
class Snapshot(Seen):
    """The read models of one workspace at one position. Belongs to one thread and ends with its `with`."""

    workspace_id: str
    connection: LogConnection
    translate: Callable[[bytes], bytes] = _as_it_is
    """What a statement of `sql/` is on this connection."""

    def rows(self, statement: bytes, *, replan: bool = False, **parameters: Any) -> list[Row]:
        """The rows of a statement of `sql/`. The workspace is always among its parameters.

        `replan`: planned for these values and no others, so that filters which are not given fall away.
        """
        given = {"workspace_id": self.workspace_id, **parameters}
        cursor = self.connection.cursor(row_factory=dict_row)
        said = self.translate(statement)
        return cursor.execute(said, given, prepare=False if replan else None).fetchall()

    def row(self, statement: bytes, **parameters: Any) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None

    def glance(self, statement: GlanceStatement, campaign_id: UUID) -> Glance:
        """What one statement answers about a campaign, here."""
        cursor = psycopg.RawCursor(self.connection)
        asked = self.translate(statement.document)
        row = cursor.execute(asked, [self.workspace_id, str(campaign_id)]).fetchone()
        return Glance(self.as_of, self.recorded_at, row[0].encode() if row else b"")


class ReadModels:
    """A bounded number of connections that can only read. Used by all threads of a process.

    Every method raises `DatabaseAway` when the database cannot be reached, which is found again by itself, and
    `NotReady` when it holds no read models.
    """

    def __init__(self, url: str, *, connections: int, wait_seconds: float) -> None:
        """Nothing is connected yet."""
        self._connections = Connections(
            url, limit=connections, patience_seconds=wait_seconds, settings=_SESSION, role=Role.READ
        )

    def close(self) -> None:
        """End all connections."""
        self._connections.close()

    @contextmanager
    def snapshot(self, workspace_id: str, instant: datetime) -> Iterator[Snapshot]:
        """A repeatable-read snapshot for several statements, whose position is known."""
        with as_problems():
            connection, (position, recorded_at) = self._first(lambda one: _begin(one, workspace_id))
            try:
                yield Snapshot(AsOf(position, instant), recorded_at, workspace_id, connection)
            except BaseException as error:
                # Whatever was wrong, the transaction ends with the connection's use.
                with suppress(psycopg.Error):
                    connection.execute(b"ROLLBACK")
                self._connections.give_back(connection, error)
                raise
            self._finish(connection)

    def glance(
        self, workspace_id: str, instant: datetime, statement: GlanceStatement, campaign_id: UUID
    ) -> Glance:
        """What one statement answers about a campaign: one round trip, one snapshot."""
        with as_problems():
            connection, result = self._first(lambda one: _glance(one, workspace_id, statement, campaign_id))
            self._connections.give_back(connection, None)
        position, recorded_at, document = (result.get_value(0, column) for column in range(3))
        moment = None if recorded_at is None else datetime.fromisoformat(recorded_at.decode())
        return Glance(AsOf(int(position or b"0"), instant), moment, document or b"")

    def _first(self, ask: Callable[[LogConnection], T]) -> tuple[LogConnection, T]:
        """Take a connection and ask it first; one that turns out dead is replaced, once: nothing was done yet."""
        connection = self._connections.take()
        try:
            return connection, ask(connection)
        except BaseException as error:
            self._connections.give_back(connection, error)
            if not connection.closed or not isinstance(error, psycopg.OperationalError):
                raise
        connection = self._connections.take()
        try:
            return connection, ask(connection)
        except BaseException as error:
            self._connections.give_back(connection, error)
            raise

    def _finish(self, connection: LogConnection) -> None:
        try:
            connection.execute(b"COMMIT")
        except BaseException as error:
            self._connections.give_back(connection, error)
            raise
        self._connections.give_back(connection, None)


def _begin(connection: LogConnection, workspace_id: str) -> tuple[int, datetime | None]:
    # One round trip for all three.
    began = BEGIN + SET_WORKSPACE % quoted(connection, workspace_id) + POSITION
    cursor = connection.execute(began, prepare=False)
    while cursor.nextset():
        continue
    row = cursor.fetchone()
    return (row[0], row[1]) if row else (0, None)


def _glance(
    connection: LogConnection, workspace_id: str, statement: GlanceStatement, campaign_id: UUID
) -> pq.abc.PGresult:
    # Sent as one text, both are one transaction and one round trip; the second is planned already.
    workspace = quoted(connection, workspace_id)
    arguments = (workspace, quoted(connection, str(campaign_id)))
    return execute_prepared(connection, statement.name, statement.sql, arguments, before=SET_WORKSPACE % workspace)


@contextmanager
def as_problems() -> Iterator[None]:
    """What the database answers to a read, as a problem. Raises `DatabaseAway`, `InvalidParameter`, `NotReady`."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnavailable) as error:
        raise DatabaseAway("the read models cannot be reached; try again") from error
    except psycopg.DataError as error:
        # What no signature can know: a NUL in a text, a number beyond what the database counts to.
        raise InvalidParameter(f"a value cannot be asked for: {error}", allowed="text without NUL") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise NotReady("there are no read models in this database yet: run `drumbeat migrate`") from error
