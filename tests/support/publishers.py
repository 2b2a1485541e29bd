"""The memory twin of Kafka at the relay's port: what a test acknowledges is acknowledged."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from drumbeat.transport.cluster import KafkaAway, KafkaProblem
from drumbeat.transport.leadership import LeadershipLost
from drumbeat.transport.source import Batch, Checkpoint, LogRow


class MemoryPublisher:
    """A `Publisher` whose brokers are the test.

    `acknowledge` settles batches, `fail` ends the term like a refused record does, `be_overdue` like silence.
    """

    def __init__(self, *, acknowledges: bool = False, refuses: int | None = None) -> None:
        """`acknowledges`: everything at once; `refuses`: the position of an event that is never taken."""
        self.sent: list[LogRow] = []
        self.acknowledged: list[LogRow] = []
        self.watermarks: list[tuple[int, int]] = []
        """The position of each, and up to where all was acknowledged then."""
        self.closed = False
        self.marked: int | None = None
        self._acknowledges = acknowledges
        self._refuses = refuses
        self._under_way: deque[Batch] = deque()
        self._settled: deque[Batch] = deque()
        self._mark_under_way: int | None = None
        self._failure: KafkaProblem | None = None

    @property
    def unsettled_events(self) -> int:
        """See `Publisher`."""
        return sum(len(batch.rows) for batch in (*self._under_way, *self._settled))

    @property
    def unsettled_bytes(self) -> int:
        """See `Publisher`."""
        return sum(len(row.bytes) for batch in (*self._under_way, *self._settled) for row in batch.rows)

    def publish(self, batch: Batch) -> None:
        """See `Publisher`."""
        self._raise_failure()
        self._under_way.append(batch)
        self.sent += batch.rows
        if self._refuses in {row.position for row in batch.rows}:
            self.fail(KafkaAway(f"event {self._refuses} is not taken"))
        elif self._acknowledges:
            self.acknowledge()

    def settled(self) -> Batch | None:
        """See `Publisher`."""
        self._raise_failure()
        newest = self._settled[-1] if self._settled else None
        self._settled.clear()
        if self._acknowledges:
            self.acknowledge_mark()
        return newest

    def mark(self, position: int, recorded_at: datetime | None) -> bool:
        """See `Publisher`."""
        self._raise_failure()
        if self._mark_under_way is not None:
            return False
        self._mark_under_way = position
        self.watermarks.append((position, self.acknowledged[-1].position if self.acknowledged else 0))
        return True

    def wait(self, timeout_seconds: float) -> None:
        """See `Publisher`."""

    def close(self) -> None:
        """See `Publisher`."""
        self.closed = True

    def acknowledge(self, batches: int | None = None) -> None:
        """The brokers take the oldest batches, or all."""
        for _ in range(len(self._under_way) if batches is None else min(batches, len(self._under_way))):
            batch = self._under_way.popleft()
            self._settled.append(batch)
            self.acknowledged += batch.rows

    def acknowledge_mark(self) -> None:
        """The brokers take the watermark that is under way."""
        if self._mark_under_way is not None:
            self.marked, self._mark_under_way = self._mark_under_way, None

    def fail(self, problem: KafkaProblem) -> None:
        """A record is refused."""
        self._failure = problem

    def be_overdue(self) -> None:
        """Nothing was acknowledged for long."""
        self._failure = KafkaAway("nothing was acknowledged for long")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


class MemoryLeader:
    """The leader's session, in memory. `moves` are the checkpoints that it was told, in order."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.moves: list[Checkpoint] = []
        self.faults: list[str | None] = []
        self.lost = False

    def check(self) -> None:
        """See `CheckpointKeeper`."""
        if self.lost:
            raise LeadershipLost("another one leads")

    def move(self, expected: int, to: Checkpoint) -> None:
        """See `CheckpointKeeper`."""
        self.check()
        if expected != self.position or to.position <= expected:
            raise LeadershipLost("another one moved it")
        self.position = to.position
        self.moves.append(to)

    def note_fault(self, words: str | None) -> None:
        """See `CheckpointKeeper`."""
        self.faults.append(words)


def rows(count: int, *, first: int = 1, size: int = 300) -> Sequence[LogRow]:
    """Events whose bytes nobody looks at."""
    return [
        LogRow(position, "sender.renamed.v1", b" " * size, position) for position in range(first, first + count)
    ]
