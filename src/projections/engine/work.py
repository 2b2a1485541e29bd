"""A batch on its way from a source into the read models, whole or in halves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drumbeat.projections.engine.decode import Decoded
from drumbeat.projections.engine.plan import Plan
from drumbeat.transport.records import HEALED
from drumbeat.transport.source import Checkpoint, Places, Row, checkpoint_of


@dataclass(frozen=True, slots=True)
class Work:
    """Events for the projections that stand at `before`, and where they stand in the partitions that move."""

    plan: Plan
    active: Sequence[str]
    before: Places
    decoded: Sequence[Decoded]
    after: Places

    def halves(self) -> "tuple[Work, Work]":
        """The same in two parts, one after the other."""
        middle = len(self.decoded) // 2
        first, second = self.decoded[:middle], self.decoded[middle:]
        between = self._reached_by(first)
        stand = {**self.before, **between}
        left = {partition: place for partition, place in self.after.items() if place != stand[partition]}
        return (
            Work(self.plan, self.active, self.before, first, between),
            Work(self.plan, self.active, stand, second, left or between),
        )

    def _reached_by(self, decoded: Sequence[Decoded]) -> Mapping[str, Checkpoint]:
        last: dict[str, Row] = {}
        for row, _ in decoded:
            if row.next_offset != HEALED:
                last[row.partition] = row
            else:
                last.setdefault(row.partition, row)
        # What came from the log in a record's stead moves nothing; its partition is still held by its checkpoint.
        return {
            partition: self.before[partition] if row.next_offset == HEALED else checkpoint_of(row)
            for partition, row in last.items()
        }
