"""The topic of dead letters: everything that is parked, and nothing else, however often it was written."""

from contextlib import closing

import psycopg
from kafka import KafkaConsumer, TopicPartition

from chaos.read_models import STORM
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.dead_letter_records import decode_dead_letter
from drumbeat.transport.records import name_of
from drumbeat.transport.topic_definitions import DEAD_LETTERS

Letter = tuple[str, int | None, str, bytes]
"""Partition, offset, projection and bytes."""


def judge_dead_letters(url: str, cluster: Cluster) -> list[str]:
    """What is parked and not in the topic, or the other way."""
    parked, told = _parked(url), _told(cluster)
    problems = [f"no dead letter for {letter}" for letter in parked - told]
    return problems + [f"a dead letter of what is not parked: {letter}" for letter in told - parked]


def _parked(url: str) -> set[Letter]:
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(
            "SELECT partition, nullif(next_offset, -1) - 1, projection, bytes FROM readmodel.parked_events"
            " WHERE generation = %s",
            [STORM],
        ).fetchall()
    return {(partition, offset, projection, bytes(raw)) for partition, offset, projection, raw in rows}


def _told(cluster: Cluster) -> set[Letter]:
    topic, told = cluster.topic(DEAD_LETTERS), set[Letter]()
    consumer = KafkaConsumer(**cluster.options("chaos"), enable_auto_commit=False, auto_offset_reset="earliest")
    with closing(consumer):
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                for letter in (decode_dead_letter(record.value) for record in records):
                    place = name_of(letter.source_topic, letter.source_partition)
                    told.add((place, letter.source_offset, letter.projection, letter.record))
    return told
