"""Rows of read models, folded in memory by the functions of the projections: what history made of them, and when.

No database is asked and nothing is written. Rows follow from one stream each (counters alone add up over many), so
that the rows of a stream are whole when its events are folded from the first on.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from drumbeat.events import Event, Fact
from drumbeat.events.light import LightEvent, struct_of
from drumbeat.events.private import Withheld
from drumbeat.projections.contacts_rows import ContactCard
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Derived, Entity, Key, Measures, Projection


class RowChange(NamedTuple):
    """What an event did to one row. None: there is no row. `key_columns`: how many fields are its key, from the
    first on; a row that was appended to a log has 0, and nothing before it."""

    projection: Projection
    table: str
    key_columns: int
    before: Row | None
    after: Row | None


class CounterChange(NamedTuple):
    """By how much an event moved a counter; `place` is workspace and campaign, `key` its own columns."""

    projection: Projection
    table: str
    place: Key
    key: Key
    by: int


class MemoryRows:
    """The rows of any streams, event by event. Not for several threads."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        """Holds nothing yet. Raises `PlanError` when projections do not fit together."""
        self.plan = Plan(projections)
        self._projection_of = {
            id(part): one
            for one in projections
            for part in (*one.entities, *one.measures, *one.derived, *one.logs)
        }
        self._rows: list[dict[Key, Any]] = [{} for _ in self.plan.entities]
        self._index = {id(entity): index for index, entity in enumerate(self.plan.entities)}

    def rows(self, entity: Entity[Any]) -> dict[Key, Any]:
        """The rows of an entity now, by their keys. A row that was given out never changes; the next event puts
        another in its place."""
        return self._rows[self._index[id(entity)]]

    def forget(self) -> None:
        """Hold nothing again."""
        for rows in self._rows:
            rows.clear()

    def fold(self, event: LightEvent[Any], position: int) -> None:
        """Take an event in, whatever it changes. The events of a stream have to come in their order."""
        handlers = self.plan.handlers.get(event.type)
        for key_of, entities in () if handlers is None else handlers.by_key:
            key = key_of(event)
            if key is not None:
                for index, fold, _ in entities:
                    self._folded(index, key, fold, event, position)

    def apply(self, event: LightEvent[Any], position: int) -> list[RowChange | CounterChange]:
        """The same, and what it changes."""
        handlers = self.plan.handlers.get(event.type)
        if handlers is None:
            return []
        changes: list[RowChange | CounterChange] = []
        for key_of, entities in handlers.by_key:
            key = key_of(event)
            if key is not None:
                for index, fold, _ in entities:
                    changes += self._fold(index, key, fold, event, position)
        for index, make, _ in handlers.logs:
            row, log = make(event, position), self.plan.logs[index]
            if row is not None:
                changes.append(RowChange(self._projection_of[id(log)], log.table, 0, None, row))
        return changes

    def _folded(self, index: int, key: Key, fold: Any, event: LightEvent[Any], position: int) -> tuple[Any, Any]:
        rows = self._rows[index]
        before = rows.get(key)
        # Folds may change the row that they get.
        after = fold(None if before is None else before.__copy__(), event, position)
        if isinstance(after, ContactCard):
            as_erased_when_erased(after, event)
        if after is None:
            rows.pop(key, None)
        else:
            rows[key] = after
        return before, after

    def _fold(
        self, index: int, key: Key, fold: Any, event: LightEvent[Any], position: int
    ) -> Iterator[RowChange | CounterChange]:
        before, after = self._folded(index, key, fold, event, position)
        if before == after:
            return
        entity = self.plan.entities[index]
        yield RowChange(self._projection_of[id(entity)], entity.table, entity.key_columns, before, after)
        for derived in self.plan.derived[index]:
            yield from self._derived(derived, before, after)
        for measures in self.plan.measures[index]:
            yield from self._measured(measures, key, before, after)

    def _derived(self, derived: Derived[Any], before: Row | None, after: Row | None) -> Iterator[RowChange]:
        old = {} if before is None else {_key(row, derived.key_columns): row for row in derived.rows(before)}
        new = {} if after is None else {_key(row, derived.key_columns): row for row in derived.rows(after)}
        for key in dict.fromkeys((*old, *new)):
            was, now = old.get(key), new.get(key)
            if was != now:
                projection = self._projection_of[id(derived)]
                yield RowChange(projection, derived.table, derived.key_columns, was, now)

    def _measured(
        self, measures: Measures[Any], key: Key, before: Row | None, after: Row | None
    ) -> Iterator[CounterChange]:
        amounts: dict[Key, int] = {}
        for row, sign in ((before, -1), (after, 1)):
            for name, amount in () if row is None else measures.measure(row):
                amounts[name] = amounts.get(name, 0) + sign * amount
        projection = self._projection_of[id(measures)]
        for name, by in amounts.items():
            if by:
                yield CounterChange(projection, measures.table, key[: measures.scope], name, by)


def as_erased_when_erased(card: ContactCard, event: LightEvent[Any]) -> None:
    """Of a person who was erased since, history shows what the read model shows (contacts.sql: erase)."""
    private = getattr(event.data, "private", None)
    if private is not None and private.withheld == Withheld.ERASED:
        card.address_keys, card.erased = "{}", True


def light_event(event: Event[Fact]) -> LightEvent[Any]:
    """An event as projections see it, from one that is decoded already: what is opened in it stays so."""
    # By way of JSON, as the bytes of the log are: the folds get the very values that they get from there.
    data = msgspec.json.decode(event.fact.model_dump_json(exclude_none=True), type=struct_of(type(event.fact)))
    return LightEvent(
        id=event.id,
        type=event.fact.TYPE,
        stream_id=event.stream_id,
        stream_version=event.stream_version,
        time=event.time,
        workspace_id=event.workspace_id,
        actor=event.actor,
        cause=event.cause,
        correlation_id=event.correlation_id,
        data=data,
        campaign_id=event.campaign_id,
        causation_id=event.causation_id,
        via=event.via,
    )


def _key(row: Row, columns: int) -> Key:
    return msgspec.structs.astuple(row)[:columns]
