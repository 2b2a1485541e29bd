"""What transport adds to the topics: watermarks and dead letters, written and read back whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.events import MalformedEvent
from drumbeat.transport.dead_letter_records import DeadLetter, decode_dead_letter, encode_dead_letter
from drumbeat.transport.record_headers import headers
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
