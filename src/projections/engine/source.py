"""Where a projector's events come from: the log, or whatever hands out the same batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class LogRow(Protocol):
    """One event of the log as it is stored. `recorded_at` is UTC."""

    @property
    def position(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def bytes(self) -> bytes: ...
    @property
    def recorded_at(self) -> datetime: ...


class LogBatch(Protocol):
    """Events in position order. Nothing at or below `up_to` appears later that is not in this batch or before."""

    @property
    def rows(self) -> Sequence[LogRow]: ...
    @property
    def up_to(self) -> int: ...


class Source(Protocol):
    """Hands out events in position order and never passes a gap."""

    def read(self, after: int, limit: int) -> LogBatch:
        """At most `limit` events above the position `after`; none when there are none yet."""
        ...

    def wait(self, timeout: float) -> object:
        """Return when there may be something new, at the latest after `timeout` seconds."""
        ...
