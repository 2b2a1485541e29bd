"""The peer of `live`: the library's ProjectionRunner, filling the same tables an event at a time.

It is what a user of the library writes: one transaction an event, with the tracking record and plain upserts. The
rows are computed by our own fold functions and events are decoded to light types, so that only the way in which
they are applied differs; both are in the peer's favour.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from enum import Enum
from typing import Any, ClassVar, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Mapper, Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from psycopg import sql
from psycopg.rows import tuple_row

from benchmarks.keys import opened
from benchmarks.live_events import appends
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.events.light import LightEvent
from drumbeat.eventstore.mapper import CloudEventsMapper
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.fold import Changes, fold_batch
from drumbeat.projections.engine.install import install
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.store import Store

_INSERT = sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {changes}")
_APPEND = sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values})")
_DELETE = sql.SQL("DELETE FROM {table} WHERE {match}")


class LightMapper(CloudEventsMapper):
    """Decodes to light types, which costs a quarter of the library's own way; keys are given to it for nothing."""

    def to_domain_event(self, stored_event: Any) -> Any:
        return opened(stored_event.topic, stored_event.state)


class Outreach(Application[UUID]):
    """The library's application over the library's table."""

    def construct_mapper(self) -> Mapper[UUID]:
        return LightMapper()


class ReadModels(PostgresTrackingRecorder):
    """The view: what one event changes and the tracking record, in one transaction."""

    plan: ClassVar[Plan]
    store: ClassVar[Store]

    def apply(self, event: LightEvent[Any], tracking: Tracking) -> None:
        handlers = self.plan.handlers.get(event.type)
        with self.datastore.transaction(commit=True) as tracking_cursor:
            if handlers is not None:
                with tracking_cursor.connection.cursor(row_factory=tuple_row) as cursor:
                    events = [(tracking.notification_id, event, handlers)]
                    write_changes(cursor, self.store, fold_batch(self.plan, cursor, self.store.hot, events))
            self._insert_tracking(tracking_cursor, tracking)


class Dashboards(LibraryProjection[ReadModels]):
    """What the runner calls for each event."""

    name = "dashboards"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.apply(domain_event, tracking)


def write_changes(cursor: psycopg.Cursor[Any], store: Store, changes: Changes) -> None:
    """Every row that changed, with a plain upsert each."""
    for rows in changes.rows:
        table = store.tables[rows.table]
        for row in (*rows.added, *rows.changed):
            _upsert(cursor, table.name, table.columns, table.key, [getattr(row, c) for c in table.columns])
        for key in rows.removed:
            _remove(cursor, table.name, table.key, key)
    for name, tally in changes.counters.items():
        counters = store.counters[name]
        for row in counters.rows_of(tally, 0):
            _upsert(cursor, name, counters.columns, counters.key, row, add=True)
    for name, log_rows in changes.appended:
        columns = store.tables[name].columns
        for log_row in log_rows:
            _upsert(cursor, name, columns, (), [getattr(log_row, column) for column in columns])


_statements: dict[tuple[str, bool], sql.Composed] = {}


def _upsert(
    cursor: psycopg.Cursor[Any],
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    row: Sequence[Any],
    *,
    add: bool = False,
) -> None:
    statement = _statements.get((table, add))
    if statement is None:
        changed = [column for column in columns if column not in key]
        new = sql.SQL("{0} = {1}.{0} + excluded.{0}") if add else sql.SQL("{0} = excluded.{0}")
        statement = _statements[table, add] = (_INSERT if key else _APPEND).format(
            table=sql.Identifier(table),
            columns=_names(columns),
            values=sql.SQL(", ").join(sql.Placeholder() * len(columns)),
            key=_names(key),
            changes=sql.SQL(", ").join(new.format(sql.Identifier(c), sql.Identifier(table)) for c in changed),
        )
    cursor.execute(statement, [value.value if isinstance(value, Enum) else value for value in row])


def _remove(cursor: psycopg.Cursor[Any], table: str, columns: Sequence[str], key: Sequence[Any]) -> None:
    match = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in columns)
    values = [UUID(int=v) if isinstance(v, int) and v.bit_length() > 63 else v for v in key]
    cursor.execute(_DELETE.format(table=sql.Identifier(table), match=match), values)


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def run_peer(url: str, contacts: int, *, together: bool) -> float:
    """Events a second of the runner over a log of its own in the library's table."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        install(connection, PROJECTIONS)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = {}, public").format(
                sql.Identifier(name), sql.Identifier(GENERATION)
            )
        )
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": name,
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_PORT": "5432",
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_SCHEMA": "public",
    }
    application = Outreach(env)
    count = 0
    for events in appends(contacts, together=together):
        for first in range(0, len(events), 500):
            cast("PostgresApplicationRecorder", application.recorder).insert_events(events[first : first + 500])
        count += len(events)
    application.close()
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        ReadModels.plan = Plan(PROJECTIONS)
        ReadModels.store = Store(connection, ReadModels.plan, 0)
        started = time.perf_counter()
        with ProjectionRunner(
            application_class=Outreach, projection_class=Dashboards, view_class=ReadModels, env=env
        ) as runner:
            runner.wait(count, timeout=300)
            elapsed = time.perf_counter() - started
    return count / elapsed
