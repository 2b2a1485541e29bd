"""A real Kafka broker for benchmarks: the one that the tests start, with a heap of a small server."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from drumbeat.transport import topics
from drumbeat.transport.cluster import Cluster

# The broker belongs to the tests, which are no package: they are run with their folder on the path.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.kafka import broker_in

PARTITIONS = {"contacts": 6, "campaigns": 3, "": 1}


@contextlib.contextmanager
def kafka() -> Iterator[Cluster]:
    """A broker of the benchmark's own, gone with its data at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as folder,
        broker_in(Path(folder) / "broker", heap="1g") as broker,
    ):
        yield broker.cluster()


def with_topics(cluster: Cluster) -> tuple[Cluster, tuple[topics.Topic, ...]]:
    """The same cluster with fresh topics, under a prefix of one run's own."""
    one = Cluster(bootstrap=cluster.bootstrap, topic_prefix=f"run{uuid4().hex[:8]}.")
    wanted = topics.topics_of(one, PARTITIONS, 1)
    topics.create_or_check(one, wanted)
    return one, wanted
