"""Which topic and which partition an event belongs into: the same for whoever writes, reads or counts them."""

import struct
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from uuid import UUID

from drumbeat.transport import topic_definitions
from drumbeat.transport.cluster import KafkaUnfit

_REMEMBERED_KEYS: Final = 200_000
_MASK: Final = 0xFFFFFFFF
_MULTIPLIER: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C


def topic_of(type_name: str) -> str:
    """The name, without prefix, of the topic of an event's type. Raises `KafkaUnfit` when none carries it."""
    try:
        return topic_definitions.topic_of(type_name)
    except LookupError as error:
        raise KafkaUnfit(
            f"an event of type {type_name!r} has no topic: this Drumbeat is too old for it"
        ) from error


def partition_of(stream_id: str | bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's default partitioners choose it: murmur2 of its bytes, modulo the count.

    A topic whose number of partitions changed has streams in two of them: the number is for good.
    """
    return positive_hash(stream_id if isinstance(stream_id, bytes) else stream_id.encode()) % partitions


def partition_among(partitions: frozenset[str], stream_id: UUID, type_name: str) -> str:
    """Which of some partitions carries a stream; the log carries every one. Raises `KafkaUnfit`."""
    counts = _counts(partitions)
    if "" in counts:
        return "log"
    ending = topic_of(type_name)
    for topic, count in counts.items():
        if topic.endswith(ending):
            return f"{topic}/{partition_of(str(stream_id), count)}"
    raise KafkaUnfit(f"none of the topics carries an event of type {type_name!r}")


@lru_cache(maxsize=8)
def _counts(partitions: frozenset[str]) -> Mapping[str, int]:
    # Remembered: the same partitions are asked about for event after event.
    return Counter(name.rpartition("/")[0] for name in partitions)


@lru_cache(maxsize=_REMEMBERED_KEYS)
def positive_hash(key: bytes) -> int:
    """Kafka's murmur2 of a key, without the sign."""
    # Remembered: a stream has many events, and computing it costs as much as a fifth of sending one.
    hashed = _SEED ^ len(key)
    whole = len(key) & ~3
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        mixed = (word * _MULTIPLIER) & _MASK
        mixed ^= mixed >> 24
        hashed = ((hashed * _MULTIPLIER) & _MASK) ^ ((mixed * _MULTIPLIER) & _MASK)
    if rest := key[whole:]:
        hashed = ((hashed ^ int.from_bytes(rest, "little")) * _MULTIPLIER) & _MASK
    hashed ^= hashed >> 13
    hashed = (hashed * _MULTIPLIER) & _MASK
    return (hashed ^ hashed >> 15) & 0x7FFFFFFF
