"""One command for many campaigns: each is judged by itself, answered by itself, and done once under a key."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from drumbeat.writeapi.bulk import COMMANDS, MOST_CAMPAIGNS
from support.reading import get, problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def drafted(api: Writing, count: int) -> list[str]:
    return [
        str(api.done("/campaigns", {"kind": "call", "name": f"Spring {number}"})["stream_id"])
        for number in range(count)
    ]


def bulk(api: Writing, command: str, ids: list[str], path: str = "/campaigns/bulk", **more: Any) -> dict[str, Any]:
    headers = {name: more.pop(name) for name in tuple(more) if name == "Idempotency_Key"}
    body = {"command": command, "campaign_ids": ids, **more}
    return api.done(path, body, **headers)


def test_each_campaign_is_done_or_refused_by_itself_in_the_order_of_the_request(api: Writing) -> None:
    first, second = drafted(api, 2)
    api.done(f"/campaigns/{second}", method="DELETE")
    nobody = str(uuid4())
    answer = bulk(api, "archive", [first, nobody, second])
    assert (answer["done"], answer["refused"]) == (1, 2)
    done, unknown, deleted = answer["results"]
    assert (done["campaign_id"], done["version"], done["events"]) == (first, 2, 1)
    assert answer["position"] == done["position"] == api.ledger.head()
    assert (unknown["campaign_id"], unknown["problem"]["code"], unknown["problem"]["status"]) == (
        nobody, "unknown-stream", 404,
    )  # fmt: skip
    assert deleted["problem"]["code"] == "deleted"
    api.project()
    assert get(api.client, f"/campaigns/{first}", at_least=str(answer["position"]))["status"] == "archived"


def test_the_position_is_null_when_every_campaign_was_refused(api: Writing) -> None:
    answer = bulk(api, "launch", drafted(api, 2))
    assert (answer["done"], answer["refused"], answer["position"]) == (0, 2, None)
    assert {result["problem"]["code"] for result in answer["results"]} == {"no-audience"}


def test_the_same_key_repeats_what_was_done_and_tries_again_what_was_refused(api: Writing) -> None:
    ids = drafted(api, 2)
    api.done(f"/campaigns/{ids[0]}/contacts", {"reference": "p-1"})
    number = {"channel": "phone", "friendly_name": "Main", "address": "+351210000000"}
    sender = api.done("/senders", number)["stream_id"]
    for campaign in ids:
        api.done(f"/campaigns/{campaign}/senders/{sender}", {}, method="PUT")
    first = bulk(api, "launch", ids, Idempotency_Key="k-1")
    assert [result.get("problem", {}).get("code") for result in first["results"]] == [None, "no-audience"]
    api.done(f"/campaigns/{ids[1]}/contacts", {"reference": "p-1"})
    again = bulk(api, "launch", ids, Idempotency_Key="k-1")
    assert [result.get("repeated", False) for result in again["results"]] == [True, False]
    assert again["results"][0]["version"] == first["results"][0]["version"]
    assert again["done"] == 2


def test_a_key_belongs_to_one_request_even_when_the_campaigns_are_others(api: Writing) -> None:
    first, second = drafted(api, 2)
    bulk(api, "archive", [first], Idempotency_Key="k-1")
    body = {"command": "archive", "campaign_ids": [second]}
    document = problem(api.post("/campaigns/bulk", body, Idempotency_Key="k-1"))
    assert (document["status"], document["code"]) == (422, "idempotency-key-reused")
    document = problem(api.post(f"/campaigns/{second}/archive", Idempotency_Key="k-1"))
    assert document["code"] == "idempotency-key-reused"


def test_a_dry_run_answers_for_each_and_writes_nothing(api: Writing) -> None:
    ids = drafted(api, 2)
    before = api.ledger.head()
    answer = bulk(api, "archive", ids, "/campaigns/bulk?dry_run=true", Idempotency_Key="k-1")
    assert (answer["dry_run"], answer["done"]) == (True, 2)
    assert [result["events"] for result in answer["results"]] == [1, 1]
    assert api.ledger.head() == before
    assert "repeated" not in bulk(api, "archive", ids, Idempotency_Key="k-1")["results"][0]


def test_campaigns_of_another_workspace_are_not_there(api: Writing) -> None:
    ids = drafted(api, 1)
    before = api.ledger.head()
    api.workspace_id = "other"
    answer = bulk(api, "archive", ids)
    assert answer["results"][0]["problem"]["code"] == "unknown-stream"
    assert api.ledger.head() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"command": "fly", "campaign_ids": [str(uuid4())]}, "command"),
        ({"command": "pause", "campaign_ids": []}, "campaign_ids"),
        ({"command": "pause", "campaign_ids": [str(uuid4())] * 2}, "campaign_ids"),
        ({"command": "pause", "campaign_ids": [str(uuid4()) for _ in range(MOST_CAMPAIGNS + 1)]}, "campaign_ids"),
        ({"command": "cancel", "campaign_ids": [str(uuid4())]}, "arguments.reason"),
        ({"command": "pause", "campaign_ids": [str(uuid4())], "arguments": {"colour": 1}}, "arguments.colour"),
        (
            {"command": "pause", "campaign_ids": [str(uuid4())], "arguments": {"expected_version": 1}},
            "arguments.expected_version",
        ),
        ({"command": "pause", "campaign_ids": [str(uuid4())], "colour": 1}, "colour"),
    ],
)
def test_a_body_at_fault_is_400_and_nothing_is_commanded(api: Writing, body: Any, field: str) -> None:
    document = problem(api.post("/campaigns/bulk", body))
    assert (document["status"], document["code"], document["field"]) == (400, "invalid-body", field)


def test_every_command_in_bulk_is_the_one_of_its_own_path(api: Writing) -> None:
    paths = api.client.get("/openapi.json").json()["paths"]
    for verb, command in COMMANDS.items():
        method, path = (
            ("delete", "/campaigns/{campaign_id}")
            if verb == "delete"
            else ("post", f"/campaigns/{{campaign_id}}/{verb}")
        )
        assert paths[path][method]["operationId"].startswith(command.NAME)
