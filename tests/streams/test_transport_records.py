"""Records: watermarks and dead letters come back whole as they were written, and what is none of ours is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.events import MalformedEvent
from drumbeat.transport.dead_letter_records import DeadLetter, decode_dead_letter, encode_dead_letter
from drumbeat.transport.record_headers import headers
from drumbeat.transport.records import Reader
from drumbeat.transport.watermarks import WATERMARK_TYPE, position_of, watermark
from support.given import NOW, uid

positions = st.integers(min_value=1, max_value=2**63 - 1)
letters = st.builds(
    DeadLetter,
    source_topic=st.text(min_size=1),
    source_partition=st.integers(0, 10_000),
    source_offset=st.none() | st.integers(0, 2**63 - 1),
    position=st.none() | positions,
    stream_id=st.none() | st.uuids(),
    type=st.none() | st.text(),
    projection=st.text(),
    reason=st.text(max_size=100),
    record=st.binary(),
)
LETTER = DeadLetter(
    source_topic="drumbeat.contacts",
    source_partition=4,
    source_offset=17,
    projection="attempts",
    reason="no",
    record=b"\xff\x00",
)


@given(positions, st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_watermark_reads_back_as_it_was_written(position: int, now: datetime) -> None:
    raw = watermark(position, now)
    assert position_of(raw) == position
    assert msgspec.convert(msgspec.json.decode(raw)["time"], datetime) == now


def test_a_watermark_says_its_time_in_utc() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert watermark(7, elsewhere) == watermark(7, NOW)


def test_the_same_watermark_has_the_same_id_and_another_has_another() -> None:
    ids = [msgspec.json.decode(watermark(position, NOW))["id"] for position in (7, 7, 8)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b'{"type":"contact.enrolled.v1","data":{"position":1}}', watermark(7, NOW).replace(b"7}", b"x}")],
)
def test_what_is_no_watermark_is_refused_by_name(raw: bytes) -> None:
    with pytest.raises(MalformedEvent, match=WATERMARK_TYPE):
        position_of(raw)


@given(letters)
def test_a_dead_letter_keeps_every_byte_and_what_was_known(letter: DeadLetter) -> None:
    assert decode_dead_letter(encode_dead_letter(letter, NOW)) == letter


def test_a_reason_that_quotes_half_a_character_is_written_all_the_same() -> None:
    letter = replace(LETTER, reason="bad \ud800 byte")
    assert decode_dead_letter(encode_dead_letter(letter, NOW)).reason == "bad \\ud800 byte"


def test_a_reason_that_never_ends_is_cut() -> None:
    letter = replace(LETTER, reason="x" * 1_000_000)
    assert len(encode_dead_letter(letter, NOW)) < 10_000


def test_a_dead_letter_is_known_by_its_record_and_projection() -> None:
    same, other = replace(LETTER, reason="again"), replace(LETTER, projection="contacts")
    assert same.id == LETTER.id != other.id


def test_a_dead_letter_stands_under_the_key_of_its_stream_when_that_is_known() -> None:
    assert LETTER.key is None
    assert replace(LETTER, stream_id=uid("contact")).key == str(uid("contact")).encode()


@pytest.mark.parametrize("raw", [b"", b"{}", encode_dead_letter(LETTER, NOW).replace(b"/wA=", b"/w")])
def test_what_is_no_dead_letter_is_refused_by_name(raw: bytes) -> None:
    with pytest.raises(MalformedEvent, match="dead_letter"):
        decode_dead_letter(raw)


def test_headers_tell_position_type_and_that_the_value_is_a_whole_cloudevent() -> None:
    assert headers("contact.paused.v1", 48_211) == [
        ("position", b"48211"),
        ("type", b"contact.paused.v1"),
        ("content-type", b"application/cloudevents+json; charset=utf-8"),
    ]
    assert [name for name, _ in headers("x", None)] == ["type", "content-type"]


def test_ids_of_transport_are_uuids() -> None:
    assert isinstance(LETTER.id, UUID)


@pytest.mark.parametrize("position", [b"-5", b"+5", b"1" * 19, b" 5", b"", None])
def test_a_record_whose_position_is_none_is_nobodys_also_when_its_type_is_well_known(
    position: bytes | None,
) -> None:
    reader = Reader("contacts/0", 3, 0)
    rows, mark = reader.rows([_record(1, b"4"), _record(2, position), _record(3, b"6")])
    assert [(row.position, row.problem is None) for row in rows] == [(4, True), (4, False), (6, True)]
    assert mark is None


def test_a_record_whose_headers_have_other_names_is_nobodys() -> None:
    reader = Reader("contacts/0", 3, 0)
    rows, _ = reader.rows([_record(1, b"4"), _record(2, b"5", names=("position", "kind", "content-type"))])
    assert [row.problem is None for row in rows] == [True, False]


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes | None]]


def _record(
    offset: int, position: bytes | None, names: tuple[str, str, str] = ("position", "type", "content-type")
) -> _Record:
    key = str(UUID(int=7)).encode()
    value = b'{"specversion":"1.0","id":"%s","subject":"%s"}' % (str(UUID(int=1)).encode(), key)
    values = (position, b"contact.enrolled.v1", b"application/cloudevents+json; charset=utf-8")
    return _Record(offset, 1_700_000_000_000, key, value, list(zip(names, values, strict=True)))
