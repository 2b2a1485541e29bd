"""The bank file, imported: every known total of it, counted in the log and served by the read API."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from drumbeat.commands.dispatch import Commands
from drumbeat.eventstore.ledger import EventStoreLedger
from support.bank import IMPORTED_AT, Bank, import_bank
from support.reading import Reading, get
from support.sealing import MASTER
from support.whole import OneKey

pytestmark = [pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(300)]

CONTACTS, ATTEMPTS, EARLIER, ACHIEVED, TALK_SECONDS = 41_188, 105_754, 64_566, 4_640, 10_638_243
COMPLETED, NO_ANSWER = 41_184, 4
BY_WEEKDAY = {1: (8_513, 8_514), 2: (8_088, 8_090), 3: (8_134, 8_134), 4: (8_623, 8_623), 5: (7_826, 7_827)}
ACHIEVED_BY_WEEKDAY = {1: 847, 2: 953, 3: 949, 4: 1_045, 5: 846}


@pytest.fixture(scope="module")
def facts(bank: Bank) -> Iterator[psycopg.Connection[Any]]:
    """The log's facts as a temporary table `fact` (type, stream_id, data), for plain SQL."""
    with closing(psycopg.connect(bank.url, autocommit=True)) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE fact AS SELECT type, stream_id,"
            " convert_from(bytes, 'UTF8')::jsonb -> 'data' AS data FROM ledger.events"
        )
        yield connection


@pytest.fixture(scope="module")
def client(bank: Bank) -> Iterator[httpx.Client]:
    with Reading(bank.url, now=IMPORTED_AT).client() as made:
        yield made


def one(facts: psycopg.Connection[Any], query: str) -> Any:
    row = facts.execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def table(facts: psycopg.Connection[Any], query: str) -> dict[Any, Any]:
    return {row[0]: row[1] if len(row) == 2 else row[1:] for row in facts.execute(query)}


def counted(client: httpx.Client, bank: Bank, path: str, **filters: str) -> int:
    answer = get(client, f"/campaigns/{bank.campaign_id}/{path}", **filters, count="true", limit="1")
    return int(answer["count"])


def test_the_log_holds_every_contact_and_call_of_the_file(facts: psycopg.Connection[Any]) -> None:
    assert table(facts, "SELECT type, count(*) FROM fact WHERE type LIKE 'contact.%%' GROUP BY type") == {
        "contact.enrolled.v1": CONTACTS,
        "contact.call_placed.v1": ATTEMPTS,
        "contact.call_ended.v1": ATTEMPTS,
        "contact.goal_evaluated.v1": CONTACTS,
        "contact.goal_achieved.v1": ACHIEVED,
        "contact.finished.v1": CONTACTS,
    }
    ended = "SELECT data ->> 'outcome', count(*) FROM fact WHERE type = 'contact.call_ended.v1' GROUP BY 1"
    assert table(facts, ended) == {"completed": COMPLETED, "no_answer": NO_ANSWER, "not_recorded": EARLIER}
    finished = "SELECT data ->> 'outcome', count(*) FROM fact WHERE type = 'contact.finished.v1' GROUP BY 1"
    assert table(facts, finished) == {"completed": COMPLETED, "attempts_exhausted": NO_ANSWER}
    longest = "SELECT max((data ->> 'attempt')::int) FROM fact WHERE type = 'contact.call_placed.v1'"
    assert one(facts, longest) == 56
    talk = "SELECT sum((data ->> 'duration_seconds')::int) FROM fact WHERE type = 'contact.call_ended.v1'"
    assert one(facts, talk) == TALK_SECONDS


def test_in_the_log_calls_are_dated_as_far_as_the_file_dates_them(facts: psycopg.Connection[Any]) -> None:
    placed = "FROM fact WHERE type = 'contact.call_placed.v1'"
    assert table(facts, f"SELECT (data #>> '{{occurred,year}}')::int, count(*) {placed} GROUP BY 1") == {
        2008: 27_690,
        2009: 11_440,
        2010: 2_058,
        None: EARLIER,
    }
    weekdays = table(facts, f"SELECT (data #>> '{{occurred,weekday}}')::int, count(*) {placed} GROUP BY 1")
    assert weekdays == {day: recorded for day, (_, recorded) in BY_WEEKDAY.items()} | {None: EARLIER}
    hours = f"SELECT count(*) {placed} AND data -> 'occurred' ?| ARRAY['hour', 'day', 'minute', 'instant']"
    assert one(facts, hours) == 0


def test_in_the_log_goals_fall_on_contact_types_and_weekdays_as_in_the_file(
    facts: psycopg.Connection[Any],
) -> None:
    achieved = "SELECT stream_id FROM fact WHERE type = 'contact.goal_achieved.v1'"
    tags = (
        f"SELECT data #>> '{{tags,0}}', count(*), count(*) FILTER (WHERE stream_id IN ({achieved}))"
        " FROM fact WHERE type = 'contact.enrolled.v1' GROUP BY 1"
    )
    assert table(facts, tags) == {"cellular": (26_144, 3_853), "telephone": (15_044, 787)}
    days = (
        "SELECT (data #>> '{occurred,weekday}')::int, count(*) FROM fact"
        f" WHERE type = 'contact.call_placed.v1' AND data ? 'occurred' AND stream_id IN ({achieved}) GROUP BY 1"
    )
    assert table(facts, days) == ACHIEVED_BY_WEEKDAY


def test_the_campaign_is_completed_history_that_nobody_works_on(client: httpx.Client, bank: Bank) -> None:
    card = get(client, f"/campaigns/{bank.campaign_id}")
    assert (card["source"], card["status"], card["completion_reason"]) == ("import", "completed", "all_processed")
    assert (card["import_progress"]["accepted"], card["import_progress"]["refused"]) == (CONTACTS, 0)
    assert not {"resume_campaign", "reopen_campaign"} & set(card["available_actions"])


def test_the_dashboard_shows_the_files_totals(client: httpx.Client, bank: Bank) -> None:
    seen = get(client, f"/campaigns/{bank.campaign_id}/dashboard")
    assert seen["contacts"]["value"] == CONTACTS
    assert {one["label"]: one["contacts"]["value"] for one in seen["contacts_by_label"]} == {
        **dict.fromkeys(["Pending", "Dialing", "Called", "Retry", "No Conversation", "Other"], 0),
        "Completed": COMPLETED,
        "Failed": NO_ANSWER,
    }
    assert (seen["attempts"]["value"], seen["recorded"]["value"], seen["not_recorded"]["value"]) == (
        ATTEMPTS,
        CONTACTS,
        EARLIER,
    )
    rate = seen["answer_rate"]
    assert (rate["numerator"]["value"], rate["denominator"]["value"]) == (COMPLETED, CONTACTS)
    assert seen["talk_time"]["value"] == seen["total_time_spent"]["value"] == TALK_SECONDS
    assert seen["conversations"]["value"] == COMPLETED
    goal = seen["goal_achievement"]
    assert (goal["numerator"]["value"], goal["denominator"]["value"]) == (ACHIEVED, CONTACTS)
    assert round(seen["goals"][0]["mean_score"]["value"], 4) == 11.2654


def test_every_number_of_the_dashboard_is_the_count_of_the_rows_it_links_to(
    client: httpx.Client, bank: Bank
) -> None:
    numbers = list(_numbers(get(client, f"/campaigns/{bank.campaign_id}/dashboard")))
    assert len(numbers) > 30
    for number in numbers:
        if number["unit"] == "seconds":
            continue
        rows = get(client, str(httpx.URL(number["rows"]).copy_merge_params({"count": "true", "limit": "1"})))
        assert rows["count"] == number["value"], number


def _numbers(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "rows" in part:
            yield part
        for inner in part.values():
            yield from _numbers(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _numbers(inner)


def test_the_heatmap_knows_weekdays_and_no_hours(client: httpx.Client, bank: Bank) -> None:
    seen = get(client, f"/campaigns/{bank.campaign_id}/heatmap")
    assert seen["cells"] == []
    assert {
        cell["weekday"]: (cell["rate"]["numerator"]["value"], cell["rate"]["denominator"]["value"])
        for cell in seen["hour_unknown"]
    } == BY_WEEKDAY
    assert seen["total"]["not_recorded"]["value"] == EARLIER


def test_the_contact_list_counts_by_tag_status_and_goal(client: httpx.Client, bank: Bank) -> None:
    assert counted(client, bank, "contacts") == CONTACTS
    assert counted(client, bank, "contacts", status_label="Failed") == NO_ANSWER
    assert counted(client, bank, "contacts", substatus="completed") == COMPLETED
    assert counted(client, bank, "contacts", result="achieved") == ACHIEVED
    assert counted(client, bank, "contacts", tag="cellular") == 26_144
    assert counted(client, bank, "contacts", tag="telephone") == 15_044
    assert counted(client, bank, "contacts", tag="cellular", result="achieved") == 3_853
    assert counted(client, bank, "contacts", tag="telephone", result="achieved") == 787


def test_the_list_of_attempts_counts_by_outcome_and_weekday(client: httpx.Client, bank: Bank) -> None:
    assert counted(client, bank, "attempts", outcome="not_recorded") == EARLIER
    assert counted(client, bank, "attempts", outcome="no_answer") == NO_ANSWER
    assert counted(client, bank, "attempts", answer_status="human") == COMPLETED
    by_weekday = {day: counted(client, bank, "attempts", weekday=str(day)) for day in BY_WEEKDAY}
    assert by_weekday == {day: recorded for day, (_, recorded) in BY_WEEKDAY.items()}


def test_the_activity_shows_every_call_and_every_goal_and_the_import_as_one(
    client: httpx.Client, bank: Bank
) -> None:
    shown = {
        action: counted(client, bank, "activity", action=action)
        for action in ("call_ended", "goal_achieved", "campaign_import_finished", "campaign_completed")
    }
    assert shown == {
        "call_ended": ATTEMPTS,
        "goal_achieved": ACHIEVED,
        "campaign_import_finished": 1,
        "campaign_completed": 1,
    }


def test_exact_duplicates_of_a_row_are_contacts_of_their_own(client: httpx.Client, bank: Bank) -> None:
    # Rows 1266 and 1267 of the file are the first pair of the twelve.
    first, second = (_contact(client, bank, f"row-{row}") for row in (1266, 1267))
    assert first["contact_id"] != second["contact_id"]
    same = ("tags", "attempts", "talk_time_seconds", "primary_goal", "last_outcome")
    assert [first[name] for name in same] == [second[name] for name in same]


def _contact(client: httpx.Client, bank: Bank, reference: str) -> dict[str, Any]:
    found = get(client, f"/campaigns/{bank.campaign_id}/contacts", search=reference)["items"]
    [contact] = [one for one in found if one["reference"] == reference]
    assert isinstance(contact, dict)
    return contact


def test_the_same_import_again_finds_its_campaign_and_writes_nothing(bank: Bank, tmp_path: Path) -> None:
    with closing(EventStoreLedger(bank.url, master=MASTER)) as ledger:
        before = ledger.head()
        report = import_bank(Commands(ledger, OneKey()), tmp_path)
        assert (report.repeated, report.campaign_id) == (True, bank.campaign_id)
        assert (report.accepted, report.contacts, report.calls) == (CONTACTS, CONTACTS, ATTEMPTS)
        assert ledger.head() == before
