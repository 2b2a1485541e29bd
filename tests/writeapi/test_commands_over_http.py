"""Commands over HTTP: from a draft to the first conversation, and what a request can get wrong."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from support.reading import get, problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def drafted(api: Writing, **more: Any) -> str:
    body = {"kind": "voice_agent", "name": "Spring", "settings": {"agent": "Ava"}, **more}
    return str(api.done("/campaigns", body)["stream_id"])


def running(api: Writing) -> tuple[str, str]:
    """A launched campaign with one contact; both ids."""
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/goals", {"name": "Appointment", "role": "primary"})
    number = {"channel": "phone", "friendly_name": "Main", "address": "+351210000000"}
    sender = api.done("/senders", number)["stream_id"]
    api.done(f"/campaigns/{campaign}/senders/{sender}", {}, method="PUT")
    rows = [{"reference": "p-1", "phone": "+351910000001"}]
    enrolled = api.done(f"/campaigns/{campaign}/contacts/batch", {"rows": rows})
    assert [row["result"] for row in enrolled["results"]] == ["accepted"]
    api.done(f"/campaigns/{campaign}/launch")
    api.project()
    (contact,) = get(api.client, f"/campaigns/{campaign}/contacts")["items"]
    return campaign, str(contact["contact_id"])


def test_a_campaign_goes_from_draft_to_a_conversation_on_its_dashboard(api: Writing) -> None:
    campaign, contact = running(api)
    calls = f"/campaigns/{campaign}/contacts/{contact}/calls"
    placed = api.done(calls, {})
    assert placed["results"][0]["attempt"] == 1
    api.done(f"{calls}/1/connect", {"answered_by": "human"})
    ended = api.done(f"{calls}/1/end", {"outcome": "completed", "duration_seconds": 61})
    api.project()
    dashboard = get(api.client, f"/campaigns/{campaign}/dashboard", at_least=str(ended["position"]))
    assert dashboard["conversations"]["value"] == 1
    assert get(api.client, f"/campaigns/{campaign}")["status"] == "running"


def test_the_answer_tells_stream_version_and_position_and_a_made_stream_is_201(api: Writing) -> None:
    answer = api.post("/campaigns", {"kind": "call", "name": "Spring"})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["version"], told["events"]) == (1, 1)
    assert told["position"] == api.ledger.head()
    assert answer.headers["etag"] == '"1"'


def test_if_match_carries_the_expected_version_and_412_names_the_current_one(api: Writing) -> None:
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/rename", {"name": "Summer"}, If_Match='"1"')
    document = problem(api.post(f"/campaigns/{campaign}/rename", {"name": "Autumn"}, If_Match='"1"'))
    assert (document["status"], document["code"], document["allowed"]) == (412, "stale-version", "2")
    document = problem(api.post(f"/campaigns/{campaign}/rename", {"name": "Autumn"}, If_Match="soon"))
    assert (document["status"], document["field"]) == (400, "If-Match")


def test_the_same_key_has_one_effect_and_the_first_answer_again(api: Writing) -> None:
    body = {"kind": "call", "name": "Spring"}
    first = api.post("/campaigns", body, Idempotency_Key="k-1")
    again = api.post("/campaigns", body, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["stream_id"] == first.json()["stream_id"]
    assert again.json()["repeated"] is True
    document = problem(api.post("/campaigns", {**body, "name": "Summer"}, Idempotency_Key="k-1"))
    assert (document["status"], document["code"]) == (422, "idempotency-key-reused")
    assert api.ledger.head() == first.json()["position"]


def test_a_dry_run_answers_and_writes_nothing(api: Writing) -> None:
    campaign = drafted(api)
    before = api.ledger.head()
    answer = api.done(f"/campaigns/{campaign}/rename?dry_run=true", {"name": "Summer"})
    assert (answer["dry_run"], answer["version"], answer["events"]) == (True, 2, 1)
    document = problem(api.post(f"/campaigns/{campaign}/launch?dry_run=true"))
    assert (document["status"], document["code"]) == (409, "no-audience")
    assert api.ledger.head() == before


def test_a_refusal_is_a_problem_with_its_code_and_what_is_at_fault(api: Writing) -> None:
    document = problem(api.post(f"/campaigns/{uuid4()}/pause", {}))
    assert (document["status"], document["code"]) == (404, "unknown-stream")
    campaign = drafted(api)
    changes = {"changes": {"max_retries": 99}}
    document = problem(api.post(f"/campaigns/{campaign}/settings", changes, method="PATCH"))
    assert document["code"] in {"out-of-range", "invalid-settings"}
    assert (document["status"], document["value"]) == (422, 99)
    assert "10" in str(document["allowed"])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"kind": "call"', "no JSON document"),
        (b'{"kind": "call"}', "name: Field required"),
        (b'{"kind": "call", "name": 7}', "name: Input should be a valid string"),
        (b'{"kind": "fax", "name": "x"}', "kind: Input should be"),
        (b'{"kind": "call", "name": "x", "colour": 1}', "colour: Extra inputs"),
        (b'{"kind": "call", "name": "x", "name": "y"}', "stands twice"),
        (b'{"kind": "call", "name": "x", "settings": {"zone": NaN}}', "NaN is no number"),
        (b'{"kind": "call", "name": "\xff"}', "no JSON document"),
        (b"[" * 100_000, "no JSON document"),
        (b"[]", "Input should be"),
        (b"1" * 5_000, "no JSON document"),
    ],
)
def test_a_body_that_is_no_command_is_400_and_says_why(api: Writing, raw: bytes, words: str) -> None:
    answer = api.client.post("/campaigns", content=raw, headers={"Content-Type": "application/json"})
    document = problem(answer)
    assert (document["status"], document["code"]) == (400, "invalid-body")
    assert words in document["detail"]
    assert api.ledger.head() == 0


def test_a_body_of_another_kind_is_415_and_one_that_is_too_large_413(database_url: str) -> None:
    with writing(database_url, body_limit_bytes=100) as api:
        answer = api.client.post("/campaigns", content=b"<x/>", headers={"Content-Type": "application/xml"})
        assert problem(answer)["code"] == "not-json"
        document = problem(api.post("/campaigns", {"kind": "call", "name": "x" * 100}))
        assert (document["status"], document["code"]) == (413, "body-too-large")
        assert document["allowed"] == "≤ 100 bytes"


def test_unknown_parameters_and_paths_are_refused(api: Writing) -> None:
    assert problem(api.post("/campaigns?colour=1", {}))["code"] == "unknown-parameter"
    assert problem(api.post("/campaigns/x/pause", {}))["code"] == "invalid-parameter"
    assert problem(api.post("/nothing", {}))["code"] == "unknown-route"
    assert problem(api.client.put("/campaigns"))["code"] == "method-not-allowed"
