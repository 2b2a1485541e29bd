"""The tree over the log, as a process keeps it: its follower, its key, where its heads go, what is seen of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from drumbeat import telemetry
from drumbeat.audit.following import Heads, TreeFollower, TreeStats
from drumbeat.audit.published import HeadFile
from drumbeat.audit.signing import SigningKeyFile
from drumbeat.settings import Settings, variable_of

log = structlog.get_logger(__name__)

_LAST_BATCH_SECONDS = 5.0


def signing_key_path(settings: Settings) -> Path | None:
    """Where the key is that signs heads; None when nobody has said so."""
    if settings.audit_key_file is not None:
        return settings.audit_key_file
    return settings.home / "audit.key" if settings.database_url is None else None


def signing_key(settings: Settings) -> SigningKeyFile | None:
    """The file of that key. The embedded machine's is made at the first start, and nobody else's.

    Raises `SigningKeyUnfit` when it cannot be made; whatever else is wrong shows when it is read.
    """
    path = signing_key_path(settings)
    if path is None:
        return None
    file = SigningKeyFile(path)
    if settings.audit_key_file is None:
        file.make()
    return file


def head_file(settings: Settings) -> Path | None:
    """Where heads are published; None when nobody has said where."""
    if settings.audit_head_file is not None:
        return settings.audit_head_file
    return settings.home / "audit.heads" if settings.database_url is None else None


@contextmanager
def auditing(settings: Settings, database_url: str, clock: Callable[[], datetime], stop: Event) -> Iterator[None]:
    """A thread that keeps the tree until `stop` is set. Raises `SigningKeyUnfit`."""
    key, published = signing_key(settings), head_file(settings)
    if key is None:
        log.warning("heads_are_not_signed", unset=variable_of("audit_key_file"))
    heads = Heads(
        clock=clock,
        key=key.read() if key is not None else None,
        file=HeadFile(published) if published is not None else None,
        seconds=settings.audit_head_seconds,
    )
    follower = TreeFollower(database_url, heads)
    metrics = TreeMetrics(follower.stats)
    telemetry.REGISTRY.register(metrics)
    thread = Thread(target=follower.run, args=[stop], name="audit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_LAST_BATCH_SECONDS)
        telemetry.REGISTRY.unregister(metrics)


class TreeMetrics(Collector):
    """Reads single values of a follower's stats; safe from any thread."""

    def __init__(self, stats: TreeStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Every metric with its present value."""
        stats = self._stats
        for name, words, value in (
            ("drumbeat_audit_leading", "1 while this process keeps the tree over the log.", stats.leading),
            ("drumbeat_audit_leaves", "Events in the tree.", stats.leaves),
            ("drumbeat_audit_head_leaves", "Events under the newest signed head.", stats.head_leaves),
            ("drumbeat_audit_lag_events", "Positions between the log and the tree.", stats.lag_events),
            (
                "drumbeat_audit_fault",
                "1 while something keeps the tree from growing or heads from being published; the log says what.",
                stats.fault is not None,
            ),
        ):
            yield GaugeMetricFamily(name, words, value=float(value))
