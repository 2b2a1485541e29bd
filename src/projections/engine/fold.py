"""Fold a batch in memory: from events to the rows that have to be written. Nothing here writes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from drumbeat.events.light import LightEvent
from drumbeat.projections.engine.decode import Directed
from drumbeat.projections.engine.hot import HotRows, Slot, Slots
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Derived, Fold, Key, Measures, by_stream
from drumbeat.projections.engine.table import Cursor

Work: TypeAlias = list[tuple[Slot, Fold[Any], LightEvent[Any], int]]
Tally: TypeAlias = defaultdict[Key, defaultdict[Key, int]]
"""Amounts by the counter's place (the first columns of an entity's key) and its own columns."""


class RowChanges(msgspec.Struct, gc=False):
    """What becomes of one table of rows: disjoint sets of keys."""

    table: str
    added: list[Any] = msgspec.field(default_factory=list)
    changed: list[Any] = msgspec.field(default_factory=list)
    removed: list[Key] = msgspec.field(default_factory=list)


class Changes(msgspec.Struct, gc=False):
    """All that a batch changes. `touched` holds, by entity, its rows before and after. `erased`: contacts by
    projection, whose rows are to be rewritten after that."""

    rows: list[RowChanges]
    counters: dict[str, Tally]
    appended: list[tuple[str, list[Row]]]
    touched: list[Slots]
    erased: dict[str, list[Key]] = msgspec.field(default_factory=dict)

    def add(self, table: str, slots: Slots) -> None:
        """Rows of a table that is not the plan's, changed beside."""
        self.rows.append(_differences(table, slots))
        self.touched.append(slots)


def fold_batch(plan: Plan, cursor: Cursor, hot: Sequence[HotRows[Any]], events: Sequence[Directed]) -> Changes:
    """Load what the batch touches and fold it. Reads only; folding it again gives the same changes."""
    works: list[Work] = [[] for _ in plan.entities]
    touched: list[Slots] = [{} for _ in plan.entities]
    logs: list[list[Row]] = [[] for _ in plan.logs]
    _sort_out(events, works, touched, logs)
    appended = [(log.table, rows) for log, rows in zip(plan.logs, logs, strict=True) if rows]
    changes = Changes([], {}, appended, touched)
    _erase(events, changes)
    for index, work in enumerate(works):
        if work:
            slots = touched[index]
            hot[index].fill(cursor, slots)
            for slot, fold, event, position in work:
                slot.row = fold(slot.row, event, position)
            changes.rows.append(_differences(plan.entities[index].table, slots))
            for measures in plan.measures[index]:
                _measure(changes.counters.setdefault(measures.table, no_amounts()), measures, slots)
            for derived in plan.derived[index]:
                changes.rows.append(_derived(derived, slots))
    return changes


def _erase(events: Sequence[Directed], changes: Changes) -> None:
    # Whatever else the batch says of these contacts: nothing personal comes after it in their streams.
    for _, event, handlers in events:
        key = by_stream(event) if handlers.erasing else None
        if key is not None:
            for projection in handlers.erasing:
                changes.erased.setdefault(projection, []).append(key)


def _sort_out(events: Sequence[Directed], works: list[Work], touched: list[Slots], logs: list[list[Row]]) -> None:
    # Every event to its entities, with the place of the row that it is about, in the log's order.
    for position, event, handlers in events:
        for key_of, entities in handlers.by_key:
            key = key_of(event)
            if key is not None:
                for index, fold, begins in entities:
                    slots = touched[index]
                    slot = slots.get(key)
                    if slot is None:
                        slot = slots[key] = Slot(begins)
                    works[index].append((slot, fold, event, position))
        for index, make, _ in handlers.logs:
            row = make(event, position)
            if row is not None:
                logs[index].append(row)


def _differences(table: str, slots: Slots) -> RowChanges:
    changes = RowChanges(table)
    added, changed = changes.added, changes.changed
    for key, slot in slots.items():
        old, row = slot.before, slot.row
        if old is None:
            if row is not None:
                added.append(row)
        elif row is None:
            changes.removed.append(key)
        elif row != old:
            changed.append(row)
    return changes


def no_amounts() -> Tally:
    """Amounts to be added to."""
    return defaultdict(lambda: defaultdict(int))


def _measure(tally: Tally, measures: Measures[Any], slots: Slots) -> None:
    measure, scope = measures.measure, measures.scope
    for key, slot in slots.items():
        old, row = slot.before, slot.row
        new_values = () if row is None else measure(row)
        old_values = () if old is None else measure(old)
        if new_values == old_values:
            continue
        amounts = tally[key[:scope]]
        for pair in new_values:
            if pair not in old_values:
                amounts[pair[0]] += pair[1]
        for pair in old_values:
            if pair not in new_values:
                amounts[pair[0]] -= pair[1]


def _derived(derived: Derived[Any], slots: Slots) -> RowChanges:
    changes = RowChanges(derived.table)
    for slot in slots.values():
        old, row = slot.before, slot.row
        new_rows = {} if row is None else _by_key(derived, row)
        old_rows = {} if old is None else _by_key(derived, old)
        if new_rows == old_rows:
            continue
        for derived_key, derived_row in new_rows.items():
            known = old_rows.pop(derived_key, None)
            if known is None:
                changes.added.append(derived_row)
            elif known != derived_row:
                changes.changed.append(derived_row)
        changes.removed.extend(old_rows)
    return changes


def _by_key(derived: Derived[Any], row: Any) -> dict[Key, Row]:
    return {_key(made, derived.key_columns): made for made in derived.rows(row)}


def _key(row: Row, columns: int) -> Key:
    values = msgspec.structs.astuple(row)[:columns]
    return tuple(getattr(value, "int", value) for value in values)
