"""Beside `kafka-live`: Quix Streams with counters of its own, which no goal is set against.

It counts the events of each key by type in its RocksDB state, without the changelog topics that would bring the
state back after a loss; Postgres, rows and positions are not part of it.
"""

import tempfile
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from quixstreams import Application, State

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.watermarks import WATERMARK_TYPE


def run_quix(cluster: Cluster, topics: Mapping[str, int], events: int) -> float:
    """Events a second of counters by key and type."""
    seen, begun, ended = 0, 0.0, 0.0

    def count(_value: Any, _key: Any, _timestamp: Any, headers: Any, state: State) -> None:
        nonlocal seen, begun, ended
        begun = begun or time.perf_counter()
        kind = dict(headers)["type"]
        if kind == WATERMARK_TYPE.encode():
            return
        state.set(kind.decode(), state.get(kind.decode(), 0) + 1)
        seen += 1
        if seen == events:
            ended = time.perf_counter()
            app.stop()

    with tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as folder:
        app = Application(
            cluster.bootstrap,
            consumer_group=uuid4().hex,
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
            auto_create_topics=False,
            use_changelog_topics=False,
            consumer_poll_timeout=0.1,
        )
        for name in topics:
            topic = app.topic(name, key_deserializer="bytes", value_deserializer="json")
            app.dataframe(topic).update(count, metadata=True, stateful=True)
        app.run(timeout=120)
    assert seen == events, f"{seen} of {events} events were counted"
    return events / (ended - begun)
