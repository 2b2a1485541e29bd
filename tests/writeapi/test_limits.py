"""What is too large is refused by a name of its own, whoever asks; what is told of people is not repeated."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.campaign import PauseCampaign, RenameCampaign
from drumbeat.commands.dispatch import HANDLERS, Commands
from drumbeat.commands.limits import Limits
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.writeapi.bodies import body_type
from support.commanded import ASKS
from support.given import NOW
from support.reading import problem
from support.whole import ADA, OneKey
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres
LIMITS = Limits(name_characters=10, note_characters=20, batch_rows=2)
MADE_OR_MANY = {
    "copy_contacts",
    "define_schedule",
    "draft_campaign",
    "duplicate_campaign",
    "enrol_contact",
    "enrol_contacts",
    "erase_person",
    "register_sender",
}
"""Commands that make their stream, or are over many: they expect no version."""


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url, limits=LIMITS) as made:
        yield made


def drafted(api: Writing, kind: str = "call") -> str:
    return str(api.done("/campaigns", {"kind": kind, "name": "Spring"})["stream_id"])


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/campaigns", {"kind": "call", "name": "x" * 11}, "name"),
        ("POST", "/campaigns/{campaign}/rename", {"name": "x" * 11}, "name"),
        ("POST", "/campaigns/{campaign}/duplicate", {"name": "x" * 11}, "name"),
        ("POST", "/campaigns/{campaign}/goals", {"name": "x" * 11}, "name"),
        ("POST", "/campaigns/{campaign}/analyses", {"text": {"name": "x" * 11, "question": "open"}}, "name"),
        ("POST", "/senders", {"channel": "phone", "friendly_name": "x" * 11, "address": "+3"}, "friendly_name"),
    ],
)  # fmt: skip
def test_a_name_that_is_too_long_is_refused_and_not_repeated(
    api: Writing, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(path.format(campaign=drafted(api)), body, method=method)
    document = problem(answer)
    assert (document["status"], document["code"], document["field"]) == (422, "name-too-long", field)
    assert (document["value"], document["allowed"]) == (11, "at most 10 characters")
    assert "xxx" not in answer.text


def test_a_note_that_is_too_long_is_refused(api: Writing) -> None:
    campaign = drafted(api)
    for path, body, field in (
        ("pause", {"note": "x" * 21}, "note"),
        ("cancel", {"reason": "x" * 21}, "reason"),
        ("goals", {"name": "Goal", "description": "x" * 21}, "description"),
    ):
        document = problem(api.post(f"/campaigns/{campaign}/{path}", body))
        assert (document["code"], document["field"]) == ("note-too-long", field)
    document = problem(api.post(f"/campaigns/{campaign}/rename?dry_run=true", {"name": "x" * 11}))
    assert document["code"] == "name-too-long"


def test_a_batch_that_is_too_large_is_refused_whole(api: Writing) -> None:
    campaign = drafted(api)
    before = api.ledger.head()
    rows = [{"reference": f"p-{number}"} for number in range(3)]
    document = problem(api.post(f"/campaigns/{campaign}/contacts/batch", {"rows": rows}))
    assert (document["status"], document["code"], document["field"]) == (413, "batch-too-large", "rows")
    assert (document["value"], document["allowed"]) == (3, "at most 2 rows")
    assert api.ledger.head() == before
    api.done(f"/campaigns/{campaign}/contacts/batch", {"rows": rows[:2]})


def test_the_limits_hold_for_whoever_gives_a_command(database_url: str) -> None:
    ledger = EventStoreLedger(database_url)
    commands = Commands(ledger, OneKey(), LIMITS)
    for command, code in (
        (RenameCampaign(campaign_id=uuid4(), name="x" * 11), RefusalCode.NAME_TOO_LONG),
        (PauseCampaign(campaign_id=uuid4(), note="x" * 21), RefusalCode.NOTE_TOO_LONG),
    ):
        with pytest.raises(Refused) as refused:
            commands.execute(command, ADA, now=NOW)
        assert refused.value.code is code
    ledger.close()


def test_an_event_that_would_be_too_large_is_refused(database_url: str) -> None:
    with writing(database_url, largest_event_bytes=2_000) as api:
        document = problem(
            api.post("/campaigns", {"kind": "call", "name": "x", "settings": {"notes": "x" * 2_000}})
        )
        assert (document["status"], document["code"]) == (413, "event-too-large")
        assert document["allowed"] == "at most 2,000 bytes"
        assert api.ledger.head() == 0


def test_an_answer_says_how_long_its_key_is_kept(database_url: str) -> None:
    with writing(database_url, key_kept_for=timedelta(hours=36)) as api:
        body = {"kind": "call", "name": "Spring"}
        for _ in range(2):
            assert (
                api.post("/campaigns", body, Idempotency_Key="k").headers["drumbeat-key-kept-seconds"] == "129600"
            )
        assert "drumbeat-key-kept-seconds" not in api.post("/campaigns", body).headers
        campaign, other = drafted(api), drafted(api)
        for path, many in (
            ("/campaigns/bulk", {"command": "archive", "campaign_ids": [other]}),
            (f"/campaigns/{campaign}/contacts/from-campaign", {"source_campaign_id": other, "filters": {}}),
        ):
            api.project()
            answer = api.post(path, many, Idempotency_Key=path)
            assert (answer.status_code, answer.headers["drumbeat-key-kept-seconds"]) == (200, "129600"), (
                answer.text
            )
        file = {"Content-Type": "text/csv", "Idempotency-Key": "file"}
        sent = api.client.post(f"/campaigns/{campaign}/imports", content=b"reference\np-1\n", headers=file)
        assert (sent.status_code, sent.headers["drumbeat-key-kept-seconds"]) == (202, "129600")
        ended = api.post(f"{sent.headers['location']}/cancel", Idempotency_Key="end")
        assert (ended.status_code, ended.headers["drumbeat-key-kept-seconds"]) == (200, "129600")
        assert "kept for 36 hours" in api.client.get("/openapi.json").json()["info"]["description"]


def test_who_is_refused_for_a_key_or_a_version_is_told_how_to_go_on(api: Writing) -> None:
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/rename", {"name": "Summer"}, Idempotency_Key="k")
    document = problem(api.post(f"/campaigns/{campaign}/rename", {"name": "Autumn"}, Idempotency_Key="k"))
    assert (document["field"], document["value"]) == ("Idempotency-Key", "k")
    assert "key of its own" in document["detail"]
    document = problem(api.post(f"/campaigns/{campaign}/rename", {"name": "Autumn"}, If_Match='"1"'))
    assert (document["field"], document["value"], document["allowed"]) == ("If-Match", 1, "2")
    assert "give it again with version 2" in document["detail"]


def test_every_command_over_one_stream_takes_the_version_that_it_expects(api: Writing) -> None:
    operations = [
        operation
        for path, methods in api.client.get("/openapi.json").json()["paths"].items()
        for method, operation in methods.items()
        if method != "get" and path not in ASKS
    ]
    parameters = {
        operation["operationId"]: {one["name"] for one in operation["parameters"]} for operation in operations
    }
    ours = {command.NAME for command in HANDLERS} & parameters.keys()
    assert {name for name in ours if "If-Match" not in parameters[name]} == MADE_OR_MANY & ours
    assert all("Idempotency-Key" in names for names in parameters.values())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/campaigns/{campaign}/contacts/batch", {"rows": [{"reference": "p", "phone": 351910000001}]}),
        ("POST", "/campaigns/{campaign}/contacts/batch", {"rows": "351910000001"}),
        ("POST", "/campaigns/{campaign}/contacts/batch", {"rows": [], "telephone": "351910000001"}),
        ("PUT", "/campaigns/{campaign}/contacts/{campaign}/profile", {"phone": 351910000001}),
        ("PUT", "/campaigns/{campaign}/contacts/{campaign}/profile", {"profile": {"mobile": 351910000001}}),
        ("POST", "/suppressions", {"channel": "phone", "address": 351910000001, "reason": "asked"}),
        ("POST", "/suppressions", {"channel": "phone", "address": "351910000001"}),
        ("POST", "/suppressions", {"channel": "email", "address": "351910000001", "reason": "asked"}),
        (
            "POST",
            "/campaigns/{campaign}/contacts/{campaign}/calls/1/end",
            {"outcome": "busy", "summary": 351910000001},
        ),
    ],
)
def test_no_error_repeats_what_is_told_of_a_person(
    api: Writing, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = api.post(path.format(campaign=drafted(api)), body, method=method)
    assert problem(answer)["code"] in {"invalid-body", "out-of-range"}
    assert "351910000001" not in answer.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"rows": [' + b"1," * 3_000_000 + b"1]}", "batch-too-large"),
        (b'{"rows": [' + b"1," * 9_000 + b"1]}", "invalid-body"),
        (b'{"rows": [{"reference": "p", "tags": [' + b"1," * 3_000_000 + b"1]}]}", "invalid-body"),
        (b"{" + b",".join(b'"%d": 1' % number for number in range(500_000)) + b"}", "invalid-body"),
        (b'{"rows": [' + b'{"reference": "p"},' * 300_000 + b"1]}", "batch-too-large"),
    ],
    ids=["rows", "bad rows", "bad tags", "names", "good rows"],
)
def test_a_body_of_millions_of_wrong_values_costs_no_more_than_reading_it(
    api: Writing, body: bytes, code: str
) -> None:
    campaign = drafted(api)
    began = time.monotonic()
    answer = api.client.post(
        f"/campaigns/{campaign}/contacts/batch", content=body, headers={"Content-Type": "application/json"}
    )
    assert problem(answer)["code"] == code
    assert time.monotonic() - began < 8


def test_no_body_collects_an_error_for_every_member_of_a_list() -> None:
    bodies = [body_type(command, set()) for command in HANDLERS]
    schemas = [body.__pydantic_core_schema__ for body in bodies if body is not None]
    found = [schema for one in schemas for schema in lists_in(one)]
    assert len(found) > 5
    assert [schema for schema in found if not schema.get("fail_fast")] == []


def lists_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Every list of a core schema of pydantic."""
    if isinstance(schema, dict):
        if schema.get("type") in {"list", "set", "frozenset"} or "variadic_item_index" in schema:
            yield schema
        inner: Any = schema.values()
    else:
        inner = schema if isinstance(schema, list | tuple) else ()
    for one in inner:
        yield from lists_in(one)


def test_an_id_at_fault_is_named_with_its_value(api: Writing) -> None:
    sender = {"sender_id": str(uuid4()), "channel": "phone", "friendly_name": "Main", "address": "+351210000000"}
    api.done("/senders", sender)
    document = problem(api.post("/senders", {**sender, "friendly_name": "Other"}))
    assert (document["code"], document["field"], document["value"]) == (
        "wrong-state",
        "sender_id",
        sender["sender_id"],
    )
    missing = str(uuid4())
    document = problem(api.post(f"/senders/{missing}/rename", {"friendly_name": "Other"}))
    assert (document["code"], document["field"], document["value"]) == ("unknown-stream", "sender_id", missing)
