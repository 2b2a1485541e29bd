"""The OpenAPI document is complete and true: schemas, errors, examples.

The examples are written anew by `WRITE_EXAMPLES=1 pytest tests/readapi/test_openapi.py`.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode
from uuid import UUID, uuid5

import httpx
import pytest
import structlog
from jsonschema import Draft202012Validator

import drumbeat
from drumbeat.access import RateLimit
from drumbeat.events.workspace import KeyScope
from drumbeat.web.authenticating import OwnProcess
from drumbeat.web.problems import OF_ANY_REQUEST
from support.auditing import grown
from support.keys import bearer, gate_for, key_for, stored_keys
from support.postgres import TestServer
from support.reading import Reading, as_of, away, get, kinds_of_problems, pages, problem
from support.story import ANN, GONE, NOW, NUMBER, SPRING, TERM_DEPOSIT

pytestmark = pytest.mark.postgres

EXAMPLES = Path(drumbeat.__file__).parent / "readapi" / "examples.json"
NOBODY = UUID(int=0)
FIRST = uuid5(SPRING, "1")
"""The campaign's first event."""
OF_THE_SERVER = {kind.code for kind in OF_ANY_REQUEST}
"""Met by clients that are slow, greedy or talk nonsense: tests/e2e/test_slow_clients.py."""

REQUESTS = {
    "/health/live": "/health/live",
    "/health/ready": "/health/ready",
    "/metrics/definitions": "/metrics/definitions",
    "/campaigns": "/campaigns?status=running&sort=name&order=asc&limit=2&count=true",
    "/campaigns/{campaign_id}": f"/campaigns/{SPRING}",
    "/campaigns/{campaign_id}/dashboard": f"/campaigns/{SPRING}/dashboard",
    "/campaigns/{campaign_id}/heatmap": f"/campaigns/{SPRING}/heatmap",
    "/campaigns/{campaign_id}/contacts": (
        f"/campaigns/{SPRING}/contacts?status=finished&goal={TERM_DEPOSIT}&result=achieved&sort=name&limit=1"
    ),
    "/campaigns/{campaign_id}/contacts/{contact_id}": f"/campaigns/{SPRING}/contacts/{ANN}",
    "/campaigns/{campaign_id}/attempts": (
        f"/campaigns/{SPRING}/attempts?conversation=true&sender={NUMBER}&from=2026-03-02T00:00:00Z&limit=1"
    ),
    "/campaigns/{campaign_id}/senders": f"/campaigns/{SPRING}/senders",
    "/campaigns/{campaign_id}/activity": f"/campaigns/{SPRING}/activity?contact={ANN}&action=call_ended&limit=2",
    "/campaigns/{campaign_id}/activity/export": (
        f"/campaigns/{SPRING}/activity/export?action=opted_out&action=contact_removed&order=asc"
    ),
    "/history": "/history?order=asc&limit=2",
    "/audit/head": "/audit/head",
    "/audit/proofs/events/{event_id}": f"/audit/proofs/events/{FIRST}",
    "/audit/proofs/positions/{position}": "/audit/proofs/positions/2",
    "/audit/proofs/consistency": "/audit/proofs/consistency?from=100",
    "/campaigns/{campaign_id}/history": f"/campaigns/{SPRING}/history?stream=campaign&order=asc&limit=2",
    "/campaigns/{campaign_id}/history/diff": f"/campaigns/{SPRING}/history/diff?from=16&to=40",
    "/campaigns/{campaign_id}/history/diff/contacts": (
        f"/campaigns/{SPRING}/history/diff/contacts?from=16&to=40&limit=1"
    ),
}

NEEDS = {path: {"from": "16", "to": "40"} for path in REQUESTS if "/history/diff" in path}
"""Parameters without which a path cannot be asked."""


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    """The document as a client gets it."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def shown_at(client: httpx.Client, request: str) -> Any:
    """What a request answers: JSON, or the text of a file."""
    answer = client.get(request)
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] != "application/json":
        return answer.text
    told = answer.json()
    for end in ("from", "to"):
        if end in told:
            # The log of a test is written at another moment in every run.
            assert told[end]["recorded_at"] > "2026-03-05"
            told[end]["recorded_at"] = "2026-03-05T10:59:00Z"
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        assert methods.keys() == {"get"}
        yield path, methods["get"]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def answer_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    return schema


def test_every_example_is_what_the_route_answers(client: httpx.Client, document: dict[str, Any]) -> None:
    get(client, "/health/live")
    _until_ready(client)
    answered = {
        path: {"summary": f"GET {request}", "value": shown_at(client, request)}
        for path, request in REQUESTS.items()
    }
    if os.environ.get("WRITE_EXAMPLES"):
        lines = [f"{json.dumps(path)}: {json.dumps(one, ensure_ascii=False)}" for path, one in answered.items()]
        EXAMPLES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert json.loads(EXAMPLES.read_text()) == answered
    documented = {path for path, _ in operations(document)} - {"/metrics"}
    assert documented == REQUESTS.keys()


def _until_ready(client: httpx.Client) -> None:
    while client.get("/health/ready").status_code != 200:
        pass


def test_every_example_in_the_document_can_be_sent(client: httpx.Client, document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        if path == "/metrics":
            continue
        content = next(iter(operation["responses"]["200"]["content"].values()))
        example = content["examples"]["example"]
        assert shown_at(client, example["summary"].removeprefix("GET ")) == example["value"]
        validator(document, content["schema"]).validate(example["value"])


def test_every_read_of_a_campaign_and_no_other_can_be_asked_as_of_an_earlier_moment(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    able = {
        path for path, one in operations(document) if "as_of" in {p["name"] for p in one.get("parameters", ())}
    }
    assert able == {path for path in REQUESTS if path.startswith("/campaigns/{campaign_id}")}
    for path in able:
        now = client.get(REQUESTS[path])
        again = as_of(client, REQUESTS[path], now.headers["drumbeat-as-of"])
        if path.endswith("/export"):
            assert (again.status_code, again.content) == (200, now.content)
            continue
        live, then = now.json(), again.json()
        # The story was written into the log long after it says that it was recorded.
        assert {**then, "freshness": None} == {**live, "freshness": None}, path
        validator(document, answer_schema(document, path)).validate(then)


def test_every_row_of_every_list_is_as_its_schema_says(client: httpx.Client, document: dict[str, Any]) -> None:
    for path in ("contacts", "attempts", "activity", "history"):
        check = validator(document, answer_schema(document, "/campaigns/{campaign_id}/" + path))
        check.validate(get(client, f"/campaigns/{SPRING}/{path}?limit=500&count=true"))
    check = validator(document, answer_schema(document, "/campaigns/{campaign_id}/contacts/{contact_id}"))
    for row in pages(client, f"/campaigns/{SPRING}/contacts"):
        check.validate(get(client, f"/campaigns/{SPRING}/contacts/{row['contact_id']}"))
    for row in pages(client, "/campaigns"):
        for path in ("", "/dashboard", "/heatmap", "/senders"):
            check = validator(document, answer_schema(document, "/campaigns/{campaign_id}" + path))
            check.validate(get(client, f"/campaigns/{row['campaign_id']}{path}"))


def test_the_document_is_described_to_the_last_parameter(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        for parameter in operation.get("parameters", ()):
            speaks_for_itself = parameter["in"] == "path" or parameter["name"] in {"sort", "order"}
            assert parameter.get("description") or speaks_for_itself, (path, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        assert "$ref" in schema or schema.get("description") or "enum" in schema, name


def declared(operation: dict[str, Any]) -> set[str]:
    return {
        code
        for answer in operation["responses"].values()
        for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }


def asked_of(
    path: str,
    campaign_id: UUID = SPRING,
    contact_id: UUID = ANN,
    event_id: UUID = FIRST,
    position: int = 2,
    **query: str,
) -> str:
    filled = path.format(campaign_id=campaign_id, contact_id=contact_id, event_id=event_id, position=position)
    asked = NEEDS.get(path, {}) | {name.rstrip("_"): value for name, value in query.items()}
    return f"{filled}?{urlencode(asked)}" if asked else filled


INVALID = {
    "/audit/proofs/events/{event_id}": "tree_size=0",
    "/audit/proofs/positions/{position}": "tree_size=3",
    "/audit/proofs/consistency": "from=3",
}
"""Where `at_least` is no parameter."""

PROVOKED: dict[str, Callable[[str], str]] = {
    "unknown-parameter": lambda path: asked_of(path, colour="1"),
    "invalid-parameter": lambda path: (
        f"{asked_of(path)}?{INVALID[path]}" if path in INVALID else asked_of(path, at_least="soon")
    ),
    "unknown-event": lambda path: asked_of(path, event_id=NOBODY, position=999_999),
    "malformed-cursor": lambda path: asked_of(path, cursor="x"),
    "page-too-large": lambda path: asked_of(path, limit="501"),
    "unknown-campaign": lambda path: asked_of(path, campaign_id=NOBODY),
    "campaign-deleted": lambda path: asked_of(path, campaign_id=GONE),
    "unknown-contact": lambda path: asked_of(path, contact_id=NOBODY),
    "position-not-reached": lambda path: asked_of(path, at_least="999999"),
    "too-many-waiters": lambda path: asked_of(path, at_least="999999"),
    "malformed-position": lambda path: asked_of(path, to="soon"),
    "position-in-the-future": lambda path: asked_of(path, to="999999"),
    "position-before-the-campaign": lambda path: asked_of(path, from_="1"),
    "stretch-too-long": lambda path: (
        asked_of(path, count="true") if path.endswith("/contacts") else asked_of(path)
    ),
    "malformed-as-of": lambda path: asked_of(path, as_of="then"),
    "as-of-in-the-future": lambda path: asked_of(path, as_of="999999"),
    "as-of-before-first-event": lambda path: asked_of(path, as_of="0"),
    "as-of-too-large": lambda path: asked_of(path, as_of="30"),
    "as-of-busy": lambda path: asked_of(path, as_of="30"),
}


def shown(url: str) -> dict[str, dict[str, str]]:
    """The headers that a problem about who asks needs to be met."""
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    revoked = key_for(url, name="revoked")
    stored_keys(url).revoke("default", "revoked", at=long_ago)
    return {
        "no-key": {},
        "unknown-key": bearer("drumbeat"),
        "expired-key": bearer(key_for(url, expires_at=long_ago)),
        "revoked-key": bearer(revoked),
        "missing-scope": bearer(key_for(url, scopes=[KeyScope.WRITE])),
        "invalid-header": bearer(key_for(url)) | {"Drumbeat-Actor": ""},
    }


def _break() -> NoReturn:
    raise RuntimeError


@contextmanager
def out_of_requests(story: Reading) -> Iterator[httpx.Client]:
    """A client whose key has sent all that it may, at a clock that stands still."""
    limited = gate_for(story.database_url, limit=RateLimit(1, clock=lambda: 0.0))
    with story.client(limited, metrics_need_key=True) as client:
        assert client.get("/campaigns").status_code == 200
        yield client


@contextmanager
def troubled(story: Reading, server: TestServer) -> Iterator[dict[str, httpx.Client]]:
    """A client for every problem that needs trouble to be met."""
    with ExitStack() as stack:
        empty = Reading(stack.enter_context(server.fresh_database()), now=NOW)
        unsigned = Reading(stack.enter_context(server.fresh_database()), log=story.log, now=NOW)
        unsigned.written()
        grown(unsigned.database_url, key=None)
        without_log = stack.enter_context(
            story.client(ledger_url=away(story.database_url), wait_for_connection_seconds=0.05)
        )
        yield {
            "position-not-reached": stack.enter_context(story.client(wait_limit_seconds=0)),
            "too-many-waiters": stack.enter_context(story.client(max_waiters=0)),
            "too-many-comparisons": stack.enter_context(story.client(diffs_at_once=0)),
            "stretch-too-long": stack.enter_context(story.client(diff_contacts=0)),
            "as-of-too-large": stack.enter_context(story.client(as_of_max_events=1)),
            "as-of-busy": stack.enter_context(story.client(as_of_kept=0)),
            "database-away": stack.enter_context(
                story.client(read_models_url=away(story.database_url), wait_for_connection_seconds=0.05)
            ),
            **{f"database-away {path}": without_log for path in REQUESTS if path.startswith("/audit/")},
            "not-signed-yet": stack.enter_context(
                story.client(gate_for(story.database_url), ledger_url=unsigned.database_url)
            ),
            "not-ready": stack.enter_context(empty.client(ledger_url=away(story.database_url))),
            **dict.fromkeys(
                ("database-away /metrics", "database-away /metrics/definitions"),
                stack.enter_context(
                    story.client(gate_for(away(story.database_url), wait_seconds=0.2), metrics_need_key=True)
                ),
            ),
            "guarded": stack.enter_context(story.client(metrics_need_key=True)),
            "too-many-requests": stack.enter_context(out_of_requests(story)),
            "internal-error": stack.enter_context(story.client(OwnProcess(_break))),
        }


@pytest.mark.long
def test_every_declared_problem_can_be_met_and_is_declared_with_its_status(
    client: httpx.Client, story: Reading, postgres_server: TestServer, document: dict[str, Any]
) -> None:
    met: set[str] = set()
    headers = shown(story.database_url)
    with structlog.testing.capture_logs(), troubled(story, postgres_server) as clients:
        for path, operation in operations(document):
            for code in set(declared(operation)) - OF_THE_SERVER:
                ask = PROVOKED.get(code, asked_of)
                at = clients.get(f"{code} {path}", clients.get(code, client))
                if code in headers:
                    answer = clients["guarded"].get(ask(path), headers=headers[code], auth=None)
                else:
                    answer = at.get(ask(path))
                assert problem(answer)["code"] == code, (path, code)
                assert str(answer.status_code) in operation["responses"], (path, code)
                assert code in operation["responses"][str(answer.status_code)]["description"]
                met.add(code)
    kinds = {kind.code for kind in kinds_of_problems()}
    assert kinds - met == {"unknown-route", "method-not-allowed", *OF_THE_SERVER}, "these belong to no route"
