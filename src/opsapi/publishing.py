"""The relay as a process."""

from collections.abc import Callable
from datetime import datetime
from threading import Event

from drumbeat import telemetry
from drumbeat.opsapi.relay_metrics import RelayMetrics
from drumbeat.opsapi.serving import serve_metrics
from drumbeat.settings import Settings
from drumbeat.transport.cluster import quieten_the_library
from drumbeat.transport.relaying import relay_of


def run_relay(settings: Settings, database_url: str, clock: Callable[[], datetime], stop: Event) -> None:
    """Publish the log to Kafka until `stop` is set. Raises `KafkaUnfit` for what is missing on this machine."""
    relay = relay_of(settings, database_url, clock)
    telemetry.REGISTRY.register(RelayMetrics(relay.stats, clock))
    serve_metrics(settings.api_host, settings.relay_metrics_port)
    quieten_the_library()
    relay.run(stop)
