"""The list of contacts and the card of one (E-30, E-31)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from drumbeat.events import campaign as facts
from drumbeat.events.contact import ContactPaused
from drumbeat.events.ids import contact_id
from support.postgres import TestServer
from support.reading import Reading, get, pages, problem
from support.story import ANN, NEWSLETTER, NOW, OLD_GOAL, SPRING, TERM_DEPOSIT, tell_story

pytestmark = pytest.mark.postgres

LIST = f"/campaigns/{SPRING}/contacts"
Contact = dict[str, Any]
SCORE = {"achieved": 100, "partially_achieved": 50, "not_achieved": 0}


@pytest.mark.parametrize(
    ("query", "lets_through"),
    [
        ("status=finished", lambda row: row["status"] == "finished"),
        ("status=paused&status=not_started", lambda row: row["status"] in {"paused", "not_started"}),
        ("substatus=retry_scheduled", lambda row: row["substatus"] == "retry_scheduled"),
        ("status_label=Pending", lambda row: row["status_label"] == "Pending"),
        (
            "status_label=No+Conversation&status_label=Other",
            lambda r: r["status_label"] in {"No Conversation", "Other"},
        ),
        ("paused=true", lambda row: row["paused_by"] == "hand"),
        ("tag=vip", lambda row: "vip" in row["tags"]),
        ("tag=vip&tag=cellular", lambda row: {"vip", "cellular"} & set(row["tags"])),
        ('tag=odd+"tag",+{x}', lambda row: 'odd "tag", {x}' in row["tags"]),
        ("priority=high&priority=low", lambda row: row["priority"] != "normal"),
        ("result=achieved", lambda row: row["primary_goal"] == "achieved"),
        ("result=not_evaluated", lambda row: row["primary_goal"] == "not_evaluated"),
        (f"goal={TERM_DEPOSIT}&result=unknown", lambda row: row["primary_goal"] == "unknown"),
        ("search=PERSON+1", lambda row: "person 1" in row["name"].lower()),
        ("search=%2B351910000002", lambda row: row["phone"]["number"].startswith("+351910000002")),
        ("priority=high&status=finished", lambda r: r["priority"] == "high" and r["status"] == "finished"),
    ],
)
def test_a_filter_lets_through_what_matches(
    client: httpx.Client, query: str, lets_through: Callable[[Contact], bool]
) -> None:
    everything = pages(client, LIST)
    wanted = {row["contact_id"] for row in everything if lets_through(row)}
    assert wanted, "a filter that lets nothing through shows nothing"
    answer = get(client, f"{LIST}?{query}&count=true&limit=500")
    assert {row["contact_id"] for row in answer["items"]} == wanted
    assert answer["count"] == len(wanted)


def test_removed_contacts_are_listed_apart(client: httpx.Client) -> None:
    present = {row["contact_id"] for row in pages(client, LIST)}
    removed = {row["contact_id"]: row for row in pages(client, f"{LIST}?removed=true")}
    assert removed
    assert not present & removed.keys()
    assert all(row["removed"] for row in removed.values())
    assert len(present) + len(removed) == 60
    gone = next(iter(removed))
    assert get(client, f"{LIST}/{gone}")["removed_reason"] == "moved away"


def instant(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else -1


SORTS: dict[str, Callable[[Contact], Any]] = {
    "id": lambda row: row["contact_id"],
    "name": lambda row: row["name"].lower(),
    "status": lambda row: row["status_label"],
    "priority": lambda row: ["high", "normal", "low"].index(row["priority"]),
    "enrolled": lambda row: row["enrolled_at"],
    "attempts": lambda row: row["attempts"],
    "conversations": lambda row: row["conversations"],
    "talk_time": lambda row: row["talk_time_seconds"],
    "last_called": lambda row: instant(row["last_called_at"]),
    "goal_score": lambda row: -1 if row["goal_score"] is None else row["goal_score"],
}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_goes_both_ways_across_pages(client: httpx.Client, sort: str, order: str) -> None:
    rows = pages(client, f"{LIST}?sort={sort}&order={order}", limit=7)
    key = SORTS[sort]
    assert rows == sorted(rows, key=lambda row: (key(row), row["contact_id"]), reverse=order == "desc")
    assert {row["contact_id"] for row in rows} == {row["contact_id"] for row in pages(client, LIST)}


def test_a_goal_score_is_the_mean_over_active_goals_that_are_known(client: httpx.Client) -> None:
    for row in pages(client, LIST):
        standings = get(client, f"{LIST}/{row['contact_id']}")["goals"]
        assert [goal["goal_id"] for goal in standings] == [str(g) for g in (TERM_DEPOSIT, NEWSLETTER, OLD_GOAL)]
        known = [goal["score"] for goal in standings if not goal["archived"] and goal["score"] is not None]
        assert row["goal_score"] == (sum(known) / len(known) if known else None)
        assert all(goal["score"] == SCORE.get(goal["result"]) for goal in standings)


def test_a_contact_has_its_timeline_in_words_with_what_is_private(client: httpx.Client) -> None:
    called = next(row for row in pages(client, LIST) if row["conversations"] and row["attempts"])
    card = get(client, f"{LIST}/{called['contact_id']}")
    assert called.items() <= card.items()
    timeline = card["timeline"]
    assert [entry["version"] for entry in timeline] == list(range(1, len(timeline) + 1))
    assert timeline[0]["words"].startswith("enrolled with ")
    assert timeline[0]["data"]["private"]["name"] == card["name"]
    assert {entry["actor"] for entry in timeline} == {"tester"}
    placed = [entry["words"] for entry in timeline if entry["type"] == "contact.call_placed.v1"]
    assert placed[0] in {
        "call 1 placed",
        "call 1 placed with number “Lisbon”",
        "call 1 placed with number “Porto”",
    }
    assert any("analysis “Mood” answered" in entry["words"] for entry in timeline)
    assert card["answers"][0]["name"] == "Mood"


def test_a_reason_stands_in_the_timeline(client: httpx.Client) -> None:
    paused = pages(client, f"{LIST}?paused=true")[0]
    last = get(client, f"{LIST}/{paused['contact_id']}")["timeline"][-1]
    assert (last["words"], last["reason"]) == ("paused by hand", "on holiday")


def test_a_phone_number_tells_its_country(client: httpx.Client) -> None:
    assert get(client, f"{LIST}/{ANN}")["phone"] == {"number": "+351910000000", "country": "PT"}


def test_an_unknown_contact_is_not_found(client: httpx.Client) -> None:
    answer = client.get(f"{LIST}/{uuid4()}")
    assert answer.status_code == 404
    assert problem(answer)["code"] == "unknown-contact"


def test_a_goal_that_the_campaign_does_not_have_is_refused(client: httpx.Client) -> None:
    answer = client.get(f"{LIST}?goal={uuid4()}&result=achieved")
    assert answer.status_code == 400
    assert str(TERM_DEPOSIT) in problem(answer)["allowed"]
    assert problem(client.get(f"{LIST}?goal={TERM_DEPOSIT}"))["field"] == "result"


def test_a_campaigns_pause_shows_on_open_contacts_and_its_end_voids_retries(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log, people=20)
        reading.log.tell(SPRING, facts.CampaignPaused(pause_reason="manual"), campaign_id=SPRING)
        reading.applied()
        with reading.client() as client:
            paused = pages(client, LIST)
            assert {row["paused_by"] for row in paused if row["status"] == "finished"} == {None}
            assert {row["paused_by"] for row in paused if row["status"] == "in_progress"} == {"campaign"}
            assert any(row["retry_at"] for row in paused)
            assert all((row["retry_at"] is None) == (row["attempts_left"] is None) for row in paused)
            reading.log.tell(SPRING, facts.CampaignCancelled(reason="over"), campaign_id=SPRING)
            reading.applied()
            cancelled = pages(client, LIST)
            assert not any(row["retry_at"] or row["attempts_left"] for row in cancelled)
            assert [row["status"] for row in cancelled] == [row["status"] for row in paused]


def test_a_timeline_ends_where_the_card_does(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log, people=3)
        reading.applied()
        person = contact_id(SPRING, "person-0")
        with reading.client() as client:
            before = get(client, f"{LIST}/{person}")
            reading.log.tell(person, ContactPaused(reason="later"), campaign_id=SPRING)
            reading.written()
            assert get(client, f"{LIST}/{person}")["timeline"] == before["timeline"]
            reading.applied()
            assert len(get(client, f"{LIST}/{person}")["timeline"]) == len(before["timeline"]) + 1
