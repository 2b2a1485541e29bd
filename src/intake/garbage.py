"""When Python looks for cycles while an import runs.

A chunk makes some hundred thousand objects and no cycles; the collector would look through them again and again,
which costs a seventh of an import's time. What does make cycles (an exception now and then) can wait a few chunks.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

_CHUNKS = 10


@contextmanager
def collected_by_hand() -> Iterator[Callable[[], None]]:
    """No collection inside but at every tenth call of what is given; of the whole process."""
    was_enabled, calls = gc.isenabled(), count(1)

    def after_chunk() -> None:
        if next(calls) % _CHUNKS == 0:
            gc.collect()

    gc.disable()
    try:
        yield after_chunk
    finally:
        if was_enabled:
            gc.enable()
