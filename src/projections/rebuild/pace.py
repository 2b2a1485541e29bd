"""How fast a rebuild goes, and how long it will take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Events that were looked at of those expected. `seconds` passed since `events_before` of them were."""

    events: int
    events_expected: int
    seconds: float
    events_before: int = 0

    @property
    def share(self) -> float:
        """From 0 to 1; of nothing, everything is done."""
        return min(1.0, self.events / self.events_expected) if self.events_expected else 1.0

    @property
    def events_per_second(self) -> float | None:
        """None while nothing can be said."""
        done = self.events - self.events_before
        return done / self.seconds if self.seconds > 0 and done > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Of the events that are left, at this rate; None while nothing can be said."""
        rate = self.events_per_second
        return None if rate is None else max(0, self.events_expected - self.events) / rate
