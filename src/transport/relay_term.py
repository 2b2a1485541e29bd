"""One term of a relay: from the checkpoint on, with one publisher, until something fails or it is told to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Protocol

from drumbeat.transport.publisher import Publisher
from drumbeat.transport.relay_stats import RelayStats
from drumbeat.transport.source import Batch, Checkpoint, ReadsLog, checkpoint_of

_TYPICAL_EVENT_BYTES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class TermOptions:
    """`batch_events` are read at a time. `window_events` and `window_bytes` bound what is not acknowledged yet.

    `breath_seconds` is how long one look at acknowledgements under way may wait; `beat_seconds`: while anything is
    under way, little that is new and watermarks are sent so far apart, together; `checkpoint_seconds`: the
    checkpoint moves so often while there is progress, and after `idle_checkpoint_seconds` when there is none.
    """

    batch_events: int = 2_000
    window_events: int = 16_000
    window_bytes: int = 32 * 1024 * 1024
    breath_seconds: float = 0.005
    poll_seconds: float = 0.2
    beat_seconds: float = 0.020
    checkpoint_seconds: float = 1.0
    idle_checkpoint_seconds: float = 0.1
    drain_seconds: float = 3.0


class Window:
    """How many events may be under way. Smaller after each failed term, whole again as events are acknowledged.

    An event that Kafka will never take is met again in each term: what is under way with it is published again, so
    that becomes little.
    """

    def __init__(self, options: TermOptions) -> None:
        self._options = options
        self._events = options.window_events
        self._event_bytes = float(_TYPICAL_EVENT_BYTES)

    def shrink(self) -> None:
        """A term failed."""
        self._events = max(1, self._events // 8)

    def grow(self) -> None:
        """Events were acknowledged."""
        self._events = min(self._options.window_events, self._events * 2)

    def room(self, publisher: Publisher) -> int:
        """How many events may be read now."""
        free_bytes = self._options.window_bytes - publisher.unsettled_bytes
        free = min(self._events - publisher.unsettled_events, int(free_bytes / self._event_bytes) + 1)
        # Many small bites cost more than a few whole ones.
        least = min(self._options.batch_events, self._events) // 2
        return min(free, self._options.batch_events) if free_bytes > 0 and free > least else 0

    def saw(self, batch: Batch) -> None:
        """Learn how large events are."""
        self._event_bytes = max(1.0, sum(len(row.bytes) for row in batch.rows) / len(batch.rows))


class CheckpointKeeper(Protocol):
    """What a term needs of the leader. Every method may raise `LeadershipLost`."""

    def check(self) -> None:
        """Notice that another one leads."""
        ...

    def move(self, expected: int, to: Checkpoint) -> None:
        """Move the checkpoint on."""
        ...

    def note_fault(self, words: str | None) -> None:
        """Keep what is in the way."""
        ...


class Term:
    """Belongs to one thread. Whatever its parts raise ends it; it is not used again."""

    def __init__(
        self,
        source: ReadsLog,
        publisher: Publisher,
        leader: CheckpointKeeper,
        checkpoint: Checkpoint,
        *,
        window: Window,
        stats: RelayStats,
        options: TermOptions,
        marked: int | None = None,
        on_healthy: Callable[[], None] = lambda: None,
    ) -> None:
        """`marked`: the position that an earlier term has marked on these same topics."""
        self._source = source
        self._publisher = publisher
        self._leader = leader
        self._window = window
        self._stats = stats
        self._options = options
        self._on_healthy = on_healthy
        self._checkpoint = checkpoint.position
        self._settled = checkpoint
        self._after = checkpoint.position
        self._marked = marked if marked is not None else -1
        self._marked_at = self._moved_at = self._beat_at = -float("inf")
        self._is_gathering, self._has_rested = False, True

    def run(self, stop: Event) -> None:
        """Publish until `stop` is set, then wait a little for what is under way."""
        while not stop.is_set():
            self.step()
        self._drain()

    def step(self) -> None:
        """Look once: at what was acknowledged, then at the log."""
        self._leader.check()
        self._settle()
        now = monotonic()
        beat_in_seconds = self._beat_at - now
        if beat_in_seconds <= 0 or not (self._is_gathering or self._publisher.unsettled_events):
            self._mark(now)
        room = self._window.room(self._publisher)
        if room and beat_in_seconds <= 0:
            self._read(room, now)
        else:
            breath_seconds = self._options.breath_seconds
            self._publisher.wait(min(breath_seconds, beat_in_seconds) if beat_in_seconds > 0 else breath_seconds)

    def _read(self, room: int, now: float) -> None:
        batch = self._source.read(self._after, room)
        self._stats.high_water = max(batch.high_water, self._settled.position)
        if batch.rows:
            self._window.saw(batch)
            self._publisher.publish(batch)
            self._after = batch.up_to
        if len(batch.rows) == room:
            return
        if batch.rows:
            # What comes one by one costs Kafka and every reader a request each. So it is gathered for a beat, and
            # watermarks go with it; after a rest the first is sent at once, and its watermark by itself.
            self._is_gathering = not self._has_rested
            self._has_rested = False
        if batch.rows or self._publisher.unsettled_events:
            self._beat_at = now + self._options.beat_seconds
        else:
            self._rest()

    def _rest(self) -> None:
        if self._marked < self._settled.position:
            self._publisher.wait(self._options.breath_seconds)
            return
        self._has_rested = True
        self._on_healthy()
        if self._checkpoint < self._settled.position:
            self._source.wait(min(self._options.idle_checkpoint_seconds, self._options.poll_seconds))
        else:
            self._source.wait(self._options.poll_seconds)

    def _settle(self) -> None:
        before_events, before_bytes = self._publisher.unsettled_events, self._publisher.unsettled_bytes
        newest = self._publisher.settled()
        if newest is not None:
            self._settled = checkpoint_of(newest.rows[-1])
            self._window.grow()
            self._stats.events += before_events - self._publisher.unsettled_events
            self._stats.bytes += before_bytes - self._publisher.unsettled_bytes
            self._stats.newest = newest.rows[-1].recorded_at
            self._stats.position = newest.up_to
            self._on_healthy()
        now = monotonic()
        idle = not self._publisher.unsettled_events
        pause = self._options.idle_checkpoint_seconds if idle else self._options.checkpoint_seconds
        if now - self._moved_at >= pause:
            self._move(now)

    def _mark(self, now: float) -> None:
        """Watermarks say only what is acknowledged, so they come after it in every partition."""
        position = self._settled.position
        due = now - self._marked_at >= self._options.beat_seconds
        if position > self._marked and due and self._publisher.mark(position, self._settled.recorded_at):
            self._marked, self._marked_at = position, now
            self._stats.watermarks += 1
        if self._publisher.marked is not None:
            self._stats.marked = self._publisher.marked

    def _move(self, now: float) -> None:
        if self._settled.position > self._checkpoint:
            self._leader.move(self._checkpoint, self._settled)
            self._checkpoint, self._moved_at = self._settled.position, now

    def _drain(self) -> None:
        deadline = monotonic() + self._options.drain_seconds
        while (now := monotonic()) < deadline:
            self._settle()
            self._mark(now)
            if not self._publisher.unsettled_events and self._publisher.marked in {None, self._settled.position}:
                break
            self._publisher.wait(self._options.breath_seconds)
        self._move(monotonic())
