"""The activity as a file: the list's rows, all of them, however many."""

import csv
import gc
import io
import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import psycopg
import pytest
import structlog

from drumbeat.projections.activity import ActivityRow
from drumbeat.readapi import activity_export
from drumbeat.readapi.activity import Done
from drumbeat.readapi.activity_export import PAGE_ROWS, csv_lines, json_lines
from drumbeat.web.problems import DatabaseAway
from support.postgres import TestServer
from support.reading import Reading, get, pages, problem
from support.story import ANN, GONE, NOW, SPRING, tell_story

pytestmark = pytest.mark.postgres

ACTIVITY = f"/campaigns/{SPRING}/activity"
EXPORT = f"{ACTIVITY}/export"
FILTERS = (
    "",
    f"contact={ANN}",
    "action=call_ended&action=opted_out",
    "actor=tester&order=asc",
    "actor=nobody",
    "from=2026-03-02T09:01:00Z&to=2026-03-02T09:05:00Z",
    "above=40&up_to=200",
)


@pytest.mark.parametrize("query", FILTERS)
def test_json_lines_are_the_rows_of_the_list(client: httpx.Client, query: str) -> None:
    answer = client.get(f"{EXPORT}?format=jsonl&{query}".rstrip("&"))
    assert answer.headers["content-type"] == "application/jsonl"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert rows == pages(client, f"{ACTIVITY}?{query}")
    assert len(rows) == get(client, f"{ACTIVITY}?{query}&count=true".replace("?&", "?"))["count"]


@pytest.mark.parametrize("query", FILTERS)
def test_csv_has_a_head_and_a_line_for_each_row_of_the_list(client: httpx.Client, query: str) -> None:
    answer = client.get(f"{EXPORT}?{query}".rstrip("?"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="activity-{SPRING}.csv"'
    assert answer.headers["drumbeat-as-of"].partition("@")[0].isdecimal()
    assert answer.text.count("\r\n") == answer.text.count("\n")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    listed = pages(client, f"{ACTIVITY}?{query}")
    assert rows == [{name: _text(value) for name, value in row.items()} for row in listed]


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} and isinstance(value, str) else text


def row(**changes: Any) -> Done:
    known: dict[str, Any] = dict.fromkeys(Done.__struct_fields__)
    return Done(**{**known, "position": 1, "time": NOW, "actor": "ann", **changes})


@pytest.mark.parametrize("text", ["=1+1", "+351", "-2", "@sum", "\t=1", "\r=1"])
def test_no_text_runs_as_a_formula_in_a_spreadsheet(text: str) -> None:
    (told,) = csv.reader(io.StringIO(csv_lines([row(contact_name=text, number=-2)]).decode(), newline=""))
    assert told[Done.__struct_fields__.index("contact_name")] == f"'{text}"
    assert told[Done.__struct_fields__.index("number")] == "-2"
    assert json.loads(json_lines([row(contact_name=text)]))["contact_name"] == text


def test_quotes_commas_line_breaks_and_other_scripts_come_through() -> None:
    text = 'Ana "la, jefa"\r\nGarcía 李 🙂'
    (told,) = csv.reader(io.StringIO(csv_lines([row(contact_name=text)]).decode(), newline=""))
    assert told[Done.__struct_fields__.index("contact_name")] == text
    assert len(json_lines([row(contact_name=text)]).splitlines()) == 1


def test_what_cannot_be_asked_is_a_problem_before_anything_is_sent(client: httpx.Client) -> None:
    assert problem(client.get(f"{EXPORT}?format=xlsx"))["allowed"] == "'csv' or 'jsonl'"
    assert problem(client.get(f"{EXPORT}?limit=5"))["code"] == "unknown-parameter"
    assert problem(client.get(f"/campaigns/{GONE}/activity/export"))["code"] == "campaign-deleted"
    assert problem(client.get(f"{EXPORT}?above=-1"))["code"] == "invalid-parameter"


MANY = 40 * PAGE_ROWS + 7


@pytest.fixture(scope="module")
def many(postgres_server: TestServer) -> Iterator[Reading]:
    """A campaign with very many actions."""
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log, people=3)
        reading.applied()
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            columns = ", ".join(ActivityRow.__struct_fields__)
            connection.execute(
                f"INSERT INTO gen_1.activity ({columns}) SELECT a.workspace_id, a.campaign_id, -n, a.contact_id,"
                " a.action, a.code, a.number, a.subject_id, a.actor, a.cause, a.time FROM gen_1.activity a,"
                " generate_series(1, %s) n WHERE a.position = (SELECT max(position) FROM gen_1.activity"
                " WHERE campaign_id = %s)",
                [MANY, SPRING],
            )
            connection.execute("ANALYZE gen_1.activity")
        yield reading


@pytest.mark.long
def test_memory_does_not_grow_with_the_rows_and_the_first_come_at_once(many: Reading) -> None:
    with many.client() as client:
        counted = get(client, f"{ACTIVITY}?count=true&limit=1")["count"]
        assert counted > MANY
        list(client.get(EXPORT).iter_bytes())  # whatever is made once
        gc.collect()
        tracemalloc.start()
        try:
            began = time.perf_counter()
            first_after = None
            lines = size = 0
            with client.stream("GET", f"{EXPORT}?format=jsonl") as answer:
                for piece in answer.iter_bytes():
                    first_after = first_after or time.perf_counter() - began
                    lines += piece.count(b"\n")
                    size += len(piece)
            took = time.perf_counter() - began
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert lines == counted
    assert first_after is not None
    assert first_after < took / 4
    # Both sides run in this process: a few pages, of rows and of text, and nothing that grows.
    assert peak < size / 2
    assert peak < 8 * 1024 * 1024


def test_a_client_that_goes_away_leaves_no_connection_behind(many: Reading) -> None:
    with many.client(connections=1, wait_for_connection_seconds=5) as client:
        for _ in range(3):
            with client.stream("GET", EXPORT) as answer:
                next(answer.iter_bytes())
        # The one connection that there is answers others, also while a client takes its time.
        with client.stream("GET", EXPORT) as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            assert get(client, f"/campaigns/{SPRING}")["name"] == "Spring"
            assert sum(1 for _ in pieces) > 3
    with closing(psycopg.connect(many.database_url)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE %s",
            ["idle in transaction%"],
        ).fetchone()
    assert row == (0,)


def test_an_export_whose_database_goes_away_does_not_end_as_if_it_were_whole(
    many: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls = activity_export._Pages.next, 0

    def failing(pages: Any) -> list[Done]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DatabaseAway("away")
        return read(pages)

    monkeypatch.setattr(activity_export._Pages, "next", failing)
    with many.client() as client, structlog.testing.capture_logs() as logs:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(EXPORT)
        assert get(client, f"/campaigns/{SPRING}")["name"] == "Spring"
    assert [one["code"] for one in logs if one["event"] == "export_cut_off"] == ["database-away"]
