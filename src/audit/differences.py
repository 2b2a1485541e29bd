"""What differs between leaves and the events that stand where they were: altered, removed, inserted, reordered."""

from collections.abc import Iterator, Sequence
from typing import Final

from drumbeat.audit.merkle import leaf_hash
from drumbeat.audit.stored import Leaf
from drumbeat.audit.verdict import Finding, Kind
from drumbeat.eventstore.reader import LogRow, event_id_of

MOST_TOLD: Final = 500
"""Differences that are told one by one. Each that was found is compared with each that was lost."""


class Differences:
    """Collects what differs, window by window. For one thread."""

    def __init__(self) -> None:
        self._lost: dict[int, Leaf] = {}
        self._found: dict[int, bytes] = {}
        self._leaf_before: dict[int, int] = {}
        self.untold = 0

    def compare(self, leaves: Sequence[Leaf], events: Sequence[LogRow], hashes: Sequence[bytes]) -> None:
        """Leaves that follow one another, and every event between the leaf before them and the last of them.

        `hashes` are those of the events as leaves.
        """
        there = {row.position: (row.bytes, value) for row, value in zip(events, hashes, strict=True)}
        expected = {leaf.position: leaf for leaf in leaves}
        for position in sorted(there.keys() | expected.keys()):
            raw, value = there.get(position, (None, None))
            leaf = expected.get(position)
            if leaf is None or value != leaf.hash:
                before = leaves[0].number + sum(one.position < position for one in leaves)
                self._note(position, before, leaf, raw)

    def findings(self) -> Iterator[Finding]:
        """All of them, in order of position."""
        came_from = {position: leaf for position in self._found if (leaf := self._origin(position)) is not None}
        moved = {leaf.position for leaf in came_from.values()}
        for position in sorted(self._lost.keys() | self._found.keys()):
            lost, raw = self._lost.get(position), self._found.get(position)
            if position in came_from:
                own = came_from[position]
                words = f"the event of position {own.position} (leaf {own.number}) stands at position {position}"
                yield Finding(Kind.REORDERED, own.number, position, words)
                if lost is not None and position not in moved:
                    yield _removed(lost, "is nowhere any more")
            elif lost is not None and raw is not None:
                words = f"the event at position {position} (leaf {lost.number}) was altered{_named(raw)}"
                yield Finding(Kind.ALTERED, lost.number, position, words)
            elif lost is not None and position not in moved:
                yield _removed(lost, "was removed")
            elif raw is not None:
                before = self._leaf_before[position]
                words = f"an event was inserted at position {position}, before leaf {before}{_named(raw)}"
                yield Finding(Kind.INSERTED, before, position, words)

    def _origin(self, position: int) -> Leaf | None:
        """The lost leaf whose event stands at a position that is not its own."""
        raw = self._found[position]
        elsewhere = (leaf for leaf in self._lost.values() if leaf.position != position)
        return next((leaf for leaf in elsewhere if leaf_hash(leaf.position, raw) == leaf.hash), None)

    def _note(self, position: int, before: int, leaf: Leaf | None, raw: bytes | None) -> None:
        if len(self._leaf_before) >= MOST_TOLD:
            self.untold += 1
            return
        self._leaf_before[position] = before
        if leaf is not None:
            self._lost[position] = leaf
        if raw is not None:
            self._found[position] = raw


def _removed(leaf: Leaf, words: str) -> Finding:
    told = f"the event at position {leaf.position} (leaf {leaf.number}) {words}"
    return Finding(Kind.REMOVED, leaf.number, leaf.position, told)


def _named(raw: bytes) -> str:
    event_id = event_id_of(raw)
    return f"; it says that it is {event_id}" if event_id is not None else "; it is no event any more"
