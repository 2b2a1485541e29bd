"""Keep an idempotency key in a transaction, ahead of what is appended there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eventsourcing.persistence import StoredEvent

from drumbeat.commands.ledger import Once
from drumbeat.eventstore.connections import Connection
from drumbeat.eventstore.packing import uuid_of
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")


def keep_key(connection: Connection, events: Sequence[StoredEvent], once: Once | None) -> bool:
    """Whether the key is ours, or there is none; False: it is taken, and nothing may be appended."""
    if once is None:
        return True
    last = (uuid_of(events[-1]), events[-1].originator_version) if events else (None, None)
    kept = (once.workspace_id, once.key, once.request_hash, once.answer, once.expires_at)
    row = connection.execute(_SQL["keep_key"], (*kept, *last)).fetchone()
    assert row is not None
    return bool(row[0])
