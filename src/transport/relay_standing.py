"""Where a relay stands, for those who look from outside."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "relay.sql")


@dataclass(frozen=True, slots=True)
class RelayStanding:
    """Everything at or below `position` is published. `fault` says what is in the way; None: nothing known."""

    position: int
    moved_at: datetime
    fault: str | None
    fault_since: datetime | None


def relay_standing(database_url: str, topic_prefix: str) -> RelayStanding | None:
    """None when no relay of this prefix has led yet. Raises psycopg's errors when the database does not answer."""
    with contextlib.closing(open_connection(database_url, settings={}, role=Role.READ)) as connection:
        row = connection.execute(_SQL["standing"], [topic_prefix]).fetchone()
    return None if row is None else RelayStanding(*row)
