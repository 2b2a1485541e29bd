"""What a projector tells of itself. Written by its thread alone; any thread may read single values."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

STAGES = ("read", "decode", "fold", "write", "commit")
"""read: waiting for the log; decode: bytes to events; fold: loading rows and folding; write; commit."""


@dataclass(slots=True)
class ProjectorStats:
    """Counters since the projector was made, and where it is.

    `newest` is when the last event that was taken up was recorded. `lag_events` counts positions between the
    slowest projection and the high-water mark (a gap counts too); `lag_seconds` is the age of the newest applied
    event while there is something to apply, else 0. `high_water_moved_at` is when the mark last moved or
    everything below it was applied: a mark that is frozen while others append is unhealthy even at zero lag.
    `partitions` tells how far each of this projector's partitions is applied.
    """

    events: int = 0
    batches: int = 0
    parked: int = 0
    reconnects: int = 0
    lost_races: int = 0
    position: int = 0
    high_water: int = 0
    lag_events: int = 0
    lag_seconds: float = 0.0
    newest: datetime | None = None
    high_water_moved_at: datetime | None = None
    partitions: Mapping[str, int] = field(default_factory=dict)
    last_error: str | None = None
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        started = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - started

    def saw(self, position: int, high_water: int, newest: datetime | None, now: datetime) -> None:
        """Where the slowest projection stands against the log. `newest`: of a batch, if there was one."""
        if high_water != self.high_water or position >= high_water:
            self.high_water_moved_at = now
        self.position, self.high_water = position, high_water
        self.lag_events = max(0, high_water - position)
        self.newest = newest or self.newest
        behind = self.lag_events > 0 and self.newest is not None
        self.lag_seconds = max(0.0, (now - self.newest).total_seconds()) if behind and self.newest else 0.0
