"""The tables of a generation behind one connection: what is loaded from them, and how changes are written."""

from collections.abc import Mapping
from typing import Any

import psycopg

from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.continuity import STREAMS
from drumbeat.projections.engine.fold import Changes
from drumbeat.projections.engine.hot import HotRows
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Measures
from drumbeat.projections.engine.table import (
    FEW_ROWS,
    CounterTable,
    Cursor,
    Found,
    Table,
    contact_literals,
    find_tables,
)


class Store:
    """Every table that a plan's projections write. Used by one projector, which is the only writer."""

    def __init__(
        self, connection: psycopg.Connection[Any], plan: Plan, hot_rows: int, generation: str = GENERATION
    ) -> None:
        """`hot_rows` bounds the rows that are kept in memory between batches, for each entity."""
        with connection.cursor() as cursor:
            found = find_tables(cursor, generation)
        self._erase = plan.erase
        self._rewritten = False
        self.tables: dict[str, Table[Any]] = {}
        self.counters: dict[str, CounterTable] = {}
        for entity in plan.entities:
            self._add_table(found, entity.table, entity.row, entity.key_columns)
        for projection in plan.projections:
            for derived in projection.derived:
                self._add_table(found, derived.table, derived.row, derived.key_columns)
            for log in projection.logs:
                self._add_table(found, log.table, log.row, 1)
            for measures in projection.measures:
                if measures.table not in self.counters:
                    columns = _counter_columns(measures)
                    self.counters[measures.table] = CounterTable(
                        found.get(measures.table), measures.table, columns, len(columns) - 1
                    )
        self.hot = tuple(HotRows(entity, self.tables[entity.table], hot_rows) for entity in plan.entities)
        self._add_table(found, STREAMS.table, STREAMS.row, STREAMS.key_columns)
        self.streams: Table[Any] = self.tables[STREAMS.table]
        self.hot_streams = HotRows(STREAMS, self.streams, hot_rows)

    def _add_table(self, found: Mapping[str, Found], name: str, row: type[Row], key_columns: int) -> None:
        self.tables[name] = Table(found.get(name), name, row.__struct_fields__, key_columns)

    @property
    def _all_hot(self) -> tuple[HotRows[Any], ...]:
        return (*self.hot, self.hot_streams)

    def write(self, cursor: Cursor, changes: Changes, shard: int) -> None:
        """Each changed row once, in the caller's transaction. A few of them wait for no answer in between."""
        few = are_few(changes)
        for rows in changes.rows:
            table = self.tables[rows.table]
            if rows.removed:
                table.take_away(cursor, rows.removed)
            if rows.added:
                table.add(cursor, rows.added, few=few)
            if rows.changed:
                table.change(cursor, rows.changed, few=few)
        for name, tally in changes.counters.items():
            amounts = self.counters[name].rows_of(tally, shard)
            if amounts:
                self.counters[name].change(cursor, amounts, few=few)
        for name, appended in changes.appended:
            self.tables[name].add(cursor, appended, few=few)
        for name, contacts in changes.erased.items():
            cursor.execute(self._erase[name], contact_literals(contacts))
            self._rewritten = True

    def expect(self, changes: Changes) -> None:
        """The changes are being written; nothing else is."""
        # Streams come last, and only from a source that may lose events.
        for hot, slots in zip(self._all_hot, changes.touched, strict=False):
            hot.expect(slots)

    def keep(self) -> None:
        """What was being written is committed; when rows were rewritten as erased, none at hand is what it was."""
        if self._rewritten:
            self.forget()
            return
        for hot in self._all_hot:
            hot.keep()

    def tell_planner(self, cursor: Cursor) -> None:
        """Renew the statistics of tables that grew much; between transactions."""
        for table in self.tables.values():
            table.tell_planner(cursor)

    def forget(self) -> None:
        """The tables may hold something else than what was written last."""
        self._rewritten = False
        for hot in self._all_hot:
            hot.forget()
        for table in (*self.tables.values(), *self.counters.values()):
            table.forget()


def are_few(changes: Changes) -> bool:
    """Whether a batch is so small that waiting for the server would be most of writing it."""
    rows = sum(len(rows.added) + len(rows.changed) for rows in changes.rows)
    amounts = sum(len(amounts) for tally in changes.counters.values() for amounts in tally.values())
    return rows + amounts + sum(len(appended) for _, appended in changes.appended) <= FEW_ROWS


def _counter_columns(measures: Measures[Any]) -> tuple[str, ...]:
    scope = measures.of.row.__struct_fields__[: measures.scope]
    return (*scope, *measures.columns, "shard", "value")
