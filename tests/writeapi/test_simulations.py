"""Simulations over HTTP: what they answer, what they refuse, and that they write nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anyio import CapacityLimiter

from drumbeat.events.workspace import KeyScope
from support.keys import bearer, key_for
from support.reading import get, problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

TALK = str(uuid4())


@pytest.fixture(scope="module")
def api(postgres_server: Any) -> Iterator[Writing]:
    with postgres_server.fresh_database() as url, writing(url) as made:
        yield made


@pytest.fixture(scope="module")
def campaign(api: Writing) -> str:
    """Two contacts: one whom the second call reached and won, one whom it did not reach."""
    made = str(
        api.done("/campaigns", {"kind": "voice_agent", "name": "Spring", "settings": {"agent": "A"}})["stream_id"]
    )
    goal, number = str(uuid4()), str(uuid4())
    api.done(f"/campaigns/{made}/goals", {"goal_id": goal, "name": "Books", "role": "primary"})
    sender = {"sender_id": number, "channel": "phone", "friendly_name": "L", "address": "+351210000000"}
    api.done("/senders", sender)
    api.done(f"/campaigns/{made}/senders/{number}", {}, method="PUT")
    rows = [{"reference": f"p-{n}", "phone": f"+35191000000{n}"} for n in range(2)]
    contacts = [
        one["contact_id"] for one in api.done(f"/campaigns/{made}/contacts/batch", {"rows": rows})["results"]
    ]
    api.done(f"/campaigns/{made}/launch")
    for contact in contacts:
        _call(api, f"/campaigns/{made}/contacts/{contact}", 1, {"outcome": "no_answer"})
    api.now = api.now.replace(hour=api.now.hour + 2)
    first, second = (f"/campaigns/{made}/contacts/{contact}" for contact in contacts)
    _call(api, first, 2, {"outcome": "completed", "duration_seconds": 90, "conversation_id": TALK})
    api.done(f"{first}/goals/{goal}/evaluations", {"result": "achieved", "conversation_id": TALK})
    _call(api, second, 2, {"outcome": "busy"})
    api.project()
    return made


def _call(api: Writing, contact: str, attempt: int, ended: dict[str, Any]) -> None:
    api.done(f"{contact}/calls", {})
    api.done(f"{contact}/calls/{attempt}/end", ended)


def ask(api: Writing, campaign: str, *variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return api.done(f"/campaigns/{campaign}/simulations", {"variants": variants, **more})


def test_variants_stand_beside_what_was_and_the_dashboard_agrees_with_it(api: Writing, campaign: str) -> None:
    answer = ask(api, campaign, {}, {"max_retries": 0}, {"max_retries": None}, cost_per_call=0.25)
    real, same, fewer, more = answer["real"], *(one["measures"] for one in answer["variants"])
    board = get(api.client, f"/campaigns/{campaign}/dashboard")
    for name in ("contacts", "attempts", "conversations"):
        assert real[name] == board[name]["value"]
    assert real["talk_time_seconds"]["value"] == board["talk_time"]["value"] == 90
    assert real["goals_achieved"] == board["goal_achievement"]["numerator"]["value"] == 1
    assert same == real
    assert (fewer["attempts"], fewer["attempts_not_made"], fewer["goals_achieved"]) == (2, 2, 0)
    assert (more["attempts"], more["unknown"]["contacts_open"]) == (4, 1)
    assert [one["cost"]["value"] for one in (real, fewer)] == [1.0, 0.5]
    assert [one["name"] for one in answer["variants"]] == ["as it was", "max_retries=0", "max_retries=none"]
    assert answer["as_of"].split("@")[0] == str(api.ledger.head())


def test_nothing_is_written(api: Writing, campaign: str) -> None:
    before = api.ledger.head()
    ask(api, campaign, {"max_retries": 0})
    assert api.ledger.head() == before


def test_the_same_question_at_the_same_position_has_the_same_answer(api: Writing, campaign: str) -> None:
    assert ask(api, campaign, {"max_retries": 1}) == ask(api, campaign, {"max_retries": 1})


@pytest.mark.parametrize(
    ("body", "status", "code", "field", "allowed"),
    [
        ({"variants": [{"max_retries": -1}]}, 422, "out-of-range", "max_retries", "0 to 1,000, or none"),
        ({"variants": [{"retry_interval": "5 s"}]}, 422, "out-of-range", "retry_interval", "1 min to 30 d"),
        ({"variants": [{"colour": 1}]}, 422, "invalid-settings", "colour", None),
        ({"variants": [{}] * 51}, 422, "out-of-range", "variants", "at most 50 variants"),
        ({"variants": []}, 400, "invalid-body", "variants", None),
        ({"variants": [{}], "cost_per_call": -1}, 400, "invalid-body", "cost_per_call", None),
        ({"variants": [{}], "dry_run": True}, 400, "invalid-body", "dry_run", None),
        ({}, 400, "invalid-body", "variants", None),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(
    api: Writing, campaign: str, body: dict[str, Any], status: int, code: str, field: str, allowed: str | None
) -> None:
    told = problem(api.post(f"/campaigns/{campaign}/simulations", body))
    assert (told["status"], told["code"], told["field"]) == (status, code, field)
    assert allowed is None or told["allowed"] == allowed


def test_a_campaign_that_is_not_there_was_deleted_or_places_no_calls_is_told(api: Writing) -> None:
    asked = {"variants": [{"max_retries": 0}]}
    assert problem(api.post(f"/campaigns/{uuid4()}/simulations", asked))["code"] == "unknown-campaign"
    gone = api.done("/campaigns", {"kind": "call", "name": "Gone"})["stream_id"]
    silent = api.done("/campaigns", {"kind": "message", "name": "Silent"})["stream_id"]
    api.done(f"/campaigns/{gone}", method="DELETE")
    api.project()
    assert problem(api.post(f"/campaigns/{gone}/simulations", asked))["code"] == "campaign-deleted"
    assert problem(api.post(f"/campaigns/{silent}/simulations", asked))["code"] == "not-for-this-kind"


@contextmanager
def at_most(api: Writing, contacts: int) -> Iterator[None]:
    services = api.app.state.writing
    api.app.state.writing = replace(services, simulated_contacts=contacts)
    try:
        yield
    finally:
        api.app.state.writing = services


def test_a_campaign_of_more_contacts_than_the_bound_is_refused_and_one_of_as_many_is_not(
    api: Writing, campaign: str
) -> None:
    with at_most(api, 1):
        told = problem(api.post(f"/campaigns/{campaign}/simulations", {"variants": [{}]}))
    assert (told["status"], told["code"], told["field"]) == (422, "out-of-range", "contacts")
    assert told["value"] == "more than 1"
    assert told["allowed"] == "at most 1 contacts (DRUMBEAT_MAX_SIMULATED_CONTACTS)"
    with at_most(api, 2):
        assert ask(api, campaign, {})["real"]["contacts"] == 2


def test_a_campaign_without_contacts_comes_to_nothing(api: Writing) -> None:
    empty = str(api.done("/campaigns", {"kind": "call", "name": "Empty"})["stream_id"])
    api.project()
    answer = ask(api, empty, {"max_retries": 0})
    assert (answer["events"], answer["real"]["attempts"]) == (0, 0)
    assert answer["real"]["seconds_to_finish"] == {"value": None, "contacts_unknown": 0}


def test_a_second_simulation_at_once_is_asked_to_come_again(api: Writing, campaign: str) -> None:
    limiter: CapacityLimiter = api.app.state.writing.simulating
    holder = object()
    limiter.acquire_on_behalf_of_nowait(holder)
    try:
        answer = api.post(f"/campaigns/{campaign}/simulations", {"variants": [{}]})
    finally:
        limiter.release_on_behalf_of(holder)
    assert problem(answer)["code"] == "simulation-under-way"
    assert int(answer.headers["Retry-After"]) > 0
    assert ask(api, campaign, {})["variants"]


def test_a_key_for_reads_may_simulate_and_one_for_commands_alone_may_not(api: Writing, campaign: str) -> None:
    path, asked = f"/campaigns/{campaign}/simulations", {"variants": [{"max_retries": 0}]}
    reads = bearer(key_for(api.database_url, scopes=[KeyScope.READ]))
    writes = bearer(key_for(api.database_url, scopes=[KeyScope.WRITE]))
    nobody = httpx.Auth()
    assert api.client.post(path, json=asked, headers=reads, auth=nobody).status_code == 200
    assert problem(api.client.post(path, json=asked, headers=writes, auth=nobody))["code"] == "missing-scope"


def test_a_removed_contact_and_an_erased_person_are_replayed_too(api: Writing) -> None:
    made = str(api.done("/campaigns", {"kind": "call", "name": "Few"})["stream_id"])
    rows = [{"reference": f"few-{n}", "phone": f"+3519100001{n:02}"} for n in range(3)]
    contacts = [
        one["contact_id"] for one in api.done(f"/campaigns/{made}/contacts/batch", {"rows": rows})["results"]
    ]
    api.done(f"/campaigns/{made}/contacts/{contacts[0]}/remove", {"reason": "moved away"})
    api.done("/people/few-1", {"reason": "asked for it"}, method="DELETE")
    api.project()
    answer = ask(api, made, {"max_retries": 0})
    assert (answer["real"]["contacts"], answer["variants"][0]["measures"]["contacts"]) == (1, 1)
    assert answer["events"] == 3 + 1 + 2
