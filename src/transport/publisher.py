"""The port between the relay and Kafka: one producer's term, that ends with its first failure."""

from datetime import datetime
from typing import Protocol

from drumbeat.transport.source import Batch


class Publisher(Protocol):
    """Publishes events in the order in which they are given. For one thread.

    After the first failure nothing more is sent: every method but `close` then raises what it was (`KafkaAway`,
    `KafkaUnfit`, `KafkaRefused`), and another publisher starts at the checkpoint. Until then the events of a
    partition are there in order and without a gap, whatever is repeated: a consumer that skips what is not above
    its last position sees each once.
    """

    def publish(self, batch: Batch) -> None:
        """Hand over a batch with rows. It is sent soon; `settled` says when it is there."""
        ...

    def settled(self) -> Batch | None:
        """The last batch up to which every event is acknowledged, when there are more than at the last call.

        Raises `KafkaAway` too when the brokers have acknowledged nothing for long.
        """
        ...

    def mark(self, position: int, recorded_at: datetime | None) -> bool:
        """Write a watermark to every partition; all events at or below it must be settled.

        `recorded_at`, of the event there, becomes the record's time, as it is of events; None: now.
        False, and nothing is written, while an earlier one is under way.
        """
        ...

    def wait(self, timeout_seconds: float) -> None:
        """Return when something was acknowledged or failed since the last `settled`, or after this time."""
        ...

    @property
    def unsettled_events(self) -> int:
        """Events handed over and not yet settled."""
        ...

    @property
    def unsettled_bytes(self) -> int:
        """Their bytes."""
        ...

    @property
    def marked(self) -> int | None:
        """The position of the last watermark that every partition has; None before the first."""
        ...

    def close(self) -> None:
        """Send nothing more, whatever is still under way."""
        ...
