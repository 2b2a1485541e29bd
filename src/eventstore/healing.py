"""Events that did not come by another way, fetched from the log by stream and version."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

import psycopg
import structlog

from drumbeat.eventstore.connections import Connection, open_connection
from drumbeat.eventstore.reader import LogRow, microseconds
from drumbeat.eventstore.roles import Role
from drumbeat.eventstore.sql import load_queries

log = structlog.get_logger(__name__)

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")


Missing: TypeAlias = Mapping[UUID, tuple[int, int]]
"""First and last missing version by stream."""

Heal: TypeAlias = Callable[[Missing], Mapping[UUID, Sequence[LogRow]] | None]
"""Fetches missing events from the log, by stream, in order; None: the log cannot be reached now."""


class FromLog:
    """A `Heal` over a connection of its own. For one thread."""

    def __init__(self, url: str) -> None:
        """Connects at the first call."""
        self._url = url
        self._connection: Connection | None = None

    def __call__(self, missing: Missing) -> Mapping[UUID, Sequence[LogRow]] | None:
        """See `Heal`."""
        arguments = {
            "stream_ids": list(missing),
            "first": [first for first, _ in missing.values()],
            "last": [last for _, last in missing.values()],
        }
        try:
            if self._connection is None:
                self._connection = open_connection(self._url, settings={"timezone": "UTC"}, role=Role.READ)
            rows = self._connection.execute(_SQL["versions"], arguments).fetchall()
        except psycopg.Error as error:
            log.warning("log_away_for_healing", problem=str(error).strip())
            self.close()
            return None
        found: dict[UUID, list[LogRow]] = {}
        for stream_id, position, type_name, raw, recorded_at in rows:
            row = LogRow(position, type_name, bytes(raw), microseconds(recorded_at))
            found.setdefault(stream_id, []).append(row)
        return found

    def close(self) -> None:
        """Let go of the connection; a later call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def cannot_heal(_missing: Missing) -> None:
    """For those who have no log to fetch from: the stream waits."""
    return
