"""What a topic no longer holds, read from the log in its stead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.records import KafkaRow, split, subject_of
from drumbeat.transport.source import Checkpoint, LogRow, ReadsLog


@dataclass(slots=True)
class LostRange:
    """The events of one partition from a checkpoint up to the end of the log, as rows of that partition.

    `next_offset`: where the topic goes on. Until the log's end is reached the partition's offset stays, so that a
    crash finds the range lost again and goes on at the position.
    """

    partition: str
    partitions: int
    prefix: str
    next_offset: int

    def read(self, log: ReadsLog, after: Checkpoint, limit: int) -> tuple[list[KafkaRow], Checkpoint, bool]:
        """Some rows, where the partition stands after them, and whether the range is at its end."""
        batch = log.read(after.position, limit)
        offset = after.next_offset or 0
        rows = [
            KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, self.partition, offset)
            for row in self._ours(batch.rows)
        ]
        if batch.rows:
            return rows, Checkpoint(batch.up_to, None, offset, batch.rows[-1].recorded_at), False
        return [], Checkpoint(after.position, after.last_event_id, self.next_offset, after.recorded_at), True

    def _ours(self, rows: Iterable[LogRow]) -> Iterator[LogRow]:
        topic, number = split(self.partition)
        name = topic.removeprefix(self.prefix)
        for row in rows:
            if topic_of(row.type) == name:
                key = subject_of(row.bytes)
                if key is not None and partition_of(key, self.partitions) == number:
                    yield row
