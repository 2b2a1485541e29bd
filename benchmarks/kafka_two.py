"""`kafka-two`: two projectors that share the partitions, against one; told, without a goal.

They are processes as users run them, in one group. While a lock keeps checkpoints where they are, a log is
published; time counts from when the lock is let go until every partition of every read model is at the end. What a
projector has read and folded by then, two batches at most, is ahead of the clock on both sides.
"""

import time
from contextlib import closing

import psycopg

from benchmarks.brokers import VERSION, kafka, published, with_topics
from benchmarks.harness import Bench, Goal, Result
from benchmarks.live_events import write_log
from benchmarks.processes import answer_of, processes, settings_of, wait_until
from benchmarks.read_models import check
from drumbeat.transport.cluster import Cluster

_LOCK = "LOCK TABLE readmodel.checkpoints IN SHARE MODE"
_LOWEST = "SELECT coalesce(min(position), 0) FROM readmodel.checkpoints"


def two_projectors(bench: Bench) -> Result:
    """Ours is two, the peer one."""
    contacts = bench.scaled(20_000, 6_000)
    bench.told.append("the peer is one projector; two cores for projectors, broker and Postgres")
    with kafka() as brokers:
        return bench.compare(
            "kafka-two",
            "events/s",
            ours=lambda: _together(bench, brokers, contacts, 2),
            peer=lambda: _together(bench, brokers, contacts, 1),
            goal=Goal(),
            kafka=VERSION,
        )


def _together(bench: Bench, brokers: Cluster, contacts: int, projectors: int) -> float:
    with bench.database() as url, closing(psycopg.connect(url)) as holding:
        events = write_log(url, contacts, together=True)
        cluster, topics = with_topics(brokers)
        with processes(["project"] * projectors, settings_of(url, cluster)) as envs:
            addresses = [f"http://127.0.0.1:{env['DRUMBEAT_PROJECT_METRICS_PORT']}/metrics" for env in envs]
            wait_until(lambda: _share(addresses), "not every projector has partitions", 90)
            holding.execute(_LOCK)
            published(url, cluster, topics, events)
            holding.commit()
            started = time.perf_counter()
            with closing(psycopg.connect(url, autocommit=True)) as looking:
                wait_until(lambda: looking.execute(_LOWEST).fetchone() == (events,), "not at the end", 300)
            elapsed = time.perf_counter() - started
        check(url, contacts)
        return events / elapsed


def _share(addresses: list[str]) -> bool:
    # Each has partitions of the topic of contacts, where nearly all the events will be.
    return all("contacts/" in answer_of(address) for address in addresses)
