"""Every record of some topics, from beginning to end, by a reader that joins no group and leaves no trace."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from drumbeat.transport.cluster import Cluster, KafkaAway
from drumbeat.transport.faults import problem_of
from drumbeat.transport.records import name_of

PATIENCE_SECONDS: Final = 30.0
_AT_ONCE: Final = 5_000


def read_to_the_end(
    cluster: Cluster,
    topics: Mapping[str, int],
    take: Callable[[str, Any], None],
    show: Callable[[float], None] = lambda _share: None,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Hand every record to `take`, with its partition's name, each partition in order.

    What comes while it reads is left out. `show` hears the share that is read. Raises `KafkaAway` also when
    nothing comes for `patience_seconds`, `KafkaUnfit`, `KafkaRefused`.
    """
    try:
        consumer = KafkaConsumer(
            **cluster.options("drumbeat-reconcile"),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=2 << 20,
        )
        with contextlib.closing(consumer):
            _read(consumer, cluster, topics, take, show, patience_seconds)
    except KafkaError as error:
        raise problem_of(cluster, error) from error


def _read(
    consumer: KafkaConsumer,
    cluster: Cluster,
    topics: Mapping[str, int],
    take: Callable[[str, Any], None],
    show: Callable[[float], None],
    patience_seconds: float,
) -> None:
    partitions = [TopicPartition(topic, number) for topic, count in topics.items() for number in range(count)]
    names = {partition: name_of(*partition) for partition in partitions}
    consumer.assign(partitions)
    begin, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    total = sum(ends[one] - begin[one] for one in partitions) or 1
    left = {one for one in partitions if begin[one] < ends[one]}
    consumer.pause(*(one for one in partitions if one not in left))
    handed, heard_at = 0, time.monotonic()
    while left:
        polled = consumer.poll(timeout_ms=500, max_records=_AT_ONCE)
        for partition, records in polled.items():
            name, end = names[partition], ends[partition]
            for record in records:
                if record.offset < end:
                    take(name, record)
                    handed += 1
        reached = {one for one in left if consumer.position(one) >= ends[one]}
        if reached:
            consumer.pause(*reached)
            left -= reached
        if polled:
            heard_at = time.monotonic()
            show(min(1.0, handed / total))
        elif time.monotonic() - heard_at > patience_seconds:
            raise KafkaAway(f"the brokers at {cluster.bootstrap} have sent nothing for {patience_seconds:.0f} s")
