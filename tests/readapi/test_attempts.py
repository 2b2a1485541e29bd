"""The call log (C-06, C-09)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from drumbeat.events.outcomes import MEANING
from support.reading import get, pages, problem
from support.story import NUMBER, SPRING

pytestmark = pytest.mark.postgres

LIST = f"/campaigns/{SPRING}/attempts"
TUESDAY, WEDNESDAY = "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"
TIMED = {outcome.value for outcome, meaning in MEANING.items() if meaning.counts_in_total_time}
Call = dict[str, Any]


def between(call: Call, start: str, end: str) -> bool:
    instants = [datetime.fromisoformat(text) for text in (start, call["placed_at"] or "0001-01-01T00:00:00Z", end)]
    return call["placed_at"] is not None and instants[0] <= instants[1] < instants[2]


@pytest.mark.parametrize(
    ("query", "lets_through"),
    [
        ("outcome=completed", lambda call: call["outcome"] == "completed"),
        ("outcome=busy&outcome=failed", lambda call: call["outcome"] in {"busy", "failed"}),
        ("answer_status=human", lambda call: call["answer_status"] == "human"),
        ("answer_status=not_recorded", lambda call: call["outcome"] == "not_recorded"),
        ("weekday=2", lambda call: call["local"]["weekday"] == 2),
        ("weekday=unknown", lambda call: call["local"]["weekday"] is None),
        ("hour=14&hour=15", lambda call: call["local"]["hour"] in {14, 15}),
        ("weekday=3&hour=unknown", lambda call: call["local"]["weekday"] == 3 and call["local"]["hour"] is None),
        (f"sender={NUMBER}", lambda call: call["sender_id"] == str(NUMBER)),
        ("direction=received", lambda call: call["attempt"] is None),
        ("direction=placed&direction=received", lambda _call: True),
        ("state=in_flight", lambda call: call["direction"] == "placed" and call["outcome"] is None),
        ("state=recorded", lambda call: call["outcome"] not in {None, "not_recorded"}),
        ("conversation=true", lambda call: call["conversation"]),
        ("conversation=false", lambda call: not call["conversation"]),
        ("counts_in_total_time=true", lambda call: call["outcome"] in TIMED or call["direction"] == "received"),
        ("counts_in_total_time=false", lambda call: not call["counts_in_total_time"]),
        ("zone_source=contact", lambda call: call["local"]["zone_source"] == "contact"),
        ("zone_source=unknown", lambda call: call["local"]["zone_source"] is None),
        (f"from={TUESDAY}&to={WEDNESDAY}", lambda call: between(call, TUESDAY, WEDNESDAY)),
        ("conversation=true&weekday=2", lambda c: c["conversation"] and c["local"]["weekday"] == 2),
    ],
)
def test_a_filter_lets_through_what_matches(
    client: httpx.Client, query: str, lets_through: Callable[[Call], bool]
) -> None:
    wanted = [call for call in pages(client, LIST) if lets_through(call)]
    assert wanted, "a filter that lets nothing through shows nothing"
    answer = get(client, f"{LIST}?{query}&limit=500&count=true")
    assert answer["items"] == wanted
    assert answer["count"] == len(wanted)


def test_the_calls_of_one_contact_are_those_of_its_card(client: httpx.Client) -> None:
    someone = next(row for row in pages(client, f"/campaigns/{SPRING}/contacts") if row["attempts"] > 1)
    calls = pages(client, f"{LIST}?contact={someone['contact_id']}")
    assert sum(call["direction"] == "placed" for call in calls) == someone["attempts"]
    assert sum(call["conversation"] for call in calls) == someone["conversations"]
    assert {call["contact_name"] for call in calls} == {someone["name"]}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_calls_come_in_the_order_in_which_they_were_recorded(client: httpx.Client, order: str) -> None:
    everything = pages(client, LIST)
    paged = pages(client, f"{LIST}?order={order}", limit=9)
    assert paged == (everything if order == "desc" else everything[::-1])


def test_a_conversation_has_what_was_said_and_found(client: httpx.Client) -> None:
    calls = [call for call in pages(client, f"{LIST}?conversation=true&direction=placed") if call["summary"]]
    assert calls
    for call in calls:
        assert call["summary"] == "They talked."
        assert call["conversation_id"] is not None
    answers = [call["answers"] for call in calls if call["answers"]]
    assert {answer["name"] for found in answers for answer in found} == {"Mood"}


def test_calls_of_removed_contacts_stay_marked(client: httpx.Client) -> None:
    removed = {row["contact_id"] for row in pages(client, f"/campaigns/{SPRING}/contacts?removed=true")}
    marked = {call["contact_id"] for call in pages(client, LIST) if call["removed"]}
    assert marked
    assert marked <= removed


def test_an_instant_without_zone_is_refused(client: httpx.Client) -> None:
    document = problem(client.get(f"{LIST}?from=2026-03-03T00:00:00"))
    assert (document["code"], document["field"]) == ("invalid-parameter", "from")
