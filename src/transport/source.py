"""Where followers get their events: each partition in order of position, none left out, none passed over."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from drumbeat.eventstore.reader import (
    Batch,
    LogReader,
    LogRewound,
    LogRow,
    LogUnavailable,
    StuckAppender,
    event_id_of,
    instant,
    microseconds,
)
from drumbeat.transport.records import KafkaRow

LOG: Final = "log"
"""The log as a partition: all of it."""

Row: TypeAlias = "LogRow | KafkaRow"

_SHORTEST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a partition was dealt with: every event up to `position`.

    `last_event_id` is the event there, if it was readable; `recorded_at` when it was recorded. On Kafka
    `next_offset` is what is read next.
    """

    position: int
    last_event_id: UUID | None = None
    next_offset: int | None = None
    recorded_at: datetime | None = None


Places: TypeAlias = Mapping[str, Checkpoint]
"""Checkpoints by partition."""

NOWHERE: Final = Checkpoint(0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Rows of some partitions, each in its order, and how far the partitions stand once they are dealt with.

    `reached` names the partitions that move, with or without rows; `high_water` is how far could have been read.
    """

    rows: Sequence[Row]
    reached: Places
    high_water: int


class SourceUnavailable(Exception):
    """The events cannot be reached now; nothing is lost, and the next call tries anew."""


class Reassigned(Exception):
    """This reader has other partitions than a moment ago: read their checkpoints, and go on with them."""


class Source(Protocol):
    """Hands out the events that a follower has not seen yet. For one thread.

    Every method may raise `SourceUnavailable`.
    """

    def partitions(self) -> frozenset[str]:
        """Every partition there is, whoever reads it."""
        ...

    def assigned(self) -> frozenset[str]:
        """The partitions that this reader has now."""
        ...

    def take(self, after: Places, limit: int) -> Delivery:
        """What comes after these places, at most `limit` rows; `after` has exactly the assigned partitions.

        Raises `Reassigned`.
        """
        ...

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until there may be more than was taken, at most so long; false when the time passed."""
        ...

    def verify(self, places: Places) -> None:
        """Check that checkpoints still fit. Raises `LogRewound`: the follower must not go on."""
        ...

    def applied(self, places: Places) -> None:
        """Hear that checkpoints were committed, for tools that look from outside."""
        ...

    def close(self) -> None:
        """Let go of connections; a later call opens them again."""
        ...


class ReadsLog(Protocol):
    """What reads one log by position."""

    def read(self, after: int, limit: int) -> Batch:
        """The next events above `after`, at most `limit`; the checkpoint may move to the batch's `up_to`."""
        ...

    def verify_event(self, position: int, event_id: UUID) -> None:
        """Check that an event is still where it was read. Raises `LogRewound`."""
        ...

    def wait(self, timeout_seconds: float) -> bool:
        """As `Source.wait`."""
        ...


class OnePartition:
    """A `Source` of one partition, over what reads a log: mixed into it."""

    def partitions(self) -> frozenset[str]:
        """See `Source`."""
        return frozenset({LOG})

    assigned = partitions

    def take(self: ReadsLog, after: Places, limit: int) -> Delivery:
        """See `Source`."""
        batch = self.read(after[LOG].position, limit)
        if not batch.rows:
            return Delivery((), {}, batch.high_water)
        return Delivery(batch.rows, {LOG: checkpoint_of(batch.rows[-1])}, batch.high_water)

    def verify(self: ReadsLog, places: Places) -> None:
        """See `Source`."""
        place = places[LOG]
        if place.last_event_id is not None:
            self.verify_event(place.position, place.last_event_id)

    def applied(self, places: Places) -> None:
        """See `Source`: the checkpoints themselves tell it all."""


def checkpoint_of(row: Row) -> Checkpoint:
    """The checkpoint of somebody who has dealt with this row and everything before it in its partition."""
    return Checkpoint(row.position, event_id_of(row.bytes), row.next_offset, row.recorded_at)


def is_before(place: Checkpoint, other: Checkpoint) -> bool:
    """Whether somebody at the first place has something to read before the second."""
    return how_far(place) < how_far(other)


def how_far(place: "Checkpoint | Row") -> tuple[int, int]:
    """What orders the places of a partition."""
    # The position first: while a lost range is read from the log, the offset stands still. Then the offset, since
    # records that are no events of ours move nothing else.
    return place.position, place.next_offset or 0


class LogSource(OnePartition):
    """Reads the log of one database directly: no broker is needed on one machine. For one thread.

    The first call may raise `UnsafeServer`, `SchemaOlder` or `SchemaNewer` too; every one `LogRewound`. Appends
    under way hold later events back until they are committed or gone; `held_up_seconds` says for how long one has,
    and `appenders` which.
    """

    def __init__(self, url: str) -> None:
        """Connects at the first call."""
        self._reader = LogReader(url)
        self._after = 0

    def read(self, after: int, limit: int) -> Batch:
        """See `ReadsLog`."""
        with _reachable():
            batch = self._reader.read(after, limit)
        self._after = batch.up_to
        return batch

    def wait(self, timeout_seconds: float) -> bool:
        """See `Source`. Appenders' notices end it at once; the log is polled beside them, ever more rarely."""
        deadline = time.monotonic() + timeout_seconds
        pause_seconds = _SHORTEST_PAUSE_SECONDS
        while (left_seconds := deadline - time.monotonic()) > 0:
            with _reachable():
                if self._has_news(min(pause_seconds, left_seconds)):
                    return True
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        return False

    def _has_news(self, pause_seconds: float) -> bool:
        reader = self._reader
        if reader.is_held_up:
            # Something is there already; it becomes safe when an append ends, and no notice says so.
            reader.wait_for_notice(min(_SHORTEST_PAUSE_SECONDS, pause_seconds))
            return reader.high_water() > self._after
        if reader.handed_out() > max(self._after, reader.safe_position):
            return True
        return reader.wait_for_notice(pause_seconds)

    def verify_event(self, position: int, event_id: UUID) -> None:
        """See `ReadsLog`."""
        with _reachable():
            self._reader.verify(position, event_id)

    def high_water(self) -> int:
        """How far the log can be read now."""
        with _reachable():
            return self._reader.high_water()

    @property
    def held_up_seconds(self) -> float:
        """For how long one append has kept the high-water mark where it is; 0 when none does."""
        return self._reader.held_up_seconds

    def appenders(self) -> list[StuckAppender]:
        """Who may be holding the high-water mark up, longest first."""
        with _reachable():
            return self._reader.appenders()

    def close(self) -> None:
        """See `Source`."""
        self._reader.close()


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except LogUnavailable as error:
        raise SourceUnavailable(str(error)) from error


__all__ = [
    "LOG",
    "NOWHERE",
    "Batch",
    "Checkpoint",
    "Delivery",
    "LogRewound",
    "LogRow",
    "LogSource",
    "OnePartition",
    "Places",
    "ReadsLog",
    "Reassigned",
    "Row",
    "Source",
    "SourceUnavailable",
    "StuckAppender",
    "checkpoint_of",
    "event_id_of",
    "how_far",
    "instant",
    "is_before",
    "microseconds",
]
