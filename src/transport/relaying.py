"""A relay as the settings ask for it."""

from collections.abc import Callable
from datetime import datetime

from drumbeat.settings import Settings
from drumbeat.transport import topics
from drumbeat.transport.cluster import cluster_of
from drumbeat.transport.publishing import KafkaPublisher
from drumbeat.transport.relay import Relay


def relay_of(settings: Settings, database_url: str, clock: Callable[[], datetime]) -> Relay:
    """Raises `KafkaUnfit` when the settings name no cluster."""
    cluster, wanted = cluster_of(settings), topics.topics_as_set(settings)

    def open_publisher() -> KafkaPublisher:
        topics.check(cluster, wanted)
        return KafkaPublisher(cluster, wanted, clock)

    return Relay(database_url, cluster.topic_prefix, open_publisher)
