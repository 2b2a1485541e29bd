"""When a request is sent again, and how long after."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """A request is sent at most `attempts` times, as long as it may succeed later: no answer came, or 429 or 503.

    Between two attempts lies a random pause of at most `first_pause_seconds`, twice that the next time and so on
    up to `longest_pause_seconds`, and never less than `Retry-After` asked for. When the pauses of one call would
    exceed `patience_seconds` in sum, its error is raised instead.
    """

    attempts: int = 6
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0
    patience_seconds: float = 60.0
    sleep: Callable[[float], object] = field(default=time.sleep)
    """Waits; what it raises ends the call."""
    chance: Callable[[], float] = field(default=random.random)
    """A number from 0 to 1."""

    def pause(self, attempt: int, *, retry_after: float | None) -> float:
        """Seconds to wait after this attempt, the first being 1."""
        bound = min(self.first_pause_seconds * 2.0 ** (attempt - 1), self.longest_pause_seconds)
        return (retry_after or 0.0) + bound * self.chance()
