"""Which projections stand and fall together: those that follow the rows of others, with these."""

from collections.abc import Collection, Iterable, Sequence

from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.shapes import Projection


def families(projections: Sequence[Projection]) -> tuple[tuple[Projection, ...], ...]:
    """The projections by family, in their order."""
    family = {p.name: {p.name} for p in projections}
    for follower, followed in Plan(projections).followed():
        together = family[follower] | family[followed]
        for name in together:
            family[name] = together
    found: dict[frozenset[str], list[Projection]] = {}
    for projection in projections:
        found.setdefault(frozenset(family[projection.name]), []).append(projection)
    return tuple(tuple(members) for members in found.values())


def with_families(projections: Sequence[Projection], names: Collection[str]) -> tuple[Projection, ...]:
    """The projections of these names with all of their families, in their order; each name is one of them."""
    return tuple(p for family in families(projections) if names_of(family) & set(names) for p in family)


def names_of(projections: Iterable[Projection]) -> frozenset[str]:
    """Their names."""
    return frozenset(p.name for p in projections)
