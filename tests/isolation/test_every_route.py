"""One workspace asks about another's things by every route: it is answered as about what never was.

A new command gets its step in `support/commanded.py`, a new question its line in `support/isolated.py`; without it
the first test here fails.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock
from uuid import UUID

import psycopg
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from drumbeat.eventstore import calls
from drumbeat.opsapi.follow import Choice, stretch
from drumbeat.readapi import database
from drumbeat.transport.source import LogSource
from support.auditing import grown
from support.commanded import ANN, ASKS, BOOKED, NUMBER, SPRING
from support.isolated import (
    BOB,
    OWN,
    OWN_CONTACT,
    Asked,
    asking_as,
    fill,
    fill_own,
    ghosts,
    reads,
    send,
    told,
)
from support.postgres import TestServer
from support.whole import ADA
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

LISTS = ("/campaigns", "/imports", "/history")
"""Answered to everybody, about what is his."""
OF_NOBODY = {
    "/",
    "/openapi.json",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/metrics/definitions",
    "/audit/head",
    "/audit/proofs/consistency",
}
"""Nothing of any workspace stands there."""
MAKES = {"/campaigns", "/senders", "/schedules"}
"""Commands that make a thing under an id of the caller's choice."""
HASHED = {"/suppressions", "/suppressions/lift"}
"""Commands whose stream follows from an address under the workspace's key."""
EVENT, POSITION = "/audit/proofs/events/{event_id}", "/audit/proofs/positions/{position}"
"""Proofs of what stands in the log, by names of the log's own."""
INSTALLATION = {
    ("GET", "/projections"),
    ("POST", "/projections/rebuilds"),
    ("GET", "/projections/rebuilds"),
    ("GET", "/projections/rebuilds/{generation}"),
    ("POST", "/projections/rebuilds/{generation}/cancel"),
    ("POST", "/projections/rebuilds/{generation}/go-live"),
    ("POST", "/projections/rollback"),
    ("GET", "/projections/switches/{switch_id}"),
}
"""What concerns every workspace: for keys of the workspace that the installation's operator has, and no other."""
PERSON = "/people/{reference}"
"""Whose stream follows from a reference under the workspace's key."""
WORDS = (
    "Spring",
    "Ann",
    "Ben",
    "Cleo",
    "Fay",
    "Gus",
    "Lisbon office",
    "Marta",
    "+35191000000",
    "+35121000000",
    "p-1",
)
"""What stands in the other workspace only."""


@pytest.fixture(scope="module")
def api(postgres_server: TestServer) -> Iterator[Writing]:
    with postgres_server.fresh_database() as url, writing(url) as made:
        yield made


@pytest.fixture(scope="module")
def commands(api: Writing) -> list[Asked]:
    """Ada's requests, carried out; Bob has a campaign too, and the read models show both."""
    asked = fill(api)
    fill_own(api)
    api.project()
    grown(api.database_url, most=20)
    grown(api.database_url)
    return asked


@pytest.fixture(scope="module")
def foreign(api: Writing, commands: list[Asked]) -> list[Asked]:
    """Everything that can be asked about one thing or some things of Ada's."""
    events = list(events_of(api, ADA.workspace_id).values())
    proofs = [Asked(method="GET", route=EVENT, path=EVENT.format(event_id=one)) for one in events[:3]]
    return [one for one in [*commands, *reads(ANN, NUMBER, BOOKED), *proofs] if one.ids]


def events_of(api: Writing, workspace_id: str) -> dict[int, UUID]:
    """What stands in the log of one workspace: ids by position."""
    with closing(LogSource(api.database_url)) as log:
        found = stretch(log, Choice(workspace_id=workspace_id), after=0)
        return {position: event.id for position, event in found}


def test_every_route_of_both_apis_is_visited(api: Writing, foreign: list[Asked]) -> None:
    routes = [route for route in api.app.routes if isinstance(route, Route | APIRoute)]
    table = {(method, route.path) for route in routes for method in route.methods or ()}
    visited = {(one.method, one.route) for one in foreign} | {("GET", path) for path in {*LISTS, *OF_NOBODY}}
    visited |= {("POST", path) for path in HASHED} | {("GET", PERSON), ("DELETE", PERSON), ("GET", POSITION)}
    visited |= INSTALLATION
    visited |= {("HEAD", path) for method, path in table if method == "HEAD" and ("GET", path) in visited}
    assert table - visited == set(), "a route needs its request here"
    assert len(table) > 70


def variants(foreign: list[Asked]) -> Iterator[tuple[Asked, Asked, dict[str, str]]]:
    """Each request about Ada's things, the same about things that never were, and what to call the latter.

    Wholly Ada's; then with Bob's campaign in place of hers; then with his contact too.
    """
    own: list[dict[str, str]] = [{}, {str(SPRING): str(OWN)}, {str(SPRING): str(OWN), str(ANN): str(OWN_CONTACT)}]
    for asked in foreign:
        for put in own:
            about = asked.about(put)
            strange = about.ids - {str(OWN), str(OWN_CONTACT)}
            if strange and (not put or str(SPRING) in asked.ids):
                yield about, about.about(ghosts(strange)), {new: old for old, new in ghosts(strange).items()}


@pytest.mark.parametrize(
    "sent", ["dry", "dry, at a version", "dry, under a key that she used", "dry, under a new key"]
)
def test_what_is_anothers_is_answered_as_what_never_was(api: Writing, foreign: list[Asked], sent: str) -> None:
    compared = 0
    with asking_as(api, BOB):
        for theirs, ghost, names in variants(foreign):
            if theirs.route in MAKES and theirs.method == "POST":
                continue
            one, other = (varied(asked, sent) for asked in (theirs, ghost))
            assert told(send(api, one), {}) == told(send(api, other), names), (one.method, one.path)
            compared += 1
    assert compared > 100


def varied(asked: Asked, how: str) -> Asked:
    """The request as a dry run, with a version or a key; what only asks has none of them."""
    if asked.method == "GET" or asked.route in ASKS:
        return asked
    key = asked.headers.get("Idempotency-Key", "")
    headers = {
        "dry": {},
        "dry, at a version": {"If-Match": '"1"'},
        "dry, under a key that she used": {"Idempotency-Key": key},
        "dry, under a new key": {"Idempotency-Key": f"bob-{key}"},
    }[how]
    return replace(asked, headers=headers).with_query("dry_run=true")


def test_what_is_anothers_cannot_be_changed(api: Writing, foreign: list[Asked]) -> None:
    before = api.ledger.head()
    with asking_as(api, BOB):
        for asked in foreign:
            if asked.method == "GET" or asked.route == "/campaigns/bulk":
                continue
            answer = send(api, asked)
            assert answer.is_client_error, (asked.method, asked.path, answer.text)
            expected = "conflict" if asked.route in MAKES and asked.method == "POST" else "unknown"
            assert expected in answer.json()["code"], (asked.path, answer.text)
            assert not any(word in answer.text for word in WORDS if word not in str(asked.body)), answer.text
    assert api.ledger.head() == before


def test_the_command_for_many_campaigns_answers_anothers_as_one_that_never_was(
    api: Writing, commands: Any
) -> None:
    (bulk,) = [one for one in commands if one.route == "/campaigns/bulk"]
    before, names = api.ledger.head(), ghosts(bulk.ids)
    never = replace(bulk.about(names), headers={"Idempotency-Key": "another"})
    with asking_as(api, BOB):
        answers = [told(send(api, bulk), {}), told(send(api, never), {new: old for old, new in names.items()})]
    assert answers[0] == answers[1]
    assert '"unknown' in answers[0][2]
    assert api.ledger.head() == before


def test_what_concerns_every_workspace_is_refused_to_every_other_before_anything_is_looked_at(
    api: Writing, commands: list[Asked]
) -> None:
    sent = [one for one in commands if (one.method, one.route) in INSTALLATION]
    known = api.client.get("/projections/rebuilds").json()
    with asking_as(api, BOB):
        for method, route in INSTALLATION:
            path = route.format(generation="gen_2", switch_id=UUID(int=1))
            own = [one for one in sent if (one.method, one.route) == (method, route)]
            for asked in own or [Asked(method=method, route=route, path=path)]:
                with statements() as run:
                    answer = send(api, asked)
                assert (answer.status_code, answer.json()["code"]) == (403, "not-for-this-workspace"), path
                assert run == []
                never = send(api, replace(asked, path=asked.path.replace("gen_2", "gen_999")))
                assert told(never, {})[2].replace("gen_999", "gen_2") == told(answer, {})[2]
    assert len(sent) >= 5
    assert api.client.get("/projections/rebuilds").json() == known


def test_an_address_that_another_has_listed_is_news(api: Writing, commands: list[Asked]) -> None:
    with asking_as(api, BOB):
        for asked in (one for one in commands if one.route in HASHED):
            never = {**asked.body, "address": "+351910000777"}
            one = send(api, asked)
            other = send(api, Asked(method=asked.method, route=asked.route, path=asked.path, body=never))
            about = [(a.status_code, a.json()["version"], a.json()["events"]) for a in (one, other)]
            assert about[0] == about[1], asked.path


def test_a_person_whom_another_knows_is_as_unknown_as_nobody(api: Writing, commands: list[Asked]) -> None:
    before = api.ledger.head()
    asked = [one for one in commands if one.route == PERSON]
    assert {one.method for one in asked} == {"GET", "DELETE"}
    with asking_as(api, BOB):
        for one in asked:
            known = send(api, replace(one, path="/people/p-1"))
            never = send(api, replace(one, path="/people/p-0", headers={}))
            assert known.status_code == 404
            assert told(known, {}) == (*told(never, {})[:2], told(never, {})[2].replace("p-0", "p-1"))
    assert api.ledger.head() == before


def test_lists_and_counts_hold_nothing_of_another(api: Writing, commands: list[Asked]) -> None:
    api.project()
    with asking_as(api, BOB):
        campaigns = api.client.get("/campaigns?count=true").json()
        assert ([one["name"] for one in campaigns["items"]], campaigns["count"]) == (["Own"], 1)
        for search in ("Spring", "Satisfaction", "%", "_"):
            assert api.client.get("/campaigns", params={"search": search, "count": "true"}).json()["count"] == 0
        assert api.client.get("/imports").json()["items"] == []
        changes = api.client.get("/history?count=true&limit=100")
        assert changes.json()["count"] == len(changes.json()["items"]) < 10
        assert {one["stream"] for one in changes.json()["items"]} >= {"sender"}
        assert not any(word in changes.text for word in WORDS), changes.text
        for path in (
            "dashboard",
            "heatmap",
            "contacts",
            "attempts",
            "activity",
            "activity/export",
            "senders",
            "history",
        ):
            answer = api.client.get(f"/campaigns/{OWN}/{path}")
            assert answer.status_code == 200
            assert not any(word in answer.text for word in WORDS), answer.text
        for path in OF_NOBODY:
            answer = api.client.get(path)
            assert answer.status_code in {200, 503}, (path, answer.text)
            assert not any(word in answer.text for word in WORDS[:2] if path == "/metrics"), path


@pytest.mark.parametrize("path", ["/campaigns?limit=1", f"/campaigns/{OWN}/contacts?limit=1"])
def test_a_cursor_of_another_leads_only_through_ones_own(api: Writing, commands: list[Asked], path: str) -> None:
    hers = path.replace(str(OWN), str(SPRING))
    cursor = api.client.get(hers).json()["next_cursor"]
    with asking_as(api, BOB):
        answer = api.client.get(path, params={"cursor": cursor, "limit": 1})
        nothing = base64.urlsafe_b64encode(b"nothing").decode()
        assert answer.status_code in {200, 400, 422}
        assert not any(word in answer.text for word in WORDS), answer.text
        assert api.client.get(path, params={"cursor": nothing, "limit": 1}).is_client_error


def test_a_position_of_another_is_only_a_number(api: Writing, commands: list[Asked]) -> None:
    position = api.ledger.head()
    with asking_as(api, BOB):
        answer = api.client.get("/campaigns", params={"at_least": position - 1})
        assert [one["name"] for one in answer.json()["items"]] == ["Own"]


def test_an_event_of_another_is_no_event_and_a_proof_of_ones_own_shows_only_hashes_of_others(
    api: Writing, commands: list[Asked]
) -> None:
    grown(api.database_url)  # keys that were made since are events too
    hers, his = events_of(api, ADA.workspace_id), events_of(api, BOB)
    nowhere = max(*hers, *his) + 1_000
    with asking_as(api, BOB):
        never = told(api.client.get(POSITION.format(position=nowhere)), {})
        assert never[0] == 404
        for position in hers:
            answer = told(api.client.get(POSITION.format(position=position)), {})
            assert answer == (*never[:2], never[2].replace(str(nowhere), str(position)))
        for position, event_id in his.items():
            by_position = api.client.get(POSITION.format(position=position))
            assert by_position.json() == api.client.get(EVENT.format(event_id=event_id)).json()
            assert by_position.json().keys() == {"position", "bytes", "leaf_index", "audit_path", "head"}
            assert all(len(base64.b64decode(one)) == 32 for one in by_position.json()["audit_path"])
            assert json.loads(base64.b64decode(by_position.json()["bytes"]))["workspaceid"] == BOB
    assert len(hers) > 20
    assert len(his) > 5


def test_an_earlier_moment_of_anothers_is_as_unknown_as_that_of_what_never_was(
    api: Writing, commands: list[Asked]
) -> None:
    api.project()
    moment = f"as_of={api.client.get(f'/campaigns/{SPRING}').json()['as_of']}"
    compared = 0
    with asking_as(api, BOB):
        for theirs, ghost, names in variants(reads(ANN, NUMBER, BOOKED)):
            if not theirs.route.startswith("/campaigns/{campaign_id}"):
                continue
            one, other = theirs.with_query(moment), ghost.with_query(moment)
            with statements() as first:
                answer = told(send(api, one), {})
            with statements() as second:
                assert told(send(api, other), names) == answer, one.path
            assert first == second or str(OWN) in one.path, one.path
            assert not any(word in answer[2] for word in WORDS), answer[2]
            compared += 1
        for path in ("", "/dashboard", "/contacts", "/attempts", "/activity", "/senders", "/history"):
            answer_of_own = api.client.get(f"/campaigns/{OWN}{path}?{moment}")
            assert answer_of_own.status_code == 200
            assert not any(word in answer_of_own.text for word in WORDS), answer_of_own.text
    assert compared > 10


def test_a_links_target_keeps_to_the_one_who_asks(api: Writing, commands: list[Asked]) -> None:
    link = api.client.get(f"/campaigns/{SPRING}/contacts?limit=1").links["next"]["url"]
    with asking_as(api, BOB):
        answer = api.client.get(link)
        assert answer.status_code == 404
        assert answer.json()["code"] == "unknown-campaign"


def test_the_same_statements_are_run_for_what_is_anothers_and_for_what_never_was(
    api: Writing, foreign: list[Asked]
) -> None:
    """Not a clock: whether a thing is there shows in no statement more or less."""
    seen = 0
    with asking_as(api, BOB):
        for theirs, ghost, _names in variants(foreign):
            if theirs.route in MAKES and theirs.method == "POST":
                continue
            one, other = (varied(asked, "dry") for asked in (theirs, ghost))
            send(api, other)  # whatever is prepared only once
            with statements() as first:
                send(api, one)
            with statements() as second:
                send(api, other)
            assert first == second, (one.method, one.path)
            seen += len(first)
    assert seen > 100


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that this process runs meanwhile, in their order, without their values.

    The look at a key is not of them: a key in use is looked up again by the clock, whatever is asked for.
    """
    run: list[str] = []
    execute, prepared, glanced = psycopg.Cursor.execute, calls.call_prepared, calls.execute_prepared

    def executed(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        said = query.decode() if isinstance(query, bytes) else str(query)
        if "access.api_keys" not in said:
            run.append(said)
        return execute(cursor, query, *more, **named)

    def called(connection: Any, name: str, *more: Any, **named: Any) -> Any:
        run.append(name)
        return prepared(connection, name, *more, **named)

    def looked(connection: Any, name: str, *more: Any, **named: Any) -> Any:
        run.append(name)
        return glanced(connection, name, *more, **named)

    with (
        mock.patch.object(psycopg.Cursor, "execute", executed),
        mock.patch.object(calls, "call_prepared", called),
        mock.patch.object(database, "execute_prepared", looked),
    ):
        yield run
