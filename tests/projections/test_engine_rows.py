"""Rows come back from Postgres as they were written, whatever text they hold."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.projections.engine import Row, as_array, as_json
from drumbeat.projections.engine.rows import csv_lines
from drumbeat.projections.engine.table import Table, TableMismatch, find_tables
from support.postgres import TestServer

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12) | st.sampled_from(
    ["null", "", '"', "\\", "\\n", "a\nb", "]\n[", "\r", '\\"\n', "\t\b\f", "{x,y}", "NULL", "\u2028", "\x1f"]
)


class Anything(Row):
    """One column of each kind that rows may have."""

    owner: str
    number: int
    text: str | None
    document: str | None
    words: str
    ids: str
    at: datetime | None
    flag: bool
    share: float


DDL = """
CREATE TABLE anything (
    owner text, number bigint, text text, document jsonb, words text[], ids uuid[], at timestamptz, flag boolean,
    share double precision, PRIMARY KEY (owner, number)
)
"""
DECODER = msgspec.json.Decoder(list[Anything])

rows = st.builds(
    Anything,
    owner=TEXTS,
    number=st.integers(-(2**62), 2**62),
    text=st.none() | TEXTS,
    document=st.none() | st.dictionaries(TEXTS, TEXTS | st.integers(0, 9) | st.none(), max_size=2).map(as_json),
    words=st.lists(TEXTS | st.none(), max_size=3).map(as_array),
    ids=st.lists(st.uuids(), max_size=2).map(as_array),
    at=st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  zones are drawn
    flag=st.booleans(),
    share=st.floats(-1e9, 1e9),
)


@pytest.fixture(scope="module")
def connection(postgres_server: TestServer) -> Iterator[psycopg.Connection[Any]]:
    with postgres_server.fresh_database() as url, closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(DDL)
        yield connection


def read_back(connection: psycopg.Connection[Any], number_of: dict[tuple[str, int], Anything]) -> None:
    """Compare what Postgres holds with the rows, column by column."""
    held = connection.execute("SELECT * FROM anything").fetchall()
    assert len(held) == len(number_of)
    for owner, number, text, document, words, ids, at, flag, share in held:
        row = number_of[owner, number]
        assert (text, at, flag, share) == (row.text, row.at, row.flag, row.share)
        assert document == (None if row.document is None else json.loads(row.document))
        assert as_array(words) == row.words
        assert as_array(ids) == row.ids


@pytest.mark.postgres
@settings(max_examples=60)
@given(st.lists(rows, max_size=6, unique_by=lambda row: (row.owner, row.number)), st.data())
def test_rows_are_added_changed_loaded_and_taken_away_as_they_are(
    connection: psycopg.Connection[Any], added: list[Anything], data: st.DataObject
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE anything")
        table: Table[Anything] = Table(
            find_tables(cursor, "public")["anything"], "anything", Anything.__struct_fields__, 2
        )
        by_key = {(row.owner, row.number): row for row in added}
        table.add(cursor, added)
        read_back(connection, by_key)
        loaded = table.load(cursor, [*by_key, ("nobody", 1)], DECODER)
        assert {table.key_of(row) for row in loaded} == set(by_key)
        for row in loaded:
            same = by_key[row.owner, row.number]
            assert (row.text, row.at, row.flag, row.share) == (same.text, same.at, same.flag, same.share)
        for key in by_key:
            by_key[key] = msgspec.structs.replace(data.draw(rows), owner=key[0], number=key[1])
        if by_key:
            table.change(cursor, list(by_key.values()))
        read_back(connection, by_key)
        if by_key:
            table.take_away(cursor, [next(iter(by_key))])
            del by_key[next(iter(by_key))]
        read_back(connection, by_key)


def test_text_that_csv_has_no_escape_for_stands_in_it_as_it_is() -> None:
    assert csv_lines([["a\nb", 'c"d', "\\n", None, True, 3]]) == b'"a\nb","c\\"d","\\\\n",null,true,3'


@pytest.mark.postgres
def test_a_row_type_that_does_not_fit_its_table_is_named(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor() as cursor, pytest.raises(TableMismatch, match="table anything has"):
        Table(find_tables(cursor, "public").get("anything"), "anything", ["owner", "number", "colour"], 2)
