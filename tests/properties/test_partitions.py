"""Our partitions are those of Kafka's default partitioners, in every client and language."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from kafka.cluster import ClusterMetadata
from kafka.partitioner.default import DefaultPartitioner

from drumbeat.transport.partitions import partition_of


class _Topic(ClusterMetadata):  # type: ignore[misc]
    """A topic with so many partitions, and nothing else."""

    def __init__(self, partitions: int) -> None:
        self._count = partitions

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        return {"contacts"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._count))

    def available_partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._count))


def theirs(key: bytes, partitions: int) -> int:
    return int(DefaultPartitioner().partition("contacts", key, key, b"", b"", _Topic(partitions)))


@given(st.uuids(), st.integers(1, 1_000))
def test_a_stream_is_in_the_partition_that_the_library_would_choose(stream: UUID, partitions: int) -> None:
    assert partition_of(str(stream), partitions) == theirs(str(stream).encode(), partitions)


@given(st.binary(max_size=60), st.integers(1, 1_000))
def test_so_is_any_other_key(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == theirs(key, partitions)


def test_as_text_and_as_bytes_a_stream_is_in_one_partition() -> None:
    assert {partition_of(form, 6) for form in ("6d0f", b"6d0f")} == {theirs(b"6d0f", 6)}
