"""How many requests a key may send: a bucket of tokens for each key, in this process alone."""

import time
from collections.abc import Callable, Hashable
from threading import Lock


class RateLimit:
    """A bucket for each key: it holds the requests of one second, and fills at that pace.

    May be used by many threads at once. Buckets that are full again are forgotten, so that memory follows the keys
    that are in use.
    """

    def __init__(
        self, per_second: int, *, clock: Callable[[], float] = time.monotonic, most_buckets: int = 10_000
    ) -> None:
        """`per_second` 0: no limit. `clock` gives seconds and never goes back."""
        self.per_second = per_second
        self._clock = clock
        self._most_buckets = most_buckets
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        self._taking = Lock()

    @property
    def buckets(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def take(self, key: Hashable) -> float:
        """Take one request from a key's bucket: 0.0, or the seconds until there is one to take again."""
        rate = self.per_second
        if not rate:
            return 0.0
        now = self._clock()
        with self._taking:
            left, since = self._buckets.get(key, (float(rate), now))
            left = min(float(rate), left + (now - since) * rate)
            if left < 1.0:
                # Floating point may leave a hair less than one where one has come.
                if left < 1.0 - 1e-9:
                    self._buckets[key] = left, now
                    return (1.0 - left) / rate
                left = 1.0
            self._buckets[key] = left - 1.0, now
            if len(self._buckets) > self._most_buckets:
                self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        # After a second without requests a bucket is full, and as good as none.
        self._buckets = {key: (left, since) for key, (left, since) in self._buckets.items() if now - since < 1.0}
