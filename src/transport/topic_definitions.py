"""Our topics, as `streams/topics` tells of them and as settings want them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from drumbeat.settings import Settings
from drumbeat.transport.cluster import Cluster, cluster_of

DEAD_LETTERS: Final = "dead-letters"
DEFAULT_MAX_EVENT_BYTES: Final = 900_000
MAX_BYTES: Final = "max.message.bytes"
CLEANUP: Final = "cleanup.policy"
IN_SYNC: Final = "min.insync.replicas"

_HEADROOM_BYTES: Final = 65_536
"""What key, headers and the batch around a record take, generously."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDefinition:
    """A file of `streams/topics`. `stream` is the kind of stream that it carries, none for dead letters."""

    name: str
    stream: str | None = None
    summary: str
    owner: str
    key: str
    partitions: int
    order: str
    growth: str
    config: Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as these settings want it: its full name, its numbers and its configuration in Kafka's words."""

    name: str
    definition: TopicDefinition
    partitions: int
    replication: int
    config: Mapping[str, str]


@cache
def definitions() -> tuple[TopicDefinition, ...]:
    """Every topic there is, by name."""
    folder = files("drumbeat.streams") / "topics"
    found = [TopicDefinition(**tomllib.loads(file.read_text("utf-8"))) for file in folder.iterdir()]
    return tuple(sorted(found, key=lambda one: one.name))


@cache
def topic_of(type_name: str) -> str:
    """The name, without prefix, of the topic that carries a type of event. Raises `LookupError`."""
    kind = type_name.split(".", 1)[0]
    for one in definitions():
        if one.stream == kind:
            return one.name
    raise LookupError(f"no topic of streams/topics carries {type_name!r}")


def topics_of(
    cluster: Cluster,
    partitions: Mapping[str, int],
    replication: int,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
) -> tuple[Topic, ...]:
    """Every topic, in these numbers. `partitions` counts by name; `""` stands for each that it does not name."""
    return tuple(
        Topic(
            name=cluster.topic(one.name),
            definition=one,
            partitions=partitions.get(one.name, partitions.get("", one.partitions)),
            replication=replication,
            config=_config(one, replication, max_event_bytes),
        )
        for one in definitions()
    )


def topics_as_set(settings: Settings) -> tuple[Topic, ...]:
    """The topics as the settings say. Raises `KafkaUnfit` when they name no cluster."""
    partitions = {
        "contacts": settings.kafka_contacts_partitions,
        "campaigns": settings.kafka_campaigns_partitions,
        "": settings.kafka_other_partitions,
    }
    return topics_of(cluster_of(settings), partitions, settings.kafka_replication, settings.max_event_bytes)


def _config(definition: TopicDefinition, replication: int, max_event_bytes: int) -> dict[str, str]:
    config = {name: _kafka_word(value) for name, value in definition.config.items()}
    needed = max_event_bytes + _HEADROOM_BYTES
    if definition.name == DEAD_LETTERS:
        needed = needed * 4 // 3 + _HEADROOM_BYTES  # base64: three bytes in four characters
    config[MAX_BYTES] = str(max(int(config[MAX_BYTES]), needed))
    # With three copies one broker may be away and acks=all still means two; with fewer it would stop the relay.
    config[IN_SYNC] = "2" if replication >= 3 else "1"
    return config


def _kafka_word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
