"""Records are read as kafka-python itself reads them."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

from drumbeat.transport import unpacking

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")

_bytes = st.none() | st.binary(max_size=300)
_ours = st.builds(
    lambda position, kind: [("position", b"%d" % position), ("type", kind), CONTENT_TYPE],
    st.integers(1, 10**15),
    st.sampled_from([b"contact.enrolled.v1", b"contact.call_ended.v1", b""]),
)
_odd = st.lists(st.tuples(st.sampled_from(["position", "type", "é", ""]), _bytes), max_size=4)
_record = st.tuples(
    st.integers(1_700_000_000_000, 1_700_100_000_000),
    st.none() | st.binary(min_size=36, max_size=36) | _bytes,
    st.none() | st.binary(max_size=20_000),
    _ours | _odd,
)


def batch_of(records: list[Any], compression: int = 0) -> bytes:
    """The bytes of a batch, as a broker sends them."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10**9,
    )
    for offset, (timestamp, key, value, headers) in enumerate(records):
        assert builder.append(offset, timestamp, key, value, headers) is not None
    return bytes(builder.build())


def taken_by(kind: Any, raw: bytes, *, after: int = 0, at_once: int = 1_000) -> tuple[list[Any], int]:
    """What a consumer is given of some bytes, in bites, and where it reads on."""
    records = kind(after, TopicPartition("t", 0), MemoryRecords(raw))
    found: list[Any] = []
    while records.record_iterator is not None:
        found += records.take(at_once)
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found], records.next_fetch_offset


def _with_position(position: bytes | None) -> list[Any]:
    return [(1_700_000_000_000, b"k", b"v", [("position", position), ("type", b"t"), CONTENT_TYPE])]


@example(_with_position(b"1" * 64), 0, 0, 25)
@example(_with_position(b""), 0, 0, 25)
@example(_with_position(None), 0, 0, 25)
@given(st.lists(_record, min_size=1, max_size=20), st.sampled_from([0, 3]), st.integers(0, 20), st.integers(1, 25))
def test_whatever_a_batch_holds_is_read_as_the_library_reads_it(
    records: list[Any], compression: int, after: int, at_once: int
) -> None:
    raw = batch_of(records, compression) + batch_of(records)
    theirs = taken_by(Fetcher.PartitionRecords, raw, after=after, at_once=at_once)
    ours = taken_by(unpacking._PartitionRecords, raw, after=after, at_once=at_once)
    assert ours == theirs


def test_a_consumer_that_stops_within_a_batch_reads_on_behind_the_last_record_that_it_took() -> None:
    raw = batch_of([(1_700_000_000_000, b"k", b"v", [])] * 5)
    records = unpacking._PartitionRecords(0, TopicPartition("t", 0), MemoryRecords(raw))
    assert [record.offset for record in records.take(2)] == [0, 1]
    assert records.next_fetch_offset == 2


def test_a_batch_that_was_changed_on_the_way_is_refused() -> None:
    raw = bytearray(batch_of([(1_700_000_000_000, b"k", b"v" * 50, [])]))
    raw[-10] ^= 1
    with pytest.raises(CorruptRecordError):
        taken_by(unpacking._PartitionRecords, bytes(raw))


@given(st.lists(_record, min_size=1, max_size=3), st.integers(1, 60))
def test_records_that_are_cut_off_are_refused(records: list[Any], missing: int) -> None:
    raw = batch_of(records)
    batch = DefaultRecordBatch(raw[: max(DefaultRecordBatch.HEADER_STRUCT.size, len(raw) - missing)])
    with pytest.raises(CorruptRecordError):
        unpacking.records_of(batch)


def test_a_consumer_of_the_library_takes_its_records_from_us() -> None:
    consumer = KafkaConsumer.__new__(KafkaConsumer)
    consumer._fetcher = Fetcher.__new__(Fetcher)
    unpacking.unpack_with_this(consumer)
    assert consumer._fetcher.PartitionRecords is unpacking._PartitionRecords
