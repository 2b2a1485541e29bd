"""Which projection's functions an event goes to: compiled once from the projections."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from drumbeat.events.contact import ContactErased
from drumbeat.events.fact import FACTS
from drumbeat.events.upcasters import UPCASTERS
from drumbeat.projections.engine.shapes import Derived, Entity, Fold, KeyOf, Log, Measures, Projection


class PlanError(Exception):
    """Projections that do not fit together: a mistake in our code."""


EntityHandler: TypeAlias = tuple[int, KeyOf, Fold[Any], bool, str]
"""The entity's index in the plan, the key, the fold, whether the row begins with this event, the projection."""

LogHandler: TypeAlias = tuple[int, Callable[[Any, int], Any], str]
"""The log's index in the plan, what makes its row, the projection."""


class Handlers:
    """What to do with an event of one type. `by_key` has the entities grouped by what gives the row's key.

    `erasing` names the projections whose rows of the event's contact are rewritten as a person's who was erased.
    """

    def __init__(
        self,
        entities: tuple[EntityHandler, ...],
        logs: tuple[LogHandler, ...],
        erasing: frozenset[str] = frozenset(),
    ) -> None:
        self.entities = entities
        self.logs = logs
        self.erasing = erasing
        groups: dict[KeyOf, list[tuple[int, Fold[Any], bool]]] = {}
        for index, key_of, fold, begins, _ in entities:
            groups.setdefault(key_of, []).append((index, fold, begins))
        self.by_key = tuple((key_of, tuple(group)) for key_of, group in groups.items())

    def without(self, projections: frozenset[str]) -> "Handlers":
        """The same for a stream that waits for some projections: they do nothing, but for forgetting at once."""
        return Handlers(
            tuple(h for h in self.entities if h[-1] not in projections),
            tuple(h for h in self.logs if h[-1] not in projections),
            self.erasing,
        )

    def of_others_than(self, projections: frozenset[str]) -> "Handlers":
        """The same, less everything that some projections would do."""
        rest = self.without(projections)
        return Handlers(rest.entities, rest.logs, self.erasing - projections)

    @property
    def projections(self) -> frozenset[str]:
        """Who looks at events of this type."""
        return frozenset(h[-1] for h in self.entities) | frozenset(h[-1] for h in self.logs) | self.erasing


class Plan:
    """Projections side by side: their entities with what follows from their rows, their logs, and the dispatch."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self.projections = tuple(projections)
        self.names = tuple(p.name for p in projections)
        self.entities: tuple[Entity[Any], ...] = tuple(e for p in projections for e in p.entities)
        self.measures: Mapping[int, tuple[Measures[Any], ...]] = self._followers("measures")
        self.derived: Mapping[int, tuple[Derived[Any], ...]] = self._followers("derived")
        self.logs: tuple[Log, ...] = tuple(log for p in projections for log in p.logs)
        self.erase: Mapping[str, bytes] = {
            p.name: script["erase"] for p in projections if "erase" in (script := p.script())
        }
        """The statement that rewrites rows of contacts as erased, by projection."""
        self.handlers: Mapping[str, Handlers] = self._dispatch()
        """Who looks at events of a type, by the type's name; nobody: not there."""

    def _followers(self, kind: str) -> dict[int, tuple[Any, ...]]:
        index = {id(entity): i for i, entity in enumerate(self.entities)}
        found: dict[int, list[Any]] = {i: [] for i in index.values()}
        for projection in self.projections:
            for follower in getattr(projection, kind):
                if id(follower.of) not in index:
                    raise PlanError(
                        f"{projection.name} follows the rows of {follower.of.table}: run that projection too"
                    )
                found[index[id(follower.of)]].append(follower)
        return {i: tuple(followers) for i, followers in found.items()}

    def _dispatch(self) -> dict[str, Handlers]:
        entities: dict[str, list[EntityHandler]] = {}
        logs: dict[str, list[LogHandler]] = {}
        owner = {id(e): p.name for p in self.projections for e in p.entities}
        for i, entity in enumerate(self.entities):
            for fact, fold in entity.folds.items():
                key_of = entity.keys.get(fact, entity.key_of)
                entities.setdefault(fact.TYPE, []).append(
                    (i, key_of, fold, fact in entity.begins_with, owner[id(entity)])
                )
        writer = {id(log): p.name for p in self.projections for log in p.logs}
        for i, log in enumerate(self.logs):
            for fact, make in log.rows.items():
                logs.setdefault(fact.TYPE, []).append((i, make, writer[id(log)]))
        handlers = {
            name: Handlers(tuple(entities.get(name, ())), tuple(logs.get(name, ())))
            for name in entities.keys() | logs.keys()
        }
        if self.erase:
            known = handlers.get(ContactErased.TYPE, Handlers((), ()))
            handlers[ContactErased.TYPE] = Handlers(known.entities, known.logs, frozenset(self.erase))
        for old in UPCASTERS:
            if (newest := _newest(old)) in handlers:
                handlers[old] = handlers[newest]
        return handlers

    def only(self, names: Collection[str]) -> "Plan":
        """The plan in which only some projections see events; what follows from their rows still follows."""
        narrowed = object.__new__(Plan)
        narrowed.__dict__.update(self.__dict__)
        others = frozenset(self.names).difference(names)
        narrowed.handlers = {key: handlers.of_others_than(others) for key, handlers in self.handlers.items()}
        return narrowed

    def followed(self) -> Iterator[tuple[str, str]]:
        """Pairs (follower, followed) of projections that can only stand at one position together."""
        owner = {id(e): p.name for p in self.projections for e in p.entities}
        for projection in self.projections:
            followers: list[Any] = [*projection.measures, *projection.derived]
            for follower in followers:
                yield projection.name, owner[id(follower.of)]


def _newest(type_name: str) -> str:
    while type_name in UPCASTERS:
        type_name = UPCASTERS[type_name][0]
    return type_name


def is_known(type_name: str) -> bool:
    """Whether this code can read a type name and version."""
    return type_name in FACTS or type_name in UPCASTERS
