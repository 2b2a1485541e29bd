"""Where followers of the log get their events: in order of position, none left out, none passed over."""

import contextlib
import time
from collections.abc import Iterator
from typing import Final, Protocol
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
)

_SHORTEST_PAUSE_SECONDS: Final = 0.002
_LONGEST_PAUSE_SECONDS: Final = 0.25


class SourceUnavailable(Exception):
    """The events cannot be reached now; nothing is lost, and the next call tries anew."""


class Source(Protocol):
    """Hands out the events that a follower has not seen yet. For one thread.

    Every method may raise `SourceUnavailable`.
    """

    def read(self, after: int, limit: int) -> Batch:
        """The next events above `after`, at most `limit`; the checkpoint may move to the batch's `up_to`."""
        ...

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until there may be events above the last read, at most so long; false when the time passed."""
        ...

    def verify(self, position: int, event_id: UUID) -> None:
        """Check that a checkpoint still fits. Raises `LogRewound`: the follower must not go on."""
        ...

    def close(self) -> None:
        """Let go of connections; a later call opens them again."""
        ...


class LogSource:
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
        """See `Source`."""
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

    def verify(self, position: int, event_id: UUID) -> None:
        """See `Source`."""
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
    "Batch",
    "LogRewound",
    "LogRow",
    "LogSource",
    "Source",
    "SourceUnavailable",
    "StuckAppender",
    "event_id_of",
    "instant",
]
