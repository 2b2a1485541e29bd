"""A topic of one partition that has lost some events of its log, and the log that may heal it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from drumbeat.events.errors import EventError
from drumbeat.events.light import decode_light
from drumbeat.transport.records import KafkaRow
from drumbeat.transport.source import Checkpoint, Delivery, LogRow, Places
from support.projecting import ListLog

PARTITION = "drumbeat.contacts/0"


@dataclass(slots=True)
class LossyTopic:
    """A `Source` of what a log holds, less the positions in `lost`; `extra` are records in their stead."""

    log: ListLog
    lost: set[int] = field(default_factory=set)
    extra: dict[int, KafkaRow] = field(default_factory=dict)
    log_is_reachable: bool = False

    def partitions(self) -> frozenset[str]:
        """The one."""
        return frozenset({PARTITION})

    assigned = partitions

    def take(self, after: Places, limit: int) -> Delivery:
        """At most `limit` records; a position is an offset, so that a lost one is a hole."""
        place = after[PARTITION]
        first = place.next_offset or 0
        found = self.log.rows[first : first + limit]
        rows = [
            self._record(row) for row in found if row.position > place.position and row.position not in self.lost
        ]
        if not found:
            return Delivery((), {}, len(self.log.rows))
        last = found[-1].position
        reached = Checkpoint(max(last, place.position), None, last)
        return Delivery(rows, {PARTITION: reached}, len(self.log.rows))

    def _record(self, row: LogRow) -> KafkaRow:
        made = KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, PARTITION, row.position)
        return self.extra.get(row.position, made)

    def wait(self, timeout_seconds: float) -> bool:
        """Nothing comes by itself."""
        return self.log.wait(timeout_seconds)

    def verify(self, places: Places) -> None:
        """Positions rise."""

    def applied(self, places: Places) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing is open."""

    def heal(self, missing: Mapping[UUID, tuple[int, int]]) -> Mapping[UUID, Sequence[LogRow]] | None:
        """What the log holds of it, if the log can be reached."""
        if not self.log_is_reachable:
            return None
        found: dict[UUID, list[LogRow]] = {}
        for row in self.log.rows:
            try:
                event = decode_light(row.type, row.bytes)
            except EventError:
                continue
            first, last = missing.get(event.stream_id, (1, 0))
            if first <= event.stream_version <= last:
                found.setdefault(event.stream_id, []).append(row)
        return found
