"""Three brokers that keep three copies of everything, two of them before anything is acknowledged."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumbeat.transport.cluster import Cluster
from support.kafka.broker import Broker
from support.kafka.configuration import Quorum, quiet_ports


@dataclass(frozen=True, slots=True)
class Brokers:
    """A cluster of brokers with the node ids 1, 2 and 3. Any one of them may be killed, and nothing is lost."""

    brokers: tuple[Broker, ...]

    @property
    def bootstrap(self) -> str:
        """All of them, with commas."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def cluster(self, topic_prefix: str = "drumbeat.") -> Cluster:
        """How our code reaches it."""
        return Cluster(bootstrap=self.bootstrap, topic_prefix=topic_prefix)

    def node(self, node_id: int) -> Broker:
        """One of them, by the id that Kafka calls it."""
        return self.brokers[node_id - 1]


@contextlib.contextmanager
def three_brokers(folder: Path, **options: Any) -> Iterator[Brokers]:
    """Three running brokers, with options of `Broker` for each; gone at the end, with their folders.

    They take about one gigabyte together. Raises `ProgramsMissing`, `BrokerDidNotStart`.
    """
    quorum = Quorum(controllers=dict(enumerate(quiet_ports(3), start=1)))
    brokers = tuple(
        Broker(folder / f"broker-{node_id}", node_id=node_id, quorum=quorum, discard=True, **options)
        for node_id in quorum.controllers
    )
    try:
        for broker in brokers:
            broker.start(wait=False)
        for broker in brokers:
            broker.wait_until_it_answers()
        yield Brokers(brokers)
    finally:
        for broker in brokers:
            broker.close()
