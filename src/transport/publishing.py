"""A producer of kafka-python as a `Publisher`: bounded, in order, and over with its first failure."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.future import Future

from drumbeat.transport.cluster import COMPRESSION, Cluster, KafkaAway, KafkaProblem
from drumbeat.transport.faults import problem_of
from drumbeat.transport.partitions import positive_hash
from drumbeat.transport.record_headers import POSITION, headers
from drumbeat.transport.records import POSTGRES_EPOCH_MS
from drumbeat.transport.routing import Routes, key_of, partitions_of
from drumbeat.transport.source import Batch
from drumbeat.transport.topic_definitions import Topic
from drumbeat.transport.watermarks import WATERMARK_TYPE, watermark

OVERDUE_SECONDS: Final = 15.0
BATCH_BYTES: Final = 262_144
_LARGEST_REQUEST_BYTES: Final = 96 * 1024 * 1024
_ENDLESS_MS: Final = 2**31 - 1
_PATIENCE_MS: Final = 5_000
_ENDING_SECONDS: Final = 5.0


class _Flight(NamedTuple):
    batch: Batch
    futures: list[Future]
    events: int
    bytes: int


class KafkaPublisher:
    """See `Publisher`. The topics must have been checked: a record for a missing one would wait for ever."""

    def __init__(
        self,
        cluster: Cluster,
        topics: Sequence[Topic],
        clock: Callable[[], datetime],
        *,
        overdue_seconds: float = OVERDUE_SECONDS,
    ) -> None:
        """Connects. Raises `KafkaAway`, `KafkaRefused`, `KafkaUnfit`."""
        self._cluster = cluster
        self._clock = clock
        self._overdue_seconds = overdue_seconds
        self._routes = Routes(topics)
        self._partitions = partitions_of(topics)
        self._flights: deque[_Flight] = deque()
        self._marking: tuple[int, list[Future]] | None = None
        self._news = threading.Event()
        self._failure: BaseException | None = None
        self._progress_at = monotonic()
        self.unsettled_events = 0
        self.unsettled_bytes = 0
        self.marked: int | None = None
        with self._library():
            self._producer = KafkaProducer(**cluster.options("drumbeat-relay"), **PRODUCER_OPTIONS)
        try:
            with self._library():
                for name in {name for name, _ in self._partitions}:
                    self._producer.partitions_for(name)
        except BaseException:
            self.close()
            raise

    def publish(self, batch: Batch) -> None:
        """See `Publisher`."""
        futures: list[Future] = []
        last_of: dict[tuple[str, int], Future] = {}
        size = 0
        if not self._flights:
            self._progress_at = monotonic()
        send, route_of, fail = self._producer.send, self._routes.of, self._fail
        with self._library():
            for position, type_name, raw, recorded_at_us in batch.rows:
                topic, partitions, common = route_of(type_name)
                key = key_of(raw)
                partition = positive_hash(key) % partitions
                future = send(
                    topic,
                    raw,
                    key,
                    [(POSITION, b"%d" % position), *common],
                    partition,
                    POSTGRES_EPOCH_MS + recorded_at_us // 1000,
                )
                future.add_errback(fail)
                futures.append(future)
                last_of[topic, partition] = future
                size += len(raw)
        self._flights.append(_Flight(batch, futures, len(futures), size))
        self.unsettled_events += len(futures)
        self.unsettled_bytes += size
        for future in last_of.values():
            future.add_callback(self._acknowledge)

    def settled(self) -> Batch | None:
        """See `Publisher`."""
        self._news.clear()
        self._raise_failure()
        newest: Batch | None = None
        while self._flights and self._is_settled(self._flights[0].futures):
            flight = self._flights.popleft()
            self.unsettled_events -= flight.events
            self.unsettled_bytes -= flight.bytes
            newest = flight.batch
        if self._marking is not None and self._is_settled(self._marking[1]):
            self.marked, self._marking = self._marking[0], None
        # A failure comes before whatever it may have let through.
        self._raise_failure()
        self._raise_overdue()
        return newest

    def mark(self, position: int, recorded_at: datetime | None) -> bool:
        """See `Publisher`."""
        if self._marking is not None:
            return False
        self._raise_failure()
        now = self._clock()
        value, told = watermark(position, now), headers(WATERMARK_TYPE, position)
        if not self._flights:
            self._progress_at = monotonic()
        futures: list[Future] = []
        time_ms = int((recorded_at or now).timestamp() * 1000)
        with self._library():
            for topic, partition in self._partitions:
                future = self._producer.send(topic, value, None, told, partition, time_ms)
                futures.append(future.add_errback(self._fail))
        futures[-1].add_callback(self._acknowledge)
        self._marking = (position, futures)
        return True

    def wait(self, timeout_seconds: float) -> None:
        """See `Publisher`."""
        self._news.wait(timeout_seconds)

    def close(self) -> None:
        """See `Publisher`."""
        end(self._producer)

    def _is_settled(self, futures: list[Future]) -> bool:
        # Every single one is looked at: the library has left records undecided whose successors were acknowledged.
        before = len(futures)
        while futures and futures[-1].is_done:
            if (error := futures[-1].exception) is not None:
                # A moment before its errback: a refused event must not count as settled.
                self._fail(error)
                break
            futures.pop()
        if len(futures) < before:
            self._progress_at = monotonic()
        return not futures

    def _acknowledge(self, _metadata: Any) -> None:
        self._news.set()

    def _fail(self, error: BaseException) -> None:
        # On the sender's thread, while the failed batch still keeps its partition closed: because the sender ends
        # here, no later event of the partition can pass the failed one.
        if self._failure is None:
            self._failure = error
            self._producer._sender.force_close()
        self._news.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise problem_of(self._cluster, self._failure) from self._failure

    def _raise_overdue(self) -> None:
        waited_seconds = monotonic() - self._progress_at
        if (self._flights or self._marking) and waited_seconds > self._overdue_seconds:
            raise KafkaAway(
                f"the brokers at {self._cluster.bootstrap} have acknowledged nothing for {waited_seconds:.0f} s"
            )

    @contextlib.contextmanager
    def _library(self) -> Any:
        try:
            yield
        except KafkaProblem:
            raise
        except (KafkaError, OSError, ValueError) as error:
            raise problem_of(self._cluster, self._failure or error) from error


def end(producer: KafkaProducer) -> None:
    """End a producer at once, whatever is under way."""
    sender = producer._sender
    sender.force_close()
    sender.join(_ENDING_SECONDS)
    # The library's own close flushes first; when that fails, it gives up and lets its thread go on sending.
    with contextlib.suppress(KafkaError):
        producer.close(timeout=0)
    producer._closed = True


PRODUCER_OPTIONS: Final[dict[str, Any]] = {
    "enable_idempotence": True,
    "acks": "all",
    "compression_type": COMPRESSION,
    # What comes while one request is under way goes into the next: fewer and fuller ones without any waiting.
    "max_in_flight_requests_per_connection": 1,
    "allow_auto_create_topics": False,
    # An expired batch is never retried and its successors overtake it: batches do not expire, terms end.
    "delivery_timeout_ms": _ENDLESS_MS,
    "request_timeout_ms": 10_000,
    "bootstrap_timeout_ms": _PATIENCE_MS,
    "max_block_ms": _PATIENCE_MS,
    # Batches fill by themselves while one is under way: only one a partition is.
    "linger_ms": 0,
    "batch_size": BATCH_BYTES,
    # The topics decide how large an event may be; a limit here would only be one more.
    "max_request_size": _LARGEST_REQUEST_BYTES,
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 1_000,
    "retry_backoff_ms": 100,
    "metrics_enabled": False,
}
