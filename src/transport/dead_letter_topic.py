"""The topic of dead letters as those write it who set records aside: one after the other, each acknowledged."""

from datetime import datetime
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.dead_letter_records import (
    DEAD_LETTER_TYPE,
    DeadLetter,
    DeadLetterTooLarge,
    encode_dead_letter,
)
from drumbeat.transport.faults import problem_of
from drumbeat.transport.partitions import partition_of
from drumbeat.transport.publishing import OVERDUE_SECONDS, PRODUCER_OPTIONS, end
from drumbeat.transport.record_headers import headers
from drumbeat.transport.topic_definitions import DEAD_LETTERS, Topic
from drumbeat.transport.topics import check

_HEADERS: Final = headers(DEAD_LETTER_TYPE, None)


class DeadLetterTopic:
    """Writes dead letters. For one thread, and over with its first failure: nothing is sent after it."""

    def __init__(self, cluster: Cluster, topic: Topic, *, overdue_seconds: float = OVERDUE_SECONDS) -> None:
        """Connects. Raises `KafkaAway`, `KafkaRefused`, and `KafkaUnfit` when the topic is missing or other."""
        assert topic.definition.name == DEAD_LETTERS
        self._cluster = cluster
        self._topic = topic
        self._overdue_seconds = overdue_seconds
        check(cluster, [topic])
        try:
            self._producer = KafkaProducer(**cluster.options("drumbeat-dead-letters"), **PRODUCER_OPTIONS)
        except (KafkaError, OSError, ValueError) as error:
            raise problem_of(cluster, error) from error

    def write(self, letter: DeadLetter, time: datetime) -> None:
        """Write one; it is there when this returns, and may be there when this raises.

        `time`: when it was set aside. Raises `KafkaAway`, `KafkaRefused`, `KafkaUnfit`, `DeadLetterTooLarge`.
        """
        partition = 0 if letter.key is None else partition_of(letter.key, self._topic.partitions)
        at_ms = int(time.timestamp() * 1000)
        try:
            self._producer.send(
                self._topic.name, encode_dead_letter(letter, time), letter.key, _HEADERS, partition, at_ms
            ).get(self._overdue_seconds)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise DeadLetterTooLarge(f"{self._topic.name} does not take a dead letter: {error}") from error
        except (KafkaError, OSError, ValueError) as error:
            raise problem_of(self._cluster, error) from error

    def close(self) -> None:
        """Send nothing more."""
        end(self._producer)
