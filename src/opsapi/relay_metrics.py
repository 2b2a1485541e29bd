"""The relay's part of the metrics catalogue, made from its stats when Prometheus asks for it."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from drumbeat.transport.relay_stats import RelayStats


class RelayMetrics(Collector):
    """Reads single values of a running relay's stats; safe from any thread."""

    def __init__(self, stats: RelayStats, clock: Callable[[], datetime]) -> None:
        self._stats = stats
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Every metric with its present value."""
        stats = self._stats
        for name, words, total in (
            ("drumbeat_relay_events", "Events that Kafka has acknowledged, repeats included.", stats.events),
            ("drumbeat_relay_bytes", "Their bytes, before compression.", stats.bytes),
            ("drumbeat_relay_watermarks", "Watermarks written, each to every partition.", stats.watermarks),
            ("drumbeat_relay_terms", "Producers begun, each at the checkpoint.", stats.terms),
        ):
            yield CounterMetricFamily(name, words, value=total)
        for name, words, value in (
            ("drumbeat_relay_leading", "1 while this relay publishes, 0 while another one does.", stats.leading),
            ("drumbeat_relay_position", "Position up to which Kafka has acknowledged everything.", stats.position),
            ("drumbeat_relay_watermark", "Position of the last watermark in every partition.", stats.marked),
            ("drumbeat_relay_lag_events", "Positions between the log and Kafka.", stats.lag_events),
            (
                "drumbeat_relay_lag_seconds",
                "Age of the newest published event while there is more to publish.",
                stats.lag_seconds(self._clock()),
            ),
            (
                "drumbeat_relay_fault",
                "1 while something keeps the relay from publishing; its log and `drumbeat status` say what.",
                stats.fault is not None,
            ),
        ):
            yield GaugeMetricFamily(name, words, value=float(value))
        yield self._failures()

    def _failures(self) -> Metric:
        family = CounterMetricFamily(
            "drumbeat_relay_failures", "Times that publishing ended, by what ended it.", labels=["kind"]
        )
        for kind, count in self._stats.failures.items():
            family.add_metric([kind], count)
        return family
