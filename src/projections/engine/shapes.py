"""The three shapes of a projection, and the two kinds of rows that follow from an entity's rows.

- `Entity`: `row = fold(row | None, event, position)`, one row a key.
- `Measures`: counters, each the sum of a measure over the rows of an entity, kept by differences.
- `Derived`: keyed rows that follow from one row of an entity, kept by differences.
- `Log`: rows that are appended and never changed.

A module makes a `Projection` of them. Nothing in it reads a clock, a database or another stream, so the engine may
fold any batch again: after a crash, in halves to find a poison event, or from zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from drumbeat.events.fact import Fact
from drumbeat.events.light import LightEvent
from drumbeat.projections.engine.rows import Row
from drumbeat.queries import Queries, load_queries

R = TypeVar("R", bound=Row)

Key: TypeAlias = tuple[Any, ...]
"""A row's primary key in the order of its columns. A uuid stands as its `.int`: hashing that costs a tenth."""

KeyOf: TypeAlias = Callable[[LightEvent[Any]], Key | None]
Fold: TypeAlias = Callable[[R | None, Any, int], R | None]


def by_stream(event: LightEvent[Any]) -> Key | None:
    """The key (workspace, campaign, stream), for rows that stand for a contact in a campaign."""
    campaign_id = event.campaign_id
    return None if campaign_id is None else (event.workspace_id, campaign_id.int, event.stream_id.int)


def by_workspace_stream(event: LightEvent[Any]) -> Key:
    """The key (workspace, stream), for rows that stand for a campaign, a sender, a schedule or a suppression."""
    return event.workspace_id, event.stream_id.int


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Entity(Generic[R]):
    """Rows that events change. The first `key_columns` fields of `row` are the table's primary key, in its order.

    `folds` gives for an event class the function `(row or None, event, position) -> row or None`; None takes the
    row away, or leaves it away. `key_of` gives the row that an event is about, None when it is about none; `keys`
    says it differently for some event classes. `begins_with` names event classes before which there cannot have
    been a row, so that none is looked for. The engine is the only writer of the table.
    """

    table: str
    row: type[R]
    key_columns: int
    folds: Mapping[type[Fact], Fold[R]]
    key_of: KeyOf = by_stream
    keys: Mapping[type[Fact], KeyOf] = field(default_factory=dict)
    begins_with: frozenset[type[Fact]] = frozenset()


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Measures(Generic[R]):
    """Counters over an entity's rows: value = Σ amount over all rows, at every position.

    The table's columns are the first `scope` columns of the entity's key, `columns`, `shard` and `value`.
    `measure` gives for one row a tuple of pairs, no two alike: the values of `columns` (a tuple), an amount.
    """

    table: str
    of: Entity[R]
    scope: int
    columns: tuple[str, ...]
    measure: Callable[[R], tuple[tuple[Key, int], ...]]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Derived(Generic[R]):
    """Rows that follow from one row of an entity: they appear, change and go with it.

    `rows` gives for an entity's row what belongs to it; rows of different keys never share a key. The first
    `key_columns` fields of `row` are the table's primary key.
    """

    table: str
    of: Entity[R]
    row: type[Row]
    key_columns: int
    rows: Callable[[R], Iterable[Row]]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Log:
    """Rows appended in the order of events: `rows` gives for an event class `(event, position) -> row or None`."""

    table: str
    row: type[Row]
    rows: Mapping[type[Fact], Callable[[Any, int], Row | None]]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Projection:
    """One question's answer: its tables (`sql`, with the statements `tables` and `views`) and what fills them.

    `version` rises with every change of what the rows mean; a read model of another version is refused by name.
    `package` and `made` are for projections that an installed package brings, and set when it is found
    (`projections/own`): who it is, and the statements that its `.sql` file is to be taken for.
    """

    name: str
    version: int
    sql: Path
    entities: tuple[Entity[Any], ...] = ()
    measures: tuple[Measures[Any], ...] = ()
    derived: tuple[Derived[Any], ...] = ()
    logs: tuple[Log, ...] = ()
    package: str | None = None
    made: Queries | None = None

    def tables(self) -> tuple[str, ...]:
        """Every table that it owns, in the order in which it names them."""
        parts: tuple[Any, ...] = (*self.entities, *self.derived, *self.measures, *self.logs)
        return tuple(dict.fromkeys(part.table for part in parts))

    def script(self) -> Queries:
        """The statements that make its tables and views. Raises `ValueError` for a malformed file."""
        return load_queries(self.sql) if self.made is None else self.made
