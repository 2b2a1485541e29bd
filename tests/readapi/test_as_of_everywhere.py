"""A moment that is none, not over, or before all is a problem of its own on every route about a campaign."""

from typing import Any

import httpx
import pytest

from support.reading import Reading, problem
from support.story import ANN, SPRING

pytestmark = pytest.mark.postgres

MOMENT = "POSITION@INSTANT, POSITION, or an instant of RFC 3339 like 2026-03-02T09:00:00Z"
BAD = [
    ("soon", "malformed-as-of", MOMENT),
    ("", "malformed-as-of", MOMENT),
    ("-1", "malformed-as-of", MOMENT),
    ("1" * 19, "malformed-as-of", MOMENT),
    ("1@", "malformed-as-of", MOMENT),
    ("1@now", "malformed-as-of", MOMENT),
    ("@2026-01-01T00:00:00Z", "malformed-as-of", MOMENT),
    ("2026-13-02T09:00:00Z", "malformed-as-of", MOMENT),
    ("0001-01-01T00:00:00+14:00", "malformed-as-of", MOMENT),
    ("1; DROP TABLE x", "malformed-as-of", MOMENT),
    ("2026-03-02T09:00:00", "malformed-as-of", MOMENT),
    ("٣", "malformed-as-of", MOMENT),
    ("999999", "as-of-in-the-future", "a position up to {head}"),
    ("999999@2026-03-02T09:00:00Z", "as-of-in-the-future", "a position up to {head}"),
    ("1@2999-01-01T00:00:00Z", "as-of-in-the-future", "an instant up to now, "),
    ("2999-01-01T00:00:00Z", "as-of-in-the-future", "an instant up to now, "),
    ("0", "as-of-before-first-event", "a moment from the first event on"),
    ("0@2026-03-02T09:00:00Z", "as-of-before-first-event", "a moment from the first event on"),
    ("2000-01-01T00:00:00Z", "as-of-before-first-event", "a moment from the first event on"),
]


@pytest.fixture(scope="module")
def reads(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """What is said of each GET about one campaign, by its path."""
    paths = client.get("/openapi.json").json()["paths"]
    about = {path: told["get"] for path, told in paths.items() if "get" in told and "{campaign_id}" in path}
    assert len(about) > 10
    return about


def asked_at(client: httpx.Client, story: Reading, path: str, moment: str) -> httpx.Response:
    """A read as of a moment; what compares two positions begins where the campaign does."""
    drafted = next(row.position for row in story.log.rows if row.type == "campaign.drafted.v1")
    since = {"from": str(drafted)} if "/history/diff" in path else {}
    return client.get(path.format(campaign_id=SPRING, contact_id=ANN), params={"as_of": moment, **since})


def test_every_read_of_a_campaign_takes_a_moment(reads: dict[str, dict[str, Any]]) -> None:
    for path, told in reads.items():
        assert ("as_of", "query") in {(one["name"], one["in"]) for one in told["parameters"]}, path


@pytest.mark.parametrize(("asked", "code", "allowed"), BAD)
def test_on_every_route_it_names_field_value_and_what_is_allowed(
    client: httpx.Client, story: Reading, reads: dict[str, dict[str, Any]], asked: str, code: str, allowed: str
) -> None:
    head = client.get(f"/campaigns/{SPRING}").json()["as_of"].partition("@")[0]
    for path in reads:
        document = problem(asked_at(client, story, path, asked))
        assert (document["status"], document["code"]) == (400, code), path
        assert (document["field"], document["value"]) == ("as_of", asked), path
        assert document["allowed"].startswith(allowed.format(head=head)), path


def test_on_every_route_a_moment_that_is_over_is_answered(
    client: httpx.Client, story: Reading, reads: dict[str, dict[str, Any]]
) -> None:
    moment = client.get(f"/campaigns/{SPRING}").json()["as_of"]
    for path in reads:
        answer = asked_at(client, story, path, moment)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["drumbeat-as-of"] == moment, path
