"""Keys on both APIs: who shows one is let in for what it is for, and everybody else hears why not."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from drumbeat.access import RateLimit
from drumbeat.access.keyring import KeyRing
from drumbeat.access.tokens import Token
from drumbeat.commands.dispatch import Commands
from drumbeat.events.workspace import KeyScope
from drumbeat.web.authenticating import ACTOR_HEADER
from support.commanded import ASKS
from support.given import uid
from support.keys import gate_for, key_for, stored_keys
from support.reading import away, get, problem
from support.whole import ADA, OneKey
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = {"/", "/openapi.json", "/health/live", "/health/ready", "/metrics"}


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        made.project()
        yield made


def sent(api: Writing, method: str = "GET", path: str = "/campaigns", **headers: str) -> httpx.Response:
    """A request with these headers and no key beside; header names with underscores for dashes."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"kind": "call", "name": "Spring"} if method == "POST" else None
    return api.client.request(method, path, headers=told, json=body, auth=None)


def shown(api: Writing, key: str, method: str = "GET", path: str = "/campaigns", **headers: str) -> httpx.Response:
    return sent(api, method, path, Authorization=f"Bearer {key}", **headers)


def operations(api: Writing) -> list[tuple[str, str, dict[str, Any]]]:
    paths = api.client.get("/openapi.json", auth=None).json()["paths"]
    return [(method.upper(), path, told) for path, methods in paths.items() for method, told in methods.items()]


def filled(path: str) -> str:
    return "/".join(
        "1" if part == "{attempt}" else str(uid(part)) if part.startswith("{") else part
        for part in path.split("/")
    )


def test_every_route_but_the_open_ones_asks_for_a_key_before_anything_else(api: Writing) -> None:
    asked = 0
    for method, path, told in operations(api):
        answer = api.client.request(method, filled(path), auth=None, content=b"{", headers={"X": "y"})
        if path in OPEN:
            assert answer.status_code == 200 or path == "/health/ready", path
            continue
        asked += 1
        assert problem(answer)["code"] == "no-key", (method, path)
        assert answer.headers["www-authenticate"] == 'Bearer realm="drumbeat"'
        assert told["security"] in ([{"key": [scope]}] for scope in ("read", "write", "operate"))
        assert {"401", "403", "429", "503"} <= told["responses"].keys(), (method, path)
    assert asked > 60
    assert api.client.get("/", auth=None).status_code == 200


def test_every_route_names_the_scope_that_it_needs_and_refuses_a_key_that_lacks_it(api: Writing) -> None:
    for method, path, told in operations(api):
        if path in OPEN:
            continue
        (needed,) = told["security"][0]["key"]
        assert needed in ({"read", "operate"} if method == "GET" or path in ASKS else {"write", "operate"}), path
        others = [scope for scope in KeyScope if scope != needed]
        answer = shown(api, api.keys.with_scopes(*others), method, filled(path))
        document = problem(answer)
        assert (document["status"], document["code"], document["allowed"]) == (403, "missing-scope", needed), path
        assert f'scope="{needed}"' in answer.headers["www-authenticate"]


def test_a_key_for_reading_reads_and_one_for_commands_commands(api: Writing) -> None:
    reader, writer = api.keys.with_scopes(KeyScope.READ), api.keys.with_scopes(KeyScope.WRITE)
    assert shown(api, writer, "POST").status_code == 201
    api.project()
    assert [row["name"] for row in shown(api, reader).json()["items"]] == ["Spring"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "no-key"),
        ("Bearer", "unknown-key"),
        ("Bearer drumbeat_", "unknown-key"),
        ("Bearer " + "x" * 20_000, "unknown-key"),
        ("Bearer \xff\xfe", "unknown-key"),
        ("Basic YWRhOnNlY3JldA==", "unknown-key"),
        ("KEY", "unknown-key"),
        ("Bearer KEY KEY", "unknown-key"),
        ("Bearer WRONG", "unknown-key"),
        ("Bearer UNKNOWN", "unknown-key"),
        ("Bearer EXPIRED", "expired-key"),
        ("Bearer REVOKED", "revoked-key"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_shown_and_no_key_is_answered_401_with_a_code(
    api: Writing, header: str, code: str, method: str
) -> None:
    good, url = api.key, api.database_url
    revoked = key_for(url, name="revoked")
    stored_keys(url).revoke("default", "revoked", at=LONG_AGO)
    parsed = Token.parse(good)
    assert parsed is not None
    values = {
        "KEY": good,
        "WRONG": Token.new(parsed.key_id).text(),
        "UNKNOWN": Token.new(uid("nobody")).text(),
        "EXPIRED": key_for(url, expires_at=LONG_AGO),
        "REVOKED": revoked,
    }
    for name, value in values.items():
        header = header.replace(name, value)
    answer = api.client.request(
        method, "/campaigns", headers={b"Authorization": header.encode("latin-1")}, auth=None
    )
    document = problem(answer)
    assert (document["status"], document["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not any(value in answer.text for value in values.values())


def test_the_scheme_may_be_written_in_any_case(api: Writing) -> None:
    assert sent(api, Authorization=f"bEARER {api.key}").status_code == 200


def test_two_keys_are_none(api: Writing) -> None:
    two = [("Authorization", f"Bearer {api.key}")] * 2
    assert problem(api.client.get("/campaigns", headers=two, auth=None))["code"] == "unknown-key"


def test_a_key_in_the_query_is_a_parameter_that_nobody_has(api: Writing) -> None:
    assert problem(sent(api, path=f"/campaigns?key={api.key}"))["code"] == "no-key"
    assert problem(api.client.get("/campaigns?key=x"))["code"] == "unknown-parameter"


def test_the_workspace_is_the_keys_whatever_else_is_sent(api: Writing) -> None:
    theirs = key_for(api.database_url, "acme")
    mine = api.done("/campaigns", {"kind": "call", "name": "Mine"})["stream_id"]
    told = {"Workspace": "default", "X_Workspace_Id": "default"}
    made = shown(api, theirs, "POST", **told).json()["stream_id"]
    api.project()
    assert [row["campaign_id"] for row in shown(api, theirs, **told).json()["items"]] == [made]
    assert [row["campaign_id"] for row in get(api.client, "/campaigns")["items"]] == [mine]
    assert problem(shown(api, theirs, path=f"/campaigns/{mine}"))["code"] == "unknown-campaign"
    assert problem(shown(api, theirs, "POST", f"/campaigns/{mine}/complete"))["code"] == "unknown-stream"


def envelope(api: Writing, position: int) -> dict[str, Any]:
    with closing(psycopg.connect(api.database_url)) as connection:
        row = connection.execute(
            "SELECT convert_from(bytes, 'UTF8') FROM ledger.events WHERE position = %s", [position]
        ).fetchone()
    assert row is not None
    told: dict[str, Any] = json.loads(row[0])
    return told


def test_without_a_name_the_key_is_the_actor(api: Writing) -> None:
    key = key_for(api.database_url, name="crm")
    answer = shown(api, key, "POST", Correlation_Id=str(uid("request")))
    told = envelope(api, answer.json()["position"])
    assert (told["actor"], told["cause"], "via" in told) == ("key:crm", "user", False)
    assert told["correlationid"] == str(uid("request")), "that of the request"


def test_a_key_that_may_names_the_person_and_both_are_in_event_and_history(api: Writing) -> None:
    key = key_for(api.database_url, name="crm")
    answer = shown(api, key, "POST", Drumbeat_Actor="ada")
    told = envelope(api, answer.json()["position"])
    assert (told["actor"], told["via"]) == ("ada", "key:crm")
    api.project()
    (change,) = get(api.client, f"/campaigns/{answer.json()['stream_id']}/history")["items"]
    assert (change["actor"], change["via"]) == ("ada", "key:crm")
    assert get(api.client, f"/campaigns/{answer.json()['stream_id']}/history?actor=ada")["items"]


def test_a_name_in_utf_8_is_kept(api: Writing) -> None:
    headers = [(b"Authorization", f"Bearer {api.key}".encode()), (ACTOR_HEADER.encode(), "Zoë Łuk".encode())]
    answer = api.client.request(
        "POST", "/campaigns", json={"kind": "call", "name": "x"}, headers=headers, auth=None
    )
    assert envelope(api, answer.json()["position"])["actor"] == "Zoë Łuk"


def test_a_key_that_may_not_impersonate_is_refused_and_nothing_is_written(api: Writing) -> None:
    key = api.keys.with_scopes(KeyScope.READ, KeyScope.WRITE, KeyScope.OPERATE)
    for method in ("GET", "POST"):
        document = problem(shown(api, key, method, Drumbeat_Actor="ada"))
        assert (document["status"], document["code"], document["allowed"]) == (403, "missing-scope", "impersonate")
    assert api.ledger.head() == 0


@pytest.mark.parametrize("name", ["", "x" * 101, "key:crm", "a\tb", b"\xff", b"\xc2\x85"])
def test_what_is_no_name_of_a_person_is_refused(api: Writing, name: str | bytes) -> None:
    raw = name.encode() if isinstance(name, str) else name
    headers = [(b"Authorization", f"Bearer {api.key}".encode()), (ACTOR_HEADER.encode(), raw)]
    answer = api.client.request(
        "POST", "/campaigns", json={"kind": "call", "name": "x"}, headers=headers, auth=None
    )
    document = problem(answer)
    assert (document["status"], document["code"], document["field"]) == (400, "invalid-header", ACTOR_HEADER)


def test_making_and_revoking_keys_is_in_the_audit_history_of_the_workspace_alone(api: Writing) -> None:
    ring = KeyRing(Commands(api.ledger, OneKey()), stored_keys(api.database_url))
    scopes = (KeyScope.READ, KeyScope.WRITE)
    token, row = ring.create("crm", scopes, ADA, now=api.now, expires_at=api.now + timedelta(days=90))
    ring.rotate("crm", ADA, now=api.now, overlap=timedelta(minutes=5))
    ring.revoke("crm", replace(ADA, actor="ben"), now=api.now)
    api.project()
    page = api.client.get("/history?stream=workspace&order=asc")
    changes = page.json()["items"]
    assert [(change["words"], change["actor"]) for change in changes] == [
        ("created", "ada"),
        ("key created", "ada"),
        ("key rotated", "ada"),
        ("key revoked", "ben"),
    ]
    assert [change["subject_id"] for change in changes[1:]] == [str(row.key_id)] * 3
    assert changes[1]["after"]["scopes"] == ["read", "write"]
    assert token.secret not in page.text
    api.workspace_id = "acme"
    assert get(api.client, "/history")["items"] == []


def test_a_revoked_key_is_refused_within_the_stated_time(database_url: str) -> None:
    with writing(database_url, gate=gate_for(database_url, trusted_seconds=0)) as api:
        api.project()
        key = key_for(database_url, name="crm")
        assert shown(api, key).status_code == 200
        stored_keys(database_url).revoke("default", "crm", at=LONG_AGO)
        assert problem(shown(api, key))["code"] == "revoked-key"


def test_while_the_database_is_away_an_unknown_key_is_answered_503_and_what_is_no_key_401(
    database_url: str,
) -> None:
    with writing(database_url, gate=gate_for(away(database_url), wait_seconds=0.5)) as api:
        answer = api.client.get("/campaigns")
        assert problem(answer)["code"] == "database-away"
        assert int(answer.headers["retry-after"]) > 0
        assert problem(sent(api, Authorization="Bearer x"))["code"] == "unknown-key"
        assert api.client.get("/health/live", auth=None).status_code == 200


def test_a_key_may_ask_so_often_in_a_second_and_another_key_as_often(database_url: str) -> None:
    seconds = [100.0]
    limit = RateLimit(3, clock=lambda: seconds[0])
    with writing(database_url, gate=gate_for(database_url, limit=limit)) as api:
        api.project()
        assert [api.client.get("/campaigns").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = api.client.post("/campaigns", json={"kind": "call", "name": "x"})
        document = problem(answer)
        assert (document["code"], document["allowed"]) == ("too-many-requests", "3 requests a second")
        assert answer.headers["retry-after"] == "1"
        assert shown(api, key_for(database_url)).status_code == 200
        assert api.client.get("/health/live", auth=None).status_code == 200
        seconds[0] += 1
        assert api.client.get("/campaigns").status_code == 200
        assert api.ledger.head() == 0


def test_metrics_need_a_key_of_an_operator_when_the_setting_says_so(database_url: str) -> None:
    with writing(database_url, metrics_need_key=True) as api:
        assert problem(sent(api, path="/metrics"))["code"] == "no-key"
        reader = api.keys.with_scopes(KeyScope.READ)
        assert problem(shown(api, reader, path="/metrics"))["allowed"] == "operate"
        answer = shown(api, api.keys.with_scopes(KeyScope.OPERATE), path="/metrics")
        assert "drumbeat_request_seconds" in answer.text


def test_no_body_is_awaited_of_who_shows_no_key(api: Writing) -> None:
    port = api.client.base_url.port
    assert port is not None
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(b"POST /campaigns HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n{")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 401")
