"""From a row of the log to a record on Kafka: its topic, key, partition, headers and time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from drumbeat.transport.cluster import KafkaUnfit
from drumbeat.transport.partitions import topic_of
from drumbeat.transport.record_headers import headers
from drumbeat.transport.records import subject_of
from drumbeat.transport.topic_definitions import DEAD_LETTERS, Topic


def key_of(raw: bytes) -> bytes:
    """The key of an event's record: its stream id in ASCII. Raises `KafkaUnfit` for bytes that name no stream."""
    key = subject_of(raw)
    if key is None:
        raise KafkaUnfit("an event of the log names no stream: its bytes are no CloudEvent with a subject")
    return key


class Route(NamedTuple):
    """What the records of one type of event have in common."""

    topic: str
    partitions: int
    headers: Sequence[tuple[str, bytes]]


class Routes:
    """Finds the route of a type of event among the topics there are. For one thread."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._topics: Mapping[str, Topic] = {topic.definition.name: topic for topic in topics}
        self._known: dict[str, Route] = {}

    def of(self, type_name: str) -> Route:
        """Raises `KafkaUnfit`, by name, for a type that no topic carries."""
        if type_name not in self._known:
            name = topic_of(type_name)
            if name not in self._topics:
                raise KafkaUnfit(f"an event of type {type_name!r} belongs into {name}, which is no topic of ours")
            topic = self._topics[name]
            self._known[type_name] = Route(topic.name, topic.partitions, headers(type_name, None))
        return self._known[type_name]


def partitions_of(topics: Sequence[Topic]) -> list[tuple[str, int]]:
    """Every partition that events go to, as topic and number; those of dead letters are not among them."""
    carrying = [topic for topic in topics if topic.definition.name != DEAD_LETTERS]
    return [(topic.name, number) for topic in carrying for number in range(topic.partitions)]
