"""Read models in tests: a log in a list, facts told in one line each, and the rows that come of them."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import dict_row

from drumbeat.access.person_keys import AskKeys
from drumbeat.events import Cause, Event, Fact
from drumbeat.events.ids import DRUMBEAT
from drumbeat.projections.engine import Entity, Key, Projection
from drumbeat.projections.engine.bookkeeping import ParkedStreams
from drumbeat.projections.engine.decode import decode_rows, hold_back
from drumbeat.projections.engine.fold import fold_batch
from drumbeat.projections.engine.hot import HotRows
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.engine.table import Table
from drumbeat.transport.source import Batch, LogRewound, LogRow, OnePartition, event_id_of
from support.sealing import KEYS, keep_keys, person_of, sealed_bytes

CAMPAIGN = uuid5(DRUMBEAT, "campaign of a test")
EPOCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning: when the story of a test begins."""


@dataclass(slots=True)
class ListLog(OnePartition):
    """A log in memory that is written by `tell` and read like any source. Positions count from 1."""

    rows: list[LogRow] = field(default_factory=list)
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
                person_id=person_of(stream_id) if getattr(fact, "private", None) is not None else None,
                fact=fact,
            )
            self.rows.append(LogRow(position, fact.TYPE, sealed_bytes(event), _us(time)))
        return len(self.rows)

    def tell_raw(self, type_name: str, raw: bytes) -> int:
        """Append bytes as they are."""
        self.rows.append(LogRow(len(self.rows) + 1, type_name, raw, _us(EPOCH)))
        return len(self.rows)

    def read(self, after: int, limit: int) -> Batch:
        """At most `limit` events above `after`."""
        rows = self.rows[after : after + limit]
        return Batch(rows, rows[-1].position if rows else after, len(self.rows))

    def wait(self, timeout_seconds: float) -> bool:
        """Nothing comes by itself: a moment is enough."""
        threading.Event().wait(min(timeout_seconds, 0.01))
        return False

    def verify_event(self, position: int, event_id: UUID) -> None:
        """As the log does it."""
        found = event_id_of(self.rows[position - 1].bytes) if position <= len(self.rows) else None
        if found != event_id:
            raise LogRewound(position, event_id, found)

    def close(self) -> None:
        """Nothing is open."""

    def reordered(self, order: Sequence[LogRow]) -> "ListLog":
        """The same events under new positions."""
        rows = [row._replace(position=i) for i, row in enumerate(order, start=1)]
        return ListLog(rows)


def _us(time: datetime) -> int:
    return (time - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def into_ledger(log: ListLog, url: str) -> None:
    """Write the log into the ledger, where what is missing on Kafka is fetched."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.cursor().executemany(
            "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, (convert_from(%s, 'UTF8')::jsonb ->> 'subject')::uuid,"
            " (convert_from(%s, 'UTF8')::jsonb ->> 'streamversion')::int, %s, %s)",
            [(row.position, row.bytes, row.bytes, row.type, row.bytes) for row in log.rows],
        )
        connection.execute("SELECT setval('ledger.events_position', max(position)) FROM ledger.events")
    keep_keys(url, [row.bytes for row in log.rows])


def project(
    log: ListLog,
    database_url: str,
    projections: Sequence[Projection],
    *,
    until: int | None = None,
    batch_events: int = 5_000,
    ask: AskKeys = KEYS,
    **options: Any,
) -> Projector:
    """Apply the log up to a position (default: its end) with a projector of its own, which is given back."""
    projector = Projector(
        log,
        database_url,
        projections,
        ProjectorOptions(batch_events=batch_events, poll_seconds=0.01, **options),
        ask=ask,
    )
    projector.run_until(len(log.rows) if until is None else until, timeout_seconds=30)
    return projector


class MemoryReadModels:
    """Rows and counters of projections, folded by the engine's own code, without a database."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self._plan = Plan(projections)
        self._hot = [HotRows(entity, _Nothing(entity), 10**9) for entity in self._plan.entities]
        self.position = 0
        self.rows: dict[str, dict[Key, Any]] = {entity.table: {} for entity in self._plan.entities}
        self.counters: dict[str, Counter[Key]] = {}

    def apply(self, log: ListLog, batch_events: int) -> bool:
        """Fold the next events of the log as one batch. False when there are none."""
        decoded = decode_rows(self._plan, log.rows[self.position : self.position + batch_events], KEYS)
        if not decoded:
            return False
        batch = hold_back(self._plan, self._plan.names, decoded, ParkedStreams())
        changes = fold_batch(self._plan, cast("Any", None), self._hot, batch.events)
        for entity, hot, slots in zip(self._plan.entities, self._hot, changes.touched, strict=True):
            hot.expect(slots)
            hot.keep()
            table = self.rows[entity.table]
            for key, slot in slots.items():
                table[key] = slot.row
                if slot.row is None:
                    del table[key]
        for name, tally in changes.counters.items():
            counter = self.counters.setdefault(name, Counter())
            for place, amounts in tally.items():
                for key, amount in amounts.items():
                    counter[place + key] += amount
        self.position = log.rows[self.position + len(decoded) - 1].position
        return True

    def count(self, table: str) -> dict[Key, int]:
        """The counters of a table that are not zero; keys without workspace and campaign."""
        return {key[2:]: amount for key, amount in self.counters.get(table, {}).items() if amount}


class _Nothing(Table[Any]):
    """A table of which everything is at hand already."""

    def __init__(self, entity: Entity[Any]) -> None:
        self.key = entity.row.__struct_fields__[: entity.key_columns]

    def load(self, cursor: Any, keys: Sequence[Key], decoder: Any) -> list[Any]:
        return []


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
