"""What is asked wrongly is answered with a problem that says what is wrong; tokens and entity tags on the rest."""

from typing import NoReturn
from uuid import UUID, uuid4

import httpx
import pytest
import structlog

from drumbeat.access import person
from drumbeat.readapi import cursors
from drumbeat.web.authenticating import OwnProcess
from support.postgres import TestServer
from support.reading import Reading, get, problem
from support.story import NOW, SPRING

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    ("path", "field", "value", "allowed"),
    [
        ("/campaigns?limit=0", "limit", "0", "≥ 1"),
        ("/campaigns?limit=x", "limit", "x", None),
        ("/campaigns?status=launched", "status", "launched", "'draft', 'scheduled'"),
        ("/campaigns?status_label=Busy", "status_label", "Busy", "'ACTIVE'"),
        ("/campaigns?sort=colour", "sort", "colour", "'name', 'status' or 'date'"),
        ("/campaigns?count=perhaps", "count", "perhaps", None),
        ("/campaigns?search=", "search", "", None),
        ("/campaigns/no-uuid", "campaign_id", "no-uuid", None),
        (f"/campaigns/{SPRING}/contacts?priority=urgent", "priority", "urgent", "'high', 'normal' or 'low'"),
        (f"/campaigns/{SPRING}/contacts?sort=phone", "sort", "phone", "'id'"),
        (f"/campaigns/{SPRING}/attempts?weekday=8", "weekday", "8", "'unknown'"),
        (f"/campaigns/{SPRING}/attempts?hour=24", "hour", "24", "'23'"),
        (f"/campaigns/{SPRING}/activity?action=danced", "action", "danced", "'call_ended'"),
        ("/campaigns?at_least=soon", "at_least", "soon", "POSITION"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(
    client: httpx.Client, path: str, field: str, value: str, allowed: str | None
) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    document = problem(answer)
    assert (document["code"], document["field"], document["value"]) == ("invalid-parameter", field, value)
    assert document["allowed"]
    assert allowed is None or allowed in document["allowed"]


def test_a_page_has_at_most_as_many_rows_as_the_settings_allow(story: Reading) -> None:
    with story.client(page_rows=2) as client:
        document = problem(client.get("/campaigns?limit=3"))
        assert (document["status"], document["code"], document["field"]) == (400, "page-too-large", "limit")
        assert (document["value"], document["allowed"]) == (3, "1 to 2")
        assert len(get(client, "/campaigns")["items"]) == len(get(client, "/campaigns?limit=2")["items"]) == 2
        parameters = get(client, "/openapi.json")["paths"]["/campaigns"]["get"]["parameters"]
        (schema,) = [one["schema"] for one in parameters if one["name"] == "limit"]
        assert (schema["maximum"], schema["default"]) == (2, 2)


@pytest.mark.parametrize(
    "path",
    [
        "/campaigns",
        f"/campaigns/{SPRING}/dashboard",
        f"/campaigns/{SPRING}/contacts",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/metrics/definitions",
    ],
)
@pytest.mark.parametrize("name", ["colour", "as-of", "Limit"])
def test_a_parameter_that_a_route_does_not_have_is_refused(client: httpx.Client, path: str, name: str) -> None:
    document = problem(client.get(f"{path}?{name}=1"))
    assert (document["status"], document["code"], document["field"]) == (400, "unknown-parameter", name)
    assert name not in document.get("allowed", [])


def test_a_parameter_that_is_given_once_cannot_be_given_twice(client: httpx.Client) -> None:
    document = problem(client.get("/campaigns?sort=name&sort=date"))
    assert (document["code"], document["value"]) == ("invalid-parameter", ["name", "date"])


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", cursors.encode("another", ("a", UUID(int=1)))])
def test_a_cursor_of_nowhere_is_refused(client: httpx.Client, cursor: str) -> None:
    document = problem(client.get("/campaigns", params={"cursor": cursor}))
    assert (document["status"], document["code"], document["field"]) == (400, "malformed-cursor", "cursor")


def test_a_cursor_belongs_to_its_filters_and_sort(client: httpx.Client) -> None:
    cursor = get(client, "/campaigns?limit=2&sort=name")["next_cursor"]
    for query in ("sort=date", "sort=name&kind=call", "sort=name&order=asc"):
        assert problem(client.get(f"/campaigns?{query}&cursor={cursor}"))["code"] == "malformed-cursor"
    assert get(client, f"/campaigns?sort=name&limit=500&count=true&cursor={cursor}")["items"]


def test_an_unknown_campaign_is_not_found_on_every_route(client: httpx.Client) -> None:
    campaign_id = uuid4()
    for question in ("", "/dashboard", "/heatmap", "/contacts", "/attempts", "/senders", "/activity", "/history"):
        document = problem(client.get(f"/campaigns/{campaign_id}{question}"))
        assert (document["status"], document["code"]) == (404, "unknown-campaign")
        assert document["value"] == str(campaign_id)


def test_an_unknown_path_and_another_method_are_problems_too(client: httpx.Client) -> None:
    assert problem(client.get("/nowhere"))["code"] == "unknown-route"
    answer = client.post("/campaigns", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert problem(answer)["code"] == "method-not-allowed"


def test_every_answer_carries_its_position_and_instant(client: httpx.Client, story: Reading) -> None:
    answer = client.get(f"/campaigns/{SPRING}/dashboard")
    body = answer.json()
    position = len(story.log.rows)
    assert body["as_of"] == answer.headers["drumbeat-as-of"] == f"{position}@2026-03-05T11:00:00.000000Z"
    assert body["freshness"]["position"] == position
    assert body["freshness"]["recorded_at"] is not None


def test_an_answer_that_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    for path in (f"/campaigns/{SPRING}/dashboard", "/campaigns", f"/campaigns/{SPRING}/attempts?hour=9"):
        first = client.get(path)
        tag = first.headers["etag"]
        again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["drumbeat-as-of"] == first.headers["drumbeat-as-of"]
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    other = client.get(f"/campaigns/{SPRING}/attempts?hour=10", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_a_correlation_id_is_taken_over_or_made(client: httpx.Client) -> None:
    mine = str(uuid4())
    assert client.get("/health/live", headers={"Correlation-Id": mine}).headers["correlation-id"] == mine
    made = client.get("/health/live", headers={"Correlation-Id": "not a uuid"}).headers["correlation-id"]
    assert str(UUID(made)) == made
    assert made != client.get("/health/live").headers["correlation-id"]


def test_a_mistake_of_ours_is_answered_and_its_details_stay_in_the_log(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        reading.applied()

        def broken() -> NoReturn:
            raise RuntimeError("secret detail")

        with reading.client(OwnProcess(broken)) as client, structlog.testing.capture_logs() as logs:
            answer = client.get("/campaigns")
            assert answer.status_code == 500
            assert problem(answer)["code"] == "internal-error"
            assert "secret detail" not in answer.text
        assert [record["event"] for record in logs] == ["request_broke", "request"]


def test_a_database_without_read_models_is_not_ready(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url.replace("/test_", "/no_such_"))
        with (
            reading.client(OwnProcess(person), wait_for_connection_seconds=0.2) as made,
            httpx.Client(base_url=made.base_url) as client,
        ):
            answer = client.get("/campaigns")
            assert (answer.status_code, problem(answer)["code"]) == (503, "database-away")
            assert int(answer.headers["retry-after"]) >= 1
            assert problem(client.get("/health/ready"))["code"] == "not-ready"
            assert get(client, "/health/live") == {"status": "live"}


def test_prometheus_can_read_the_metrics(client: httpx.Client) -> None:
    get(client, f"/campaigns/{SPRING}/dashboard")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    wanted = 'drumbeat_request_seconds_count{method="GET",route="/campaigns/{campaign_id}/dashboard",status="200"}'
    assert wanted in answer.text


def test_the_log_names_the_request_and_its_correlation_id(client: httpx.Client) -> None:
    mine = str(uuid4())
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        client.get("/campaigns?limit=1", headers={"Correlation-Id": mine})
    (record,) = [one for one in logs if one["event"] == "request"]
    assert (record["correlation_id"], record["route"], record["status"]) == (mine, "/campaigns", 200)
