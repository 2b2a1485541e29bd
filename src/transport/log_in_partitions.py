"""The log as the partitions of topics that carry it: what joins rows made of the log to consumers of Kafka.

Consumers stand at a place of their own in each partition. Rows that were made up to one position of the log are
brought to just these places: they can be compared with the consumers' rows, and go on behind the same offsets.
"""

from dataclasses import replace
from uuid import UUID

from drumbeat.eventstore.reader import event_id_of
from drumbeat.transport.cluster import KafkaUnfit
from drumbeat.transport.partitions import partition_among
from drumbeat.transport.records import HEALED, KafkaRow, subject_of
from drumbeat.transport.source import Checkpoint, Delivery, LogRow, Places, ReadsLog, is_before


class LogInPartitions:
    """A `Source` that reads the log, hands its events out by partition, and ends at `places`. For one thread.

    Nothing above a partition's place is handed out. Raises what `log` raises, and `KafkaUnfit` for an event that
    no topic carries.
    """

    def __init__(self, log: ReadsLog, places: Places) -> None:
        self._log = log
        self._places = dict(places)
        self._partitions = frozenset(places)

    def partitions(self) -> frozenset[str]:
        """See `Source`."""
        return self._partitions

    assigned = partitions

    def take(self, after: Places, limit: int) -> Delivery:
        """See `Source`. The log is read from the place of the partition that is furthest behind."""
        left = {name for name, place in after.items() if is_before(place, self._places[name])}
        if not left:
            return Delivery((), {}, self._highest)
        batch = self._log.read(min(after[name].position for name in left), limit)
        # Without rows there is nothing up to the mark: what is read is at least as far as consumers are.
        read_up_to = batch.up_to if batch.rows else batch.high_water
        rows: list[KafkaRow] = []
        reached: dict[str, Checkpoint] = {}
        for row in batch.rows:
            name = self._partition_of(row)
            if name in left and after[name].position < row.position <= self._places[name].position:
                rows.append(KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, name, HEALED))
                reached[name] = Checkpoint(
                    row.position, event_id_of(row.bytes), after[name].next_offset, row.recorded_at
                )
        for name in left:
            if read_up_to >= self._places[name].position:
                reached[name] = self._places[name]
            elif read_up_to > after[name].position:
                reached[name] = replace(reached.get(name, after[name]), position=read_up_to)
        return Delivery(rows, reached, self._highest)

    @property
    def _highest(self) -> int:
        return max(place.position for place in self._places.values())

    def _partition_of(self, row: LogRow) -> str:
        stream_id = subject_of(row.bytes)
        if stream_id is None:
            raise KafkaUnfit(f"the event at position {row.position} names no stream: no topic carries it")
        return partition_among(self._partitions, UUID(stream_id.decode()), row.type)

    def wait(self, timeout_seconds: float) -> bool:
        """See `Source`."""
        return self._log.wait(timeout_seconds)

    def verify(self, places: Places) -> None:
        """See `Source`: the log below a consumer's place never changes."""

    def applied(self, places: Places) -> None:
        """See `Source`: the checkpoints themselves tell it all."""

    def close(self) -> None:
        """See `Source`: the log belongs to whoever opened it."""
