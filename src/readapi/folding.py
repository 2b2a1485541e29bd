"""A campaign as of a position, folded from the log by the very projections into tables of one session's own.

The tables and views are made by the projections' own scripts, as temporary ones: the statements of `sql/` are
asked of them as they are. One session holds one campaign of one workspace; another one gets a session of its own.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import structlog
from psycopg import sql

from drumbeat.eventstore.connections import LogConnection
from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT
from drumbeat.projections.engine.bookkeeping import SQL as BOOKS
from drumbeat.projections.engine.bookkeeping import ParkedStreams
from drumbeat.projections.engine.decode import Decoded, decode_rows, hold_back, parked
from drumbeat.projections.engine.fold import fold_batch
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.store import Store
from drumbeat.projections.engine.table import contact_literals
from drumbeat.projections.models import FOR_READERS, installed
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.problems import AsOfTooLarge
from drumbeat.readapi.statements import load, on_own_views

log = structlog.get_logger()

SQL = load("worlds")

_EVENTS_AT_ONCE = 10_000
_ONLY_SHARD = 0


@lru_cache(maxsize=1)
def plan() -> Plan:
    """What readers see, of installed packages too."""
    return Plan((*FOR_READERS, *installed().projections))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be folded: a campaign of a workspace, up to a position."""

    workspace_id: str
    campaign_id: UUID
    position: int


def make_tables(connection: LogConnection) -> None:
    """Make the projections' tables and views in a new session, for itself alone. Raises psycopg's errors."""
    with connection.transaction():
        connection.execute(SQL["only_own"])
        connection.execute(BOOKS["engine_tables"])
        scripts = [projection.script() for projection in plan().projections]
        for script in scripts:
            connection.execute(script["tables"])
        for script in scripts:
            if "views" in script:
                connection.execute(on_own_views(script["views"]))


def fold(
    connection: LogConnection, ledger: LedgerReads, asked: Asked, contacts: Sequence[UUID], *, most_events: int
) -> int:
    """Fill a session's tables with a campaign and what its answers show; how many events that took.

    `contacts`: its other streams, which no more may be than events. Raises `AsOfTooLarge` before its contacts are
    folded, `DatabaseAway`, psycopg's errors.
    """
    _bounded(len(contacts), "contacts, or more, by now", asked, most_events)
    lengths = ledger.lengths([asked.campaign_id, *contacts], asked.position)
    events = _bounded(sum(lengths.values()), "events by then", asked, most_events)
    with connection.transaction(), connection.cursor() as cursor:
        folding = _Folding(connection, cursor, ledger, asked)
        folding.streams([asked.campaign_id])
        named = [stream_id for (stream_id,) in cursor.execute(SQL["named"]).fetchall()]
        events += sum(ledger.lengths(named, asked.position).values())
        _bounded(events, "events by then", asked, most_events)
        folding.streams(named)
        for chunk in _chunks(contacts, lengths):
            folding.streams(chunk)
        folding.store.tell_planner(cursor)
        _wall_off(cursor)
    return events


def _bounded(count: int, what: str, asked: Asked, most_events: int) -> int:
    if count > most_events:
        raise AsOfTooLarge(
            f"the campaign had {count:,} {what}; answers as of an earlier moment are given up to {most_events:,}",
            field="as_of",
            value=str(asked.position),
            allowed=f"campaigns of at most {most_events:,} events",
        )
    return count


def forget(cursor: psycopg.Cursor[Any], asked: Asked, erased: Sequence[UUID]) -> None:
    """Rewrite the rows of contacts who were erased since. In a transaction in which the workspace is set."""
    literals = contact_literals([(asked.workspace_id, asked.campaign_id.int, one.int) for one in erased])
    for statement in plan().erase.values():
        cursor.execute(statement, literals)


def _chunks(streams: Sequence[UUID], lengths: Mapping[UUID, int]) -> Iterator[Sequence[UUID]]:
    # Whole streams, so that each row is written once, and never many events at a time.
    chunk: list[UUID] = []
    events = 0
    for stream_id in streams:
        if stream_id in lengths:
            chunk.append(stream_id)
            events += lengths[stream_id]
        if events >= _EVENTS_AT_ONCE:
            yield chunk
            chunk, events = [], 0
    if chunk:
        yield chunk


def _wall_off(cursor: psycopg.Cursor[Any]) -> None:
    wall = sql.SQL(_trusted(SQL["wall"]))
    for (table,) in cursor.execute(SQL["with_workspaces"]).fetchall():
        cursor.execute(wall.format(table=sql.Identifier(table)))


@contextmanager
def _garbage_left() -> Iterator[None]:
    """No looking for cycles meanwhile: a chunk makes very many objects and no cycle. Of the whole process, so that
    this is for one thread at a time, and for a moment."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _trusted(statement: bytes) -> LiteralString:
    # Read from our own file.
    return statement.decode()


class _Folding:
    """Folds streams into the tables of a session, in the caller's transaction. For one thread."""

    def __init__(
        self, connection: LogConnection, cursor: psycopg.Cursor[Any], ledger: LedgerReads, asked: Asked
    ) -> None:
        row = cursor.execute(SQL["own_schema"]).fetchone()
        assert row is not None
        # Nothing is kept at hand: no row is touched by two chunks.
        self.store = Store(connection, plan(), 0, row[0])
        self._connection = connection
        self._cursor = cursor
        self._ledger = ledger
        self._asked = asked

    def streams(self, stream_ids: Sequence[UUID]) -> None:
        """Fold streams whole, up to the position that is asked for."""
        if stream_ids:
            rows = self._ledger.streams(stream_ids, self._asked.position)
            with _garbage_left():
                self._fold(self._own(decode_rows(plan(), rows, self._ledger.keys)))

    def _own(self, decoded: Sequence[Decoded]) -> Sequence[Decoded]:
        # Of another workspace nothing can be named by a campaign's own rows; if ever it is, it is not shown.
        workspace_id = self._asked.workspace_id
        return [item for item in decoded if getattr(item[1], "workspace_id", workspace_id) == workspace_id]

    def _fold(self, decoded: Sequence[Decoded]) -> None:
        try:
            with self._connection.transaction():
                self._write(plan(), plan().names, decoded, ParkedStreams())
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception:  # noqa: BLE001  as the projector does: what fails on an event is set aside with its stream
            self.store.forget()
            self._fold_apart(decoded)

    def _fold_apart(self, decoded: Sequence[Decoded]) -> None:
        streams: dict[object, list[Decoded]] = {}
        for item in decoded:
            streams.setdefault(getattr(item[1], "stream_id", None), []).append(item)
        if len(streams) > 1:
            middle = len(streams) // 2
            whole = list(streams.values())
            for half in (whole[:middle], whole[middle:]):
                self._fold([item for stream in half for item in stream])
            return
        waiting = ParkedStreams()
        for item in decoded:
            for name in plan().names:
                self._fold_alone(name, item, waiting)

    def _fold_alone(self, name: str, item: Decoded, waiting: ParkedStreams) -> None:
        row, event = item
        try:
            with self._connection.transaction():
                self._write(plan().only([name]), [name], [item], waiting)
        except NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  as above
            self.store.forget()
            reason = type(error).__name__
            log.warning("event_set_aside", projection=name, position=row.position, type=row.type, reason=reason)
            waiting.note([parked(row, name, getattr(event, "stream_id", None), reason)])

    def _write(self, plan: Plan, names: Sequence[str], decoded: Sequence[Decoded], waiting: ParkedStreams) -> None:
        batch = hold_back(plan, names, decoded, waiting)
        waiting.note(batch.parked)
        self.store.write(self._cursor, fold_batch(plan, self._cursor, self.store.hot, batch.events), _ONLY_SHARD)
