"""Tokens and cursors by themselves."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.readapi import cursors
from drumbeat.readapi.as_of import AsOf, NotAToken, parse, parse_asked, parse_position
from drumbeat.readapi.problems import MalformedCursor


@given(st.integers(0, 10**17), st.datetimes(timezones=st.just(UTC)))
def test_a_token_reads_back_as_it_was_written(position: int, instant: datetime) -> None:
    assert parse(str(AsOf(position, instant))) == AsOf(position, instant)


@pytest.mark.parametrize("text", ["", "@", "12", "x@2026-01-01T00:00:00Z", "1@now", "1@2026-01-01T00:00", "-1@"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotAToken):
        parse(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "1" * 19, "@2026-01-01T00:00:00Z"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(NotAToken):
        parse_position(text)


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.timezones()) | st.integers(0, 10**17))  # noqa: DTZ001
def test_a_moment_is_asked_for_by_an_instant_or_a_position(moment: datetime | int) -> None:
    if isinstance(moment, int):
        assert parse_asked(str(moment)) == moment
        assert parse_asked(f"{moment}@2026-01-01T00:00:00Z") == AsOf(moment, datetime(2026, 1, 1, tzinfo=UTC))
    else:
        assert parse_asked(moment.isoformat()) == moment.astimezone(UTC)


@given(st.text(max_size=40))
def test_whatever_is_asked_for_is_a_moment_or_refused(text: str) -> None:
    try:
        assert parse_asked(text) is not None
    except NotAToken:
        assert not text.isascii() or not text.isdecimal() or len(text) > 18


TYPES = {"after_key": str, "after_id": UUID}


@given(st.text(), st.uuids())
def test_a_cursor_reads_back_for_the_same_question(key: str, row: UUID) -> None:
    asked = cursors.question("/campaigns", [("sort", "name"), ("limit", "3")])
    same = cursors.question("/campaigns", [("limit", "9"), ("cursor", "c"), ("sort", "name"), ("as_of", "4")])
    assert cursors.decode(cursors.encode(asked, (key, row)), same, TYPES) == {"after_key": key, "after_id": row}


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(MalformedCursor):
        cursors.decode(text, "asked", TYPES)


def test_a_cursor_of_another_question_is_refused() -> None:
    cursor = cursors.encode(cursors.question("/campaigns", [("sort", "name")]), ("a", UUID(int=1)))
    with pytest.raises(MalformedCursor, match="another question"):
        cursors.decode(cursor, cursors.question("/campaigns", [("sort", "date")]), TYPES)
