"""Looks for projections among the installed packages: the entry points of the group `drumbeat.projections`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from drumbeat.projections.engine.continuity import STREAMS
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.own.fitting import Taken, counters_of, declared_tables
from drumbeat.projections.own.statements import statements
from drumbeat.projections.own.tables import Declared, Misdeclared

GROUP: Final = "drumbeat.projections"

_VIEW = re.compile(rb"\blive\.(\w+)")

ROUTES: Final = frozenset({"rebuilds", "rollback", "switches"})
"""Names behind `/projections/` that stand for something else than a table of rows."""


@dataclass(frozen=True, slots=True)
class Own:
    """A projection of a package, ready to be used, and the tables that it declares."""

    projection: Projection
    tables: tuple[Declared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A projection of a package that does not fit, and why. Told in one line."""

    package: str
    name: str
    field: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return (
            f"projection {self.name} of package {self.package} is refused: {self.field} is {self.value}; "
            f"allowed: {self.allowed}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What installed packages bring."""

    own: tuple[Own, ...]
    refused: tuple[Refused, ...]

    @property
    def projections(self) -> tuple[Projection, ...]:
        """The projections that fit."""
        return tuple(one.projection for one in self.own)


def find(beside: Sequence[Projection]) -> Found:
    """The projections of all installed packages, in the order of their names. `beside`: Drumbeat's own.

    Importing a package runs its code, as everything of it that is used later.
    """
    own: list[Own] = []
    refused: list[Refused] = []
    projections, tables = {one.name for one in beside}, {STREAMS.table, *ROUTES, *_names_of_tables(beside)}
    for entry in _entries():
        try:
            one = _fitted(entry, Taken(projections=projections, tables=tables))
        except Misdeclared as misdeclared:
            refused.append(_refused(entry, misdeclared))
        else:
            own.append(one)
            projections.add(one.projection.name)
            tables.update(one.projection.tables())
    return Found(tuple(own), tuple(refused))


def installed_names() -> frozenset[str]:
    """The names of all projections of installed packages, whether they fit or not."""
    return frozenset(entry.name for entry in _entries())


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _package(entry)))


def _package(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _fitted(entry: EntryPoint, taken: Taken) -> Own:
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        raise Misdeclared(
            "entry point", f"{entry.value}, which raises {type(error).__name__}: {error}", "module:object"
        ) from error
    try:
        declared = declared_tables(found, entry.name, taken)
    except (Misdeclared, MemoryError):
        raise
    except Exception as error:
        said = f"one at which {type(error).__name__} is raised: {error}"
        allowed = "a Projection of whole entities, measures, derived rows and logs"
        raise Misdeclared("object", said, allowed) from error
    name = entry.value if entry.dist is None else entry.dist.name
    made = replace(found, package=name, made=statements(declared, counters_of(found)))
    return Own(made, declared)


def _refused(entry: EntryPoint, why: Misdeclared) -> Refused:
    # One line, however an error of theirs is written.
    value, allowed = (" ".join(str(words).split())[:300] for words in (why.value, why.allowed))
    return Refused(package=_package(entry), name=entry.name, field=why.field, value=value, allowed=allowed)


def _names_of_tables(projections: Sequence[Projection]) -> Iterator[str]:
    for projection in projections:
        yield from projection.tables()
        # A view may be called otherwise than the table that it shows.
        yield from (name.decode() for name in _VIEW.findall(projection.script().get("views", b"")))
