"""What a relay tells of itself. Written by its thread alone; any thread may read single values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

KINDS: Final = ("away", "refused", "unfit", "rewound", "log", "leadership")
"""Why a term ended: the brokers take nothing now; refuse user or password; a topic, a setting or an event does not
fit; the log was restored to an older state; the log cannot be read; the session of the lock was lost."""


@dataclass(slots=True)
class RelayStats:
    """Counters since the relay was made, and where it is.

    Everything at or below `position` is acknowledged by Kafka; `marked` is the position of the last watermark that
    every partition has. `newest` is when the last acknowledged event was recorded. `fault` says in words what is
    in the way, None while nothing is.
    """

    leading: bool = False
    position: int = 0
    marked: int = 0
    high_water: int = 0
    events: int = 0
    bytes: int = 0
    watermarks: int = 0
    terms: int = 0
    newest: datetime | None = None
    fault: str | None = None
    fault_kind: str | None = None
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    @property
    def lag_events(self) -> int:
        """Positions between the log and Kafka; a gap counts too. 0 while another relay leads."""
        return max(0, self.high_water - self.position) if self.leading else 0

    def lag_seconds(self, now: datetime) -> float:
        """Age of the newest published event while there is more to publish, else 0."""
        if not self.lag_events or self.newest is None:
            return 0.0
        return max(0.0, (now - self.newest).total_seconds())

    def failed(self, kind: str, words: str) -> None:
        """A term ended."""
        self.failures[kind] += 1
        self.fault_kind, self.fault = kind, words
