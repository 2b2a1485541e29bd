"""Which partitions a consumer of a group has: heard on the library's thread, looked at on ours."""

from collections.abc import Collection

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition

from drumbeat.transport.records import name_of, split


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """Holds partitions that were just assigned until somebody who has read their checkpoints lets them go on.

    The library calls it on its own thread. It writes nothing but the consumer's positions: a database that is slow
    or away must not keep heartbeats waiting. Who writes rows is settled by compare-and-set, not here.
    """

    def __init__(self, consumer: KafkaConsumer) -> None:
        """Not subscribed yet."""
        self._consumer = consumer
        self.changes = 0
        """How often partitions came or went; the same ones may come back."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Without a position of ours the library would go on where Kafka's committed offsets are."""
        for partition in assigned:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self.changes += 1

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Seen by `names`."""

    def on_partitions_lost(self, _lost: Collection[TopicPartition]) -> None:
        """Seen by `changes`: they may be back before anybody looks at the names."""
        self.changes += 1

    def names(self) -> frozenset[str]:
        """The partitions that the consumer has now, by name."""
        return frozenset(name_of(*partition) for partition in self._consumer.assignment())


def topic_partition(name: str) -> TopicPartition:
    """A partition as the library names it."""
    return TopicPartition(*split(name))
