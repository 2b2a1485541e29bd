"""The projector's part of the metrics catalogue, made from its stats when Prometheus asks for it."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from drumbeat.projections.dead_letter_outbox import OutboxStats
from drumbeat.projections.engine.stats import ProjectorStats


class ProjectorMetrics(Collector):
    """Reads single values of a running projector's stats, asked for anew each time; safe from any thread.

    `held_up_seconds` tells for how long one append has held back all events after it; `copies` of what is parked
    are made where there is Kafka.
    """

    def __init__(
        self,
        stats: Callable[[], ProjectorStats],
        clock: Callable[[], datetime],
        held_up_seconds: Callable[[], float],
        copies: OutboxStats | None = None,
    ) -> None:
        self._stats = stats
        self._clock = clock
        self._held_up_seconds = held_up_seconds
        self._copies = copies

    def collect(self) -> Iterator[Metric]:
        """Every metric with its present value."""
        stats = self._stats()
        for name, words, total in (
            ("drumbeat_projected_events", "Events applied to the read models.", stats.events),
            ("drumbeat_projection_batches", "Batches applied.", stats.batches),
            ("drumbeat_projector_reconnects", "Times that the database was lost.", stats.reconnects),
            ("drumbeat_projector_lost_races", "Batches that another projector had applied.", stats.lost_races),
        ):
            yield CounterMetricFamily(name, words, value=total)
        for name, words, value in (
            ("drumbeat_position", "Position up to which everything is in the read models.", stats.position),
            ("drumbeat_high_water", "Position below which nothing can appear any more.", stats.high_water),
            ("drumbeat_lag_events", "Positions between the log and the read models.", stats.lag_events),
            (
                "drumbeat_lag_seconds",
                "Age of the newest applied event while there is more to apply.",
                stats.lag_seconds,
            ),
            ("drumbeat_parked_events", "Events set aside, in order.", stats.parked),
            (
                "drumbeat_held_up_seconds",
                "Time for which one append under way has held back all events after it; alert on seconds.",
                self._held_up_seconds(),
            ),
        ):
            yield GaugeMetricFamily(name, words, value=value)
        yield from self._by_partition()
        yield self._high_water_age()
        yield self._stages()
        if self._copies is not None:
            yield from self._dead_letters(self._copies)

    def _dead_letters(self, copies: OutboxStats) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "drumbeat_dead_letters", "Parked events copied to the topic of dead letters.", value=copies.copied
        )
        yield GaugeMetricFamily(
            "drumbeat_dead_letters_fault",
            "1 while something keeps parked events from being copied; the projector's log says what.",
            value=float(copies.fault is not None),
        )

    def _by_partition(self) -> Iterator[Metric]:
        position = GaugeMetricFamily(
            "drumbeat_partition_position", "Position up to which a partition is applied.", labels=["partition"]
        )
        lag = GaugeMetricFamily(
            "drumbeat_partition_lag_events",
            "Positions between a partition and the highest that was read of any.",
            labels=["partition"],
        )
        for partition, applied in sorted(self._stats().partitions.items()):
            position.add_metric([partition], applied)
            lag.add_metric([partition], max(0, self._stats().high_water - applied))
        yield from (position, lag)

    def _high_water_age(self) -> Metric:
        family = GaugeMetricFamily(
            "drumbeat_high_water_seconds",
            "Time since the high-water mark moved, or all below it was applied; frozen is unhealthy at any lag.",
        )
        moved_at = self._stats().high_water_moved_at
        if moved_at is not None:
            family.add_metric([], (self._clock() - moved_at).total_seconds())
        return family

    def _stages(self) -> Metric:
        family = CounterMetricFamily(
            "drumbeat_projection_seconds", "Time spent in each stage of a batch.", labels=["stage"]
        )
        for stage, seconds in self._stats().seconds.items():
            family.add_metric([stage], seconds)
        return family
