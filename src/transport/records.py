"""Records of our topics as rows, like those of the log; and what cannot be one of ours is named, not raised.

A record of ours has the stream as its key, the stored bytes as its value, and the headers `position`, `type` and
`content-type` (streams/topics).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
POSTGRES_EPOCH_MS: Final = 946_684_800_000

Headers = Sequence[tuple[str, bytes | None]]

HEALED: Final = -1
"""The `next_offset` of a row that came from the log in a record's stead: it moves no offset."""


class KafkaRow(NamedTuple):
    """One record. `recorded_at_us` counts microseconds from 2000-01-01 UTC, in steps of Kafka's milliseconds.

    `problem` says why a record is none of ours; then `position` is that of the record before, and `type` is empty.
    """

    position: int
    type: str
    bytes: bytes
    recorded_at_us: int
    partition: str
    next_offset: int
    problem: str | None = None

    @property
    def recorded_at(self) -> datetime:
        """When the event was written to the log, UTC."""
        return _POSTGRES_EPOCH + timedelta(microseconds=self.recorded_at_us)


def name_of(topic: str, number: int) -> str:
    """A partition's name: `drumbeat.contacts/3`."""
    return f"{topic}/{number}"


def split(partition: str) -> tuple[str, int]:
    """Topic and number of a partition's name."""
    topic, _, number = partition.rpartition("/")
    return topic, int(number)
