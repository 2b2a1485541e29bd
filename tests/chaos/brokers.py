"""The brokers of a storm: three, of which one at a time may be away."""

import threading
import time
from contextlib import closing, suppress
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from drumbeat.transport.cluster import Cluster
from support.kafka.three import Brokers

_START_AGAIN_SECONDS: Final = 1.5
_LOOK_SECONDS: Final = 0.5


class Watch:
    """Looks in a thread of its own whether every copy of every partition is in sync."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._whole_at = -float("inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def is_whole_since(self, moment: float) -> bool:
        """Whether all was in sync at a look that began after this moment (of `time.monotonic`)."""
        return self._whole_at > moment

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            # A client that met a dead broker is not asked again.
            with (
                suppress(KafkaError, OSError),
                closing(KafkaAdminClient(**self._cluster.options("watch"))) as admin,
            ):
                while not self._stop.wait(_LOOK_SECONDS):
                    began_at = time.monotonic()
                    if all(_in_sync(topic) for topic in admin.describe_topics()):
                        self._whole_at = began_at
            self._stop.wait(_LOOK_SECONDS)


def _in_sync(topic: dict[str, Any]) -> bool:
    return all(len(one["isr_nodes"]) == len(one["replica_nodes"]) for one in topic["partitions"])


class ThreeBrokers:
    """For one thread, but for the watch."""

    def __init__(self, brokers: Brokers, cluster: Cluster) -> None:
        self._brokers = brokers
        self._watch = Watch(cluster)
        self._dead_since: dict[int, float] = {}
        self._paused: set[int] = set()
        self._changed_at = 0.0

    def tend(self) -> None:
        """Start again what was killed, a moment later."""
        for node_id in (1, 2, 3):
            broker = self._brokers.node(node_id)
            if broker.is_running:
                continue
            since = self._dead_since.setdefault(node_id, time.monotonic())
            if time.monotonic() - since >= _START_AGAIN_SECONDS:
                del self._dead_since[node_id]
                broker.start(wait=False)
                self._changed_at = time.monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether every broker runs and every copy is in sync."""
        running = all(broker.is_running for broker in self._brokers.brokers)
        return running and not self._paused and self._watch.is_whole_since(self._changed_at)

    def kill(self, node_id: int) -> None:
        """kill -9."""
        self._brokers.node(node_id).kill()
        self._changed_at = time.monotonic()

    def pause(self, node_id: int) -> None:
        """SIGSTOP."""
        self._brokers.node(node_id).pause()
        self._paused.add(node_id)
        self._changed_at = time.monotonic()

    def wake(self, node_id: int) -> None:
        """SIGCONT."""
        self._brokers.node(node_id).resume()
        self._paused.discard(node_id)
        self._changed_at = time.monotonic()

    def close(self) -> None:
        """Wake all, look no more."""
        for node_id in set(self._paused):
            self.wake(node_id)
        self._watch.close()
