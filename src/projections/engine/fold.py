"""Fold a batch in memory: from events to the rows that have to be written. Nothing here writes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from drumbeat.events.light import LightEvent
from drumbeat.projections.engine.decode import Directed
from drumbeat.projections.engine.hot import HotRows
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Derived, Fold, Key, Measures
from drumbeat.projections.engine.table import Cursor

Work: TypeAlias = list[tuple[Key, Fold[Any], LightEvent[Any], int]]
Tally: TypeAlias = defaultdict[Key, int]


class RowChanges(msgspec.Struct, gc=False):
    """What becomes of one table of rows: disjoint sets of keys."""

    table: str
    added: list[Any] = msgspec.field(default_factory=list)
    changed: list[Any] = msgspec.field(default_factory=list)
    removed: list[Key] = msgspec.field(default_factory=list)


class Changes(msgspec.Struct, gc=False):
    """All that a batch changes. `after` holds, by entity, the touched rows as they are then."""

    rows: list[RowChanges]
    counters: dict[str, Tally]
    appended: list[tuple[str, list[Row]]]
    after: list[dict[Key, Any]]


class Sorted(msgspec.Struct, gc=False):
    """A batch's events by the entity or log that they go to, in the log's order.

    `keys` holds, by entity, the keys of rows that are touched, each with whether the row begins with this batch.
    """

    entities: list[Work]
    keys: list[dict[Key, bool]]
    logs: list[list[Row]]


def sort_out(plan: Plan, events: Sequence[Directed]) -> Sorted:
    """Give every event to its entities, with the key of the row, and make the log rows."""
    entities: list[Work] = [[] for _ in plan.entities]
    keys: list[dict[Key, bool]] = [{} for _ in plan.entities]
    logs: list[list[Row]] = [[] for _ in plan.logs]
    for position, event, handlers in events:
        for index, key_of, fold, begins, _ in handlers.entities:
            key = key_of(event)
            if key is not None:
                keys[index].setdefault(key, begins)
                entities[index].append((key, fold, event, position))
        for index, make, _ in handlers.logs:
            row = make(event, position)
            if row is not None:
                logs[index].append(row)
    return Sorted(entities, keys, logs)


def fold_batch(plan: Plan, cursor: Cursor, hot: Sequence[HotRows[Any]], events: Sequence[Directed]) -> Changes:
    """Load what the batch touches and fold it. Reads only; folding it again gives the same changes."""
    work = sort_out(plan, events)
    appended = [(log.table, rows) for log, rows in zip(plan.logs, work.logs, strict=True) if rows]
    changes = Changes([], {}, appended, [{} for _ in plan.entities])
    for index, entity_work in enumerate(work.entities):
        if entity_work:
            before = hot[index].rows_of(cursor, work.keys[index])
            after = _folded(before, entity_work)
            changes.after[index] = after
            changes.rows.append(_differences(plan.entities[index].table, before, after))
            for measures in plan.measures[index]:
                tally = changes.counters.setdefault(measures.table, defaultdict(int))
                _measure(tally, measures, before, after)
            for derived in plan.derived[index]:
                changes.rows.append(_derived(derived, before, after))
    return changes


def _folded(before: Mapping[Key, Any], work: Work) -> dict[Key, Any]:
    # Folds may change the row they get, so each key's first fold gets a copy: `before` stays as it was.
    after = {key: row if row is None else row.__copy__() for key, row in before.items()}
    for key, fold, event, position in work:
        after[key] = fold(after[key], event, position)
    return after


def _differences(table: str, before: Mapping[Key, Any], after: Mapping[Key, Any]) -> RowChanges:
    changes = RowChanges(table)
    added, changed = changes.added, changes.changed
    for key, row in after.items():
        old = before[key]
        if old is None:
            if row is not None:
                added.append(row)
        elif row is None:
            changes.removed.append(key)
        elif row != old:
            changed.append(row)
    return changes


def _measure(tally: Tally, measures: Measures[Any], before: Mapping[Key, Any], after: Mapping[Key, Any]) -> None:
    measure, scope = measures.measure, measures.scope
    for key, row in after.items():
        old = before[key]
        new_values = () if row is None else measure(row)
        old_values = () if old is None else measure(old)
        if new_values == old_values:
            continue
        place = key[:scope]
        for columns, amount in new_values:
            tally[place + columns] += amount
        for columns, amount in old_values:
            tally[place + columns] -= amount


def _derived(derived: Derived[Any], before: Mapping[Key, Any], after: Mapping[Key, Any]) -> RowChanges:
    changes = RowChanges(derived.table)
    for key, row in after.items():
        old = before[key]
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
