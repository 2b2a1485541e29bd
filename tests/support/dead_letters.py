"""The topic of dead letters in tests."""

from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.topic_definitions import DEAD_LETTERS, Topic, topics_of
from support.machine import until
from support.topics import PARTITIONS


def dead_letter_topic(cluster: Cluster) -> Topic:
    """The topic, with the numbers of `support.topics`."""
    (topic,) = (one for one in topics_of(cluster, PARTITIONS, 1) if one.definition.name == DEAD_LETTERS)
    return topic


def dead_letters_on(cluster: Cluster) -> list[Any]:
    """Every record of the topic of dead letters."""
    topic = dead_letter_topic(cluster)
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    consumer = KafkaConsumer(**cluster.options("tests"), auto_offset_reset="earliest")
    with closing(consumer):
        consumer.assign(partitions)
        wanted = int(sum(consumer.end_offsets(partitions).values()))
        found: list[Any] = []

        def is_all() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(records)
            return len(found) >= wanted

        assert until(is_all)
    return found
