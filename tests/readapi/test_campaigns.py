"""The list and the card of campaigns (E-01 … E-04)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from drumbeat.events import campaign as facts
from support.postgres import TestServer
from support.projecting import EPOCH
from support.reading import Reading, get, pages, problem
from support.story import AUTUMN, GONE, NOW, NUMBER, SECOND_NUMBER, SPRING, drafted

pytestmark = pytest.mark.postgres

Campaign = dict[str, Any]


def test_the_list_holds_every_campaign_that_is_not_deleted(client: httpx.Client) -> None:
    names = {row["name"] for row in pages(client, "/campaigns")}
    assert names == {"Spring", "autumn survey", *(f"Draft {number}" for number in range(5))}


@pytest.mark.parametrize(
    ("query", "lets_through"),
    [
        ("search=SPR", lambda row: "spr" in row["name"].lower()),
        ("search=%25", lambda _row: False),
        ("status=running", lambda row: row["status"] == "running"),
        ("status=paused&status=draft", lambda row: row["status"] in {"paused", "draft"}),
        ("status_label=PAUSED", lambda row: row["status_label"] == "PAUSED"),
        ("status_label=Active&status_label=Not+Started", lambda row: row["kind"] != "survey"),
        ("kind=call", lambda row: row["kind"] == "call"),
        ("kind=call&search=2", lambda row: row["name"] == "Draft 2"),
    ],
)
def test_a_filter_lets_through_what_matches(
    client: httpx.Client, query: str, lets_through: Callable[[Campaign], bool]
) -> None:
    everything = pages(client, "/campaigns")
    answer = get(client, f"/campaigns?{query}&count=true")
    wanted = [row["campaign_id"] for row in everything if lets_through(row)]
    assert [row["campaign_id"] for row in answer["items"]] == wanted
    assert answer["count"] == len(wanted)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", lambda row: (row["name"].lower(), row["campaign_id"])),
        ("status", lambda row: (row["status"], row["campaign_id"])),
        ("date", lambda row: (row["created_at"], row["campaign_id"])),
    ],
)
def test_every_sort_goes_both_ways_across_pages(
    client: httpx.Client, sort: str, key: Callable[[Campaign], Any], order: str
) -> None:
    rows = pages(client, f"/campaigns?sort={sort}&order={order}", limit=2)
    assert len(rows) == 7
    assert rows == sorted(rows, key=key, reverse=order == "desc")


def test_the_next_page_is_linked_and_the_last_one_is_not(client: httpx.Client) -> None:
    first = client.get("/campaigns?limit=6&sort=name")
    second = client.get(first.links["next"]["url"])
    assert len(second.json()["items"]) == 1
    assert "next" not in second.links
    assert second.json()["next_cursor"] is None


def test_the_card_shows_the_same_status_as_the_list_and_everything_else(client: httpx.Client) -> None:
    (listed,) = get(client, "/campaigns?search=spring")["items"]
    card = get(client, f"/campaigns/{SPRING}")
    assert listed.items() <= card.items()
    assert (card["status"], card["status_label"], card["agent"]) == ("running", "Active", "Marta")
    assert [(goal["name"], goal["role"], goal["archived"]) for goal in card["goals"]] == [
        ("Term deposit", "primary", False),
        ("Newsletter", "secondary", False),
        ("Old goal", "secondary", True),
    ]
    assert [sender["sender_id"] for sender in card["senders"]] == [str(NUMBER), str(SECOND_NUMBER)]
    assert [sender["standing"] for sender in card["senders"]] == ["active", "excluded"]
    assert card["settings"]["zone"] == card["zone"] == "Europe/Lisbon"
    assert card["settings"]["max_retries"] == 2


def test_actions_follow_from_the_state(client: httpx.Client) -> None:
    running = get(client, f"/campaigns/{SPRING}")["available_actions"]
    assert {"pause_campaign", "complete_campaign", "enrol_contacts"} <= set(running)
    assert "resume_campaign" not in running
    assert "extend_campaign" not in running, "it has no end that could be moved"
    paused = get(client, f"/campaigns/{AUTUMN}")["available_actions"]
    assert "resume_campaign" in paused
    assert "pause_campaign" not in paused


def test_a_pause_says_who_when_and_why(client: httpx.Client) -> None:
    card = get(client, f"/campaigns/{AUTUMN}")
    assert card["status_label"] == "PAUSED"
    assert card["pause"] == {
        "since": card["status_since"],
        "by": "tester",
        "reason": "review",
        "note": "wait for legal",
    }


def test_hours_are_open_or_closed_at_the_instant_of_the_answer(story: Reading, client: httpx.Client) -> None:
    card = get(client, f"/campaigns/{SPRING}")
    assert card["hours"]["open"] is True
    assert card["overlays"] == []
    story.now = NOW + timedelta(hours=12)
    try:
        later = get(client, f"/campaigns/{SPRING}")
    finally:
        story.now = NOW
    assert later["hours"]["open"] is False
    assert later["overlays"] == ["outside_hours"]
    assert later["as_of"].split("@")[0] == card["as_of"].split("@")[0]
    assert get(client, f"/campaigns/{AUTUMN}")["hours"] is None


def test_a_deleted_campaign_is_gone_everywhere_but_in_its_history(client: httpx.Client) -> None:
    for question in ("", "/dashboard", "/heatmap", "/contacts", "/attempts", "/senders", "/activity"):
        answer = client.get(f"/campaigns/{GONE}{question}")
        assert answer.status_code == 410
        assert problem(answer)["code"] == "campaign-deleted"
    changes = get(client, f"/campaigns/{GONE}/history")["items"]
    assert [change["words"] for change in changes] == ["deleted", "drafted"]


def test_pages_stay_right_while_campaigns_come_and_go(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=EPOCH)
        ids = [reading_id(number) for number in range(10)]
        for number in range(0, 10, 2):
            reading.log.tell(ids[number], drafted(f"C{number}"), campaign_id=ids[number])
        reading.applied()
        with reading.client() as client:
            first = get(client, "/campaigns?sort=name&order=asc&limit=2")
            assert [row["name"] for row in first["items"]] == ["C0", "C2"]
            reading.log.tell(ids[1], drafted("C1"), campaign_id=ids[1])
            reading.log.tell(ids[5], drafted("C5"), campaign_id=ids[5])
            reading.log.tell(ids[2], facts.CampaignDeleted(), campaign_id=ids[2])
            reading.applied()
            rest = get(client, f"/campaigns?sort=name&order=asc&limit=10&cursor={first['next_cursor']}")
            assert [row["name"] for row in rest["items"]] == ["C4", "C5", "C6", "C8"]


def reading_id(number: int) -> UUID:
    """An id of a campaign that begins with its number."""
    return UUID(int=number << 96)
