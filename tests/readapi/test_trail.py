"""Who did what: the activity and the audit history; and the numbers a campaign calls from."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from drumbeat.readapi.senders import day
from support.reading import get, pages
from support.story import ANN, NUMBER, SECOND_NUMBER, SPRING, TERM_DEPOSIT

pytestmark = pytest.mark.postgres

ACTIVITY = f"/campaigns/{SPRING}/activity"
HISTORY = f"/campaigns/{SPRING}/history"
Row = dict[str, Any]
EARLY, LATE = "2026-03-02T09:01:00Z", "2026-03-02T09:05:00Z"


@pytest.mark.parametrize(
    ("query", "lets_through"),
    [
        (f"contact={ANN}", lambda row: row["contact_id"] == str(ANN)),
        ("action=call_ended", lambda row: row["action"] == "call_ended"),
        ("action=opted_out&action=contact_removed", lambda row: row["action"] in {"opted_out", "contact_removed"}),
        ("actor=tester", lambda _row: True),
        (f"from={EARLY}&to={LATE}", lambda row: EARLY <= row["time"] < LATE),
    ],
)
def test_the_activity_is_filtered(client: httpx.Client, query: str, lets_through: Callable[[Row], bool]) -> None:
    wanted = [row for row in pages(client, ACTIVITY) if lets_through(row)]
    assert wanted
    answer = get(client, f"{ACTIVITY}?{query}&limit=500&count=true")
    assert answer["items"] == wanted
    assert answer["count"] == len(wanted)
    assert get(client, f"{ACTIVITY}?actor=nobody")["items"] == []


def test_the_activity_speaks_in_words(client: httpx.Client) -> None:
    words = {row["words"] for row in pages(client, ACTIVITY)}
    assert {
        "campaign goal defined “Term deposit”",
        "campaign sender excluded at spam score 7 “Porto”",
        "call 1 ended: no answer",
        "goal achieved “Term deposit”",
        "contact paused",
    } <= words


def test_the_activity_is_newest_first_and_turns_around(client: httpx.Client) -> None:
    rows = pages(client, ACTIVITY)
    positions = [row["position"] for row in rows]
    assert positions == sorted(positions, reverse=True)
    assert pages(client, f"{ACTIVITY}?order=asc", limit=11) == rows[::-1]


def test_every_call_that_ended_is_in_the_activity_once(client: httpx.Client) -> None:
    ended = [(row["contact_id"], row["number"]) for row in pages(client, f"{ACTIVITY}?action=call_ended")]
    calls = pages(client, f"/campaigns/{SPRING}/attempts?state=recorded&state=not_recorded")
    assert sorted(ended) == sorted((call["contact_id"], call["attempt"]) for call in calls)


@pytest.mark.parametrize(
    ("query", "lets_through"),
    [
        ("stream=contact", lambda row: row["stream"] == "contact"),
        ("type=campaign.launched.v1", lambda row: row["type"] == "campaign.launched.v1"),
        ("actor=tester", lambda _row: True),
        (f"from={EARLY}&to={LATE}", lambda row: EARLY <= row["time"] < LATE),
    ],
)
def test_the_history_is_filtered(client: httpx.Client, query: str, lets_through: Callable[[Row], bool]) -> None:
    wanted = [row for row in pages(client, HISTORY) if lets_through(row)]
    assert wanted
    answer = get(client, f"{HISTORY}?{query}&limit=500&count=true")
    assert answer["items"] == wanted
    assert answer["count"] == len(wanted)
    assert get(client, f"{HISTORY}?actor=nobody")["items"] == []


def test_the_history_says_who_when_why_before_and_after(client: httpx.Client) -> None:
    rows = pages(client, f"{HISTORY}?order=asc", limit=5)
    assert rows == pages(client, HISTORY)[::-1]
    defined = next(row for row in rows if row["type"] == "campaign.goal_defined.v1")
    assert (defined["subject_id"], defined["subject_name"]) == (str(TERM_DEPOSIT), "Term deposit")
    assert (defined["actor"], defined["cause"], defined["words"]) == ("tester", "user", "goal defined")
    corrected = next(row for row in rows if row["type"] == "contact.call_outcome_corrected.v1")
    assert corrected["reason"] == "listened again"
    assert corrected["before"].keys() == {"outcome"}
    assert "private" not in corrected["after"]


def test_the_senders_show_calls_spam_and_standing(client: httpx.Client) -> None:
    answer = get(client, f"/campaigns/{SPRING}/senders")
    first, second = answer["items"]
    assert (first["sender_id"], first["standing"], first["spam_band"]) == (str(NUMBER), "active", "green")
    assert (second["sender_id"], second["standing"], second["spam_band"]) == (
        str(SECOND_NUMBER),
        "excluded",
        "red",
    )
    assert (second["excluded_score"], second["excluded_threshold"]) == (7, 7)
    assert (answer["zone"], answer["today_from"], answer["today_to"]) == (
        "Europe/Lisbon",
        "2026-03-05T00:00:00Z",
        "2026-03-06T00:00:00Z",
    )
    assert first["calls_total"]["value"] >= first["calls_today"]["value"] > 0


def test_today_is_the_day_of_the_campaigns_zone_through_a_change_of_the_clock() -> None:
    spring = datetime(2026, 3, 29, 12, tzinfo=UTC)
    start, end = day(spring, "Europe/Berlin")
    assert (start.isoformat(), end.isoformat()) == ("2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00")
    start, end = day(datetime(2026, 1, 1, 2, tzinfo=UTC), "America/New_York")
    assert start.isoformat() == "2025-12-31T05:00:00+00:00"
    assert (end - start).total_seconds() == 86_400
