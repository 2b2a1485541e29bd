"""When Python looks for cycles while a projector runs.

A batch makes tens of thousands of tuples and no cycles; the collector would look through all of them several times
a batch, which costs a fifth of the projector's time. What makes cycles (an exception now and then) can wait.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_EVENTS = 1_000_000
_IDLE_SECONDS = 10.0


class Garbage:
    """Collects between batches: after very many events, or now and then while there is nothing to do."""

    def __init__(self) -> None:
        self._events = 0
        self._collected_at = monotonic()

    @contextmanager
    def by_hand(self) -> Iterator[None]:
        """No collection inside but ours; of the whole process, as the collector knows no threads.

        What is there at the beginning, all modules above all, is not looked through: that takes a tenth of a
        second, for which every event that comes meanwhile would wait.
        """
        was_enabled = gc.isenabled()
        gc.disable()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            if was_enabled:
                gc.enable()

    def after_step(self, events: int, *, had_work: bool) -> None:
        """Collect when it is time. `events`: how many were applied so far."""
        is_idle = not had_work and events > self._events and monotonic() - self._collected_at > _IDLE_SECONDS
        if is_idle or events - self._events >= _EVENTS:
            gc.collect()
            self._events = events
            self._collected_at = monotonic()
