"""Read models in tests: a log in a list, facts told in one line each, and the rows that come of them."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import dict_row

from drumbeat.events import Cause, Event, Fact
from drumbeat.events.codec import encode
from drumbeat.events.ids import DRUMBEAT
from drumbeat.projections.engine import Projection
from drumbeat.projections.engine.projector import Projector, ProjectorOptions

CAMPAIGN = uuid5(DRUMBEAT, "campaign of a test")
EPOCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning: when the story of a test begins."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One event of the log as it is stored."""

    position: int
    type: str
    bytes: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What a source hands out."""

    rows: Sequence[StoredRow]
    up_to: int


@dataclass(slots=True)
class ListLog:
    """A log in memory that is written by `tell` and read like any source. Positions count from 1."""

    rows: list[StoredRow] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)

    def tell(
        self,
        stream_id: UUID,
        *facts: Fact,
        campaign_id: UUID | None = CAMPAIGN,
        workspace_id: str = "default",
        minutes: float | None = None,
    ) -> int:
        """Append facts to a stream, `minutes` after EPOCH, else a second after the event before. The position."""
        for fact in facts:
            position = len(self.rows) + 1
            version = self.versions.get(stream_id, 0) + 1
            self.versions[stream_id] = version
            time = EPOCH + (timedelta(seconds=position) if minutes is None else timedelta(minutes=minutes))
            event = Event(
                id=uuid5(stream_id, str(version)),
                stream_id=stream_id,
                stream_version=version,
                time=time,
                workspace_id=workspace_id,
                campaign_id=campaign_id,
                actor="tester",
                cause=Cause.USER,
                correlation_id=uuid5(DRUMBEAT, "correlation"),
                causation_id=None,
                fact=fact,
            )
            self.rows.append(StoredRow(position, fact.TYPE, encode(event), time))
        return len(self.rows)

    def tell_raw(self, type_name: str, raw: bytes) -> int:
        """Append bytes as they are."""
        self.rows.append(StoredRow(len(self.rows) + 1, type_name, raw, EPOCH))
        return len(self.rows)

    def read(self, after: int, limit: int) -> StoredBatch:
        """At most `limit` events above `after`."""
        return StoredBatch(self.rows[after : after + limit], len(self.rows))

    def wait(self, timeout: float) -> None:
        """Nothing comes by itself: a moment is enough."""
        threading.Event().wait(min(timeout, 0.01))

    def reordered(self, order: Sequence[StoredRow]) -> "ListLog":
        """The same events under new positions."""
        rows = [StoredRow(i, row.type, row.bytes, row.recorded_at) for i, row in enumerate(order, start=1)]
        return ListLog(rows)


def project(
    log: ListLog,
    database_url: str,
    projections: Sequence[Projection],
    *,
    until: int | None = None,
    batch_events: int = 5_000,
    **options: Any,
) -> Projector:
    """Apply the log up to a position (default: its end) with a projector of its own, which is given back."""
    projector = Projector(
        log, database_url, projections, ProjectorOptions(batch_events=batch_events, poll_seconds=0.01, **options)
    )
    projector.run_until(len(log.rows) if until is None else until, timeout_seconds=30)
    return projector


def rows_of(database_url: str, view: str, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    """All rows of a `live` view (or of schema.table), in an order that does not depend on how they were made."""
    name = view if "." in view else f"live.{view}"
    with closing(psycopg.connect(database_url, row_factory=dict_row)) as connection:
        found = connection.execute(f"SELECT * FROM {name}").fetchall()
    dropped = set(without)
    kept = [{column: value for column, value in row.items() if column not in dropped} for row in found]
    return sorted(kept, key=repr)


def counters(database_url: str, campaign_id: UUID = CAMPAIGN) -> Mapping[tuple[str, str], int]:
    """The dashboard's counters of a campaign by metric and key."""
    return {
        (row["metric"], row["key"]): row["value"]
        for row in rows_of(database_url, "dashboard_counters")
        if row["campaign_id"] == campaign_id
    }
