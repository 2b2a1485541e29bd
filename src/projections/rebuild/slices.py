"""One slice of a rebuild: the events of some streams, from the first to the mark, folded in memory and copied out.

A row is made of the events of one stream (an entity's key says which), so a slice has all that its rows need. It
is folded in pieces of whole streams, so that only a piece is in memory. Counters and derived rows follow from the
rows as they are in the end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg

from drumbeat.access.person_keys import AskKeys
from drumbeat.events.light import LightEvent
from drumbeat.eventstore.reader import copy_streams
from drumbeat.projections.engine.apply import NOT_THE_EVENTS_FAULT
from drumbeat.projections.engine.bookkeeping import ParkedEvent, ParkedStreams, park
from drumbeat.projections.engine.decode import Decoded, decode_rows, hold_back, parked
from drumbeat.projections.engine.fold import Tally, no_amounts
from drumbeat.projections.engine.plan import Handlers, Plan
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Key, Measures, by_stream
from drumbeat.projections.engine.store import Store
from drumbeat.projections.engine.table import Cursor, contact_literals
from drumbeat.projections.rebuild.cutting import Slice

ROWS_A_COPY: Final = 5_000

_AMOUNTS_AT_HAND: Final = 30_000
"""So many sums of counters are kept before they are written, for there may be as many campaigns as contacts."""


class SliceCancelled(Exception):
    """Somebody does not want the rebuild any more. Nothing of the slice is kept."""


class _Poisoned(Exception):
    """A projection failed on some streams, or Postgres refuses their rows: folded again, these with care."""

    def __init__(self, streams: frozenset[UUID]) -> None:
        super().__init__(f"{len(streams)} streams")
        self.streams = streams


@dataclass(slots=True)
class SliceFold:
    """Folds one slice. `tell` hears how many events were looked at, and may raise `SliceCancelled`.

    `store` knows the generation's tables. `reading` is a connection to the log, `writing` one to the read models,
    in a transaction of the caller's that becomes the whole slice or nothing. Raises what the database raises, and
    `KeysAway`.
    """

    plan: Plan
    store: Store
    reading: psycopg.Connection[Any]
    writing: psycopg.Connection[Any]
    ask: AskKeys
    tell: Callable[[int], None]
    _careful: frozenset[UUID] = frozenset()
    _rows: list[dict[Key, Any]] = field(default_factory=list)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _erased: dict[str, list[Key]] = field(default_factory=dict)
    _parked: list[ParkedEvent] = field(default_factory=list)
    _waiting: ParkedStreams = field(default_factory=ParkedStreams)
    _poisoned: set[UUID] = field(default_factory=set)

    def run(self, one: Slice) -> int:
        """Fold it all and write it; how many events it had."""
        with self.writing.cursor() as cursor:
            cursor.execute("SELECT set_config('search_path', %s, true)", [one.generation])
            while True:
                try:
                    with self.writing.transaction():
                        return self._fold(cursor, one)
                except _Poisoned as poisoned:
                    self._careful |= poisoned.streams

    def _fold(self, cursor: Cursor, one: Slice) -> int:
        self._begin()
        events = 0
        for first, last in one.pieces():
            rows = copy_streams(self.reading, first=first, last=last, up_to=one.mark)
            events += len(rows)
            self._fold_piece(cursor, decode_rows(self.plan, rows, self.ask))
            self.tell(events)
        if self._poisoned:
            raise _Poisoned(frozenset(self._poisoned))
        self._write_rest(cursor, one)
        return events

    def _begin(self) -> None:
        self._tallies, self._erased, self._parked = {}, {}, []
        self._waiting, self._poisoned = ParkedStreams(), set()

    def _fold_piece(self, cursor: Cursor, decoded: Sequence[Decoded]) -> None:
        try:
            with self.writing.transaction():
                self._fold_streams(cursor, decoded)
        except psycopg.DataError:
            # Some row is refused, and a COPY does not say whose.
            refused = self._refused(cursor, decoded)
            if not refused:
                raise
            raise _Poisoned(refused) from None

    def _fold_streams(self, cursor: Cursor, decoded: Sequence[Decoded]) -> None:
        self._rows = [{} for _ in self.plan.entities]
        self._apply(cursor, decoded)
        if not self._poisoned:
            self._write_rows(cursor)

    def _refused(self, cursor: Cursor, decoded: Sequence[Decoded]) -> frozenset[UUID]:
        """The streams whose rows Postgres refuses, of some of which it refuses a row: found by halves."""
        streams = sorted({stream for item in decoded if (stream := _stream_of(item)) is not None})
        if len(streams) < 2:
            return frozenset(streams) - self._careful
        refused = frozenset[UUID]()
        lower = set(streams[: len(streams) // 2])
        for is_lower in (True, False):
            half = [item for item in decoded if (_stream_of(item) in lower) is is_lower]
            self._begin()
            try:
                with self.writing.transaction(force_rollback=True):
                    self._fold_streams(cursor, half)
            except psycopg.DataError:
                refused |= self._refused(cursor, half)
        return refused

    def _apply(self, cursor: Cursor, decoded: Sequence[Decoded]) -> None:
        plain = decoded
        if self._careful:
            plain = []
            for item in decoded:
                if _stream_of(item) in self._careful:
                    self._apply_alone(cursor, item)
                else:
                    plain.append(item)
        batch = hold_back(self.plan, self.plan.names, plain, self._waiting)
        self._set_aside(batch.parked)
        logs: list[list[Row]] = [[] for _ in self.plan.logs]
        for position, event, handlers in batch.events:
            try:
                self._apply_event(position, event, handlers, logs)
            except NOT_THE_EVENTS_FAULT:
                raise
            except Exception:  # noqa: BLE001  whatever an event does to a fold, the others must flow
                self._poisoned.add(event.stream_id)
        self._add_logs(cursor, logs)

    def _apply_event(
        self, position: int, event: LightEvent[Any], handlers: Handlers, logs: list[list[Row]]
    ) -> None:
        all_rows = self._rows
        for key_of, entities in handlers.by_key:
            key = key_of(event)
            if key is not None:
                for index, fold, _ in entities:
                    rows = all_rows[index]
                    rows[key] = fold(rows.get(key), event, position)
        for index, make, _ in handlers.logs:
            row = make(event, position)
            if row is not None:
                logs[index].append(row)
        self._erase(event, handlers)

    def _apply_alone(self, cursor: Cursor, item: Decoded) -> None:
        """An event of a stream on which some projection failed: each projection gets it by itself, or parks it."""
        batch = hold_back(self.plan, self.plan.names, [item], self._waiting)
        self._set_aside(batch.parked)
        for position, event, handlers in batch.events:
            self._erase(event, handlers)
            for name in sorted(handlers.projections):
                own = handlers.of_others_than(handlers.projections - {name})
                kept = self._copies(event, own)
                logs: list[list[Row]] = [[] for _ in self.plan.logs]
                cursor.execute("SAVEPOINT event")
                try:
                    self._apply_event(position, event, own, logs)
                    self._try_to_write(cursor, event, own)
                    self._add_logs(cursor, logs)
                except NOT_THE_EVENTS_FAULT:
                    raise
                except Exception as error:  # noqa: BLE001  as above
                    cursor.execute("ROLLBACK TO event")
                    for index, key, row in kept:
                        self._rows[index][key] = row
                    reason = f"{type(error).__name__}: {error}"
                    self._set_aside([parked(item[0], name, event.stream_id, reason)])

    def _try_to_write(self, cursor: Cursor, event: LightEvent[Any], handlers: Handlers) -> None:
        # A row, or what follows from it, may be refused too; it is the event that is parked then.
        cursor.execute("SAVEPOINT trial")
        for index, _, row in self._copies(event, handlers):
            if row is not None:
                self.store.tables[self.plan.entities[index].table].add(cursor, [row])
                for measures in self.plan.measures[index]:
                    measures.measure(row)
                for derived in self.plan.derived[index]:
                    self._add(cursor, derived.table, list(derived.rows(row)))
        cursor.execute("ROLLBACK TO trial")

    def _copies(self, event: LightEvent[Any], handlers: Handlers) -> list[tuple[int, Key, Any]]:
        found = []
        for key_of, entities in handlers.by_key:
            key = key_of(event)
            if key is not None:
                for index, _, _ in entities:
                    row = self._rows[index].get(key)
                    found.append((index, key, None if row is None else row.__copy__()))
        return found

    def _erase(self, event: LightEvent[Any], handlers: Handlers) -> None:
        key = by_stream(event) if handlers.erasing else None
        if key is not None:
            for projection in handlers.erasing:
                self._erased.setdefault(projection, []).append(key)

    def _set_aside(self, events: Sequence[ParkedEvent]) -> None:
        self._parked += events
        self._waiting.note(events)

    # Writing.

    def _write_rows(self, cursor: Cursor) -> None:
        for index, entity in enumerate(self.plan.entities):
            by_key = self._rows[index]
            rows = [row for row in by_key.values() if row is not None]
            self._add(cursor, entity.table, rows)
            for derived in self.plan.derived[index]:
                self._add(cursor, derived.table, [row for source in rows for row in derived.rows(source)])
            for measures in self.plan.measures[index]:
                _measure(self._tallies.setdefault(measures.table, no_amounts()), measures, by_key)
        if sum(len(amounts) for tally in self._tallies.values() for amounts in tally.values()) > _AMOUNTS_AT_HAND:
            self._write_counters(cursor)

    def _write_counters(self, cursor: Cursor) -> None:
        # Parts of the same counter: they are added up before there is a key.
        for table, tally in self._tallies.items():
            counters = self.store.counters[table]
            counters.add(cursor, counters.rows_of(tally, 0))
        self._tallies = {}

    def _write_rest(self, cursor: Cursor, one: Slice) -> None:
        self._write_counters(cursor)
        for name, contacts in self._erased.items():
            cursor.execute(self.plan.erase[name], contact_literals(contacts))
        park(cursor, one.generation, self._parked)

    def _add(self, cursor: Cursor, table: str, rows: Sequence[Row]) -> None:
        for first in range(0, len(rows), ROWS_A_COPY):
            self.store.tables[table].add(cursor, rows[first : first + ROWS_A_COPY])

    def _add_logs(self, cursor: Cursor, logs: Sequence[Sequence[Row]]) -> None:
        for log, rows in zip(self.plan.logs, logs, strict=True):
            self._add(cursor, log.table, rows)


def _stream_of(item: Decoded) -> UUID | None:
    # What could not be decoded has none.
    return getattr(item[1], "stream_id", None)


def _measure(tally: Tally, measures: Measures[Any], by_key: Mapping[Key, Any]) -> None:
    # The sum over the rows as they are in the end: what differences add up to.
    measure, scope = measures.measure, measures.scope
    for key, row in by_key.items():
        if row is not None:
            amounts = tally[key[:scope]]
            for columns, amount in measure(row):
                amounts[columns] += amount
