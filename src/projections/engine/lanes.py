"""Projections that stand at the same places go on together; those furthest behind go on first, up to the next.

A projection that is new beside others has a lane of its own until it has caught up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from drumbeat.transport.source import Checkpoint, Delivery, Places, Row, checkpoint_of, how_far, is_before


@dataclass(slots=True)
class Lane:
    """Projections with one checkpoint a partition. Used by one projector."""

    names: tuple[str, ...]
    places: dict[str, Checkpoint]

    @property
    def lowest(self) -> int:
        """Everything up to here is in these projections, as far as these partitions go."""
        return min((place.position for place in self.places.values()), default=0)

    def stands_with(self, other: "Lane") -> bool:
        """Whether both have come equally far everywhere."""
        return _far(self) == _far(other)


def _far(lane: Lane) -> list[tuple[str, int, int | None]]:
    return sorted((name, place.position, place.next_offset) for name, place in lane.places.items())


class Lanes:
    """All lanes of a projector. For one thread."""

    def __init__(self, checkpoints: Mapping[str, Places], order: Sequence[str]) -> None:
        """`checkpoints` by projection; `order` is that in which projections are named."""
        self._order = tuple(order)
        self._lanes: list[Lane] = []
        for name in order:
            self._join(Lane((name,), dict(checkpoints.get(name, {}))))

    @property
    def lowest(self) -> int:
        """Everything up to here is in every projection."""
        return min(lane.lowest for lane in self._lanes)

    @property
    def is_one(self) -> bool:
        """Whether all projections go on together."""
        return len(self._lanes) == 1

    def next(self) -> Lane:
        """The lane that is furthest behind."""
        return min(self._lanes, key=lambda lane: [(position, offset or 0) for _, position, offset in _far(lane)])

    def ceilings(self, lane: Lane) -> Places:
        """How far this lane may go in each partition: to the next one; nowhere where it is ahead of all others.

        Empty for the only lane.
        """
        others = [other for other in self._lanes if other is not lane]
        if not others:
            return {}
        return {
            partition: min(
                (p for other in others if is_before(place, p := other.places[partition])),
                key=how_far,
                default=place,
            )
            for partition, place in lane.places.items()
        }

    def move(self, names: Sequence[str], reached: Places) -> None:
        """These projections, a lane, stand elsewhere now."""
        lane = next(one for one in self._lanes if one.names == tuple(names))
        lane.places.update(reached)
        if len(self._lanes) > 1:
            self._lanes.remove(lane)
            self._join(lane)

    def places_of(self, name: str) -> Places:
        """Where one projection stands."""
        return next(lane.places for lane in self._lanes if name in lane.names)

    def _join(self, lane: Lane) -> None:
        for other in self._lanes:
            if other.stands_with(lane):
                together = {*other.names, *lane.names}
                other.names = tuple(name for name in self._order if name in together)
                return
        self._lanes.append(lane)


def cut(delivery: Delivery, after: Places, ceilings: Places, up_to: int | None) -> Delivery:
    """What a delivery holds up to the ceilings, and up to a position. What is cut off is delivered again."""
    if not ceilings and up_to is None:
        return delivery
    rows = [row for row in delivery.rows if _is_below(row, ceilings.get(row.partition), up_to)]
    last = {row.partition: row for row in rows}
    reached: dict[str, Checkpoint] = {}
    for partition, place in delivery.reached.items():
        ceiling = ceilings.get(partition)
        if up_to is not None and place.position > up_to:
            row = last.get(partition)
            stands = checkpoint_of(row) if row is not None else after[partition]
            # Nothing at or below `up_to` is left in such a partition; in the log an event stands there itself.
            reached[partition] = stands if stands.next_offset is None else replace(stands, position=up_to)
        elif ceiling is not None and not is_before(place, ceiling):
            reached[partition] = ceiling
        else:
            reached[partition] = place
    moved = {partition: place for partition, place in reached.items() if place != after[partition]}
    return Delivery(rows, moved, delivery.high_water)


def _is_below(row: Row, ceiling: Checkpoint | None, up_to: int | None) -> bool:
    if up_to is not None and row.position > up_to:
        return False
    return ceiling is None or how_far(row) <= how_far(ceiling)
