"""How a log is cut into slices of streams, and a slice into pieces: by the streams' ids."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

EVENTS_A_PIECE: Final = 10_000
"""About how many events are read and folded together."""

_MOST_SLICES: Final = 4_096
_ROUNDS: Final = 4
_IDS: Final = 2**128


def how_many(events: int, workers: int, events_a_slice: int) -> int:
    """Slices of a log for some workers: none has much more than `events_a_slice`, but for the longest of logs.

    As many for each worker, and some, so that none is idle for long while the last slice is folded.
    """
    for_each = events / workers
    rounds = max(1, math.ceil(for_each / events_a_slice), min(_ROUNDS, int(for_each / EVENTS_A_PIECE)))
    return min(_MOST_SLICES, rounds * workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which events a slice has: those up to `mark` of the streams in one of `of` equal parts of all ids.

    The ids of contacts and suppressions, of which there are many, are hashes, and therefore spread evenly.
    """

    generation: str
    mark: int
    number: int
    of: int

    def pieces(self) -> Iterator[tuple[UUID, UUID]]:
        """The first and the last id of each piece, in their order."""
        own = max(1, math.ceil(self.mark / self.of / EVENTS_A_PIECE))
        everybody = self.of * own
        for piece in range(self.number * own, (self.number + 1) * own):
            yield UUID(int=piece * _IDS // everybody), UUID(int=(piece + 1) * _IDS // everybody - 1)
