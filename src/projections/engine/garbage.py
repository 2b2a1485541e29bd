"""When Python looks for cycles while a projector runs.

A batch makes tens of thousands of tuples and no cycles; the collector would look through all of them several times
a batch, which costs a fifth of the projector's time. What makes cycles (an exception now and then) can wait.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_BATCHES = 200
_IDLE_SECONDS = 10.0


class Garbage:
    """Collects between batches: after many of them, or now and then while there is nothing to do."""

    def __init__(self) -> None:
        self._batches = 0
        self._collected_at = monotonic()

    @contextmanager
    def by_hand(self) -> Iterator[None]:
        """No collection inside but ours; of the whole process, as the collector knows no threads."""
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()

    def after_step(self, *, had_work: bool) -> None:
        """Collect when it is time."""
        self._batches += had_work
        is_idle = not had_work and self._batches > 0 and monotonic() - self._collected_at > _IDLE_SECONDS
        if is_idle or self._batches >= _BATCHES:
            gc.collect()
            self._batches = 0
            self._collected_at = monotonic()
