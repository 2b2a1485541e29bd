"""One number from a database, asked by the reading role from the event loop over a connection of its own."""

import psycopg
from psycopg.rows import TupleRow

from drumbeat.eventstore.roles import Role, as_role

CONNECT_TIMEOUT_SECONDS = 3


class Look:
    """Asks a statement whose first column is a position. Connects when first asked, and anew after a failure.

    For one task at a time.
    """

    def __init__(self, url: str, statement: bytes) -> None:
        self._url = url
        self._statement = statement
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None

    async def position(self) -> int:
        """The answer. Raises `psycopg.Error`."""
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                as_role(self._url, Role.READ), autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
            )
        try:
            cursor = await self._connection.execute(self._statement)
            row = await cursor.fetchone()
        except BaseException:
            # Cancelled or broken in the middle of an answer: the connection's state is not known.
            await self.close()
            raise
        return int(row[0]) if row else 0

    async def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
