"""The catalogue of metrics, its page, and the page for people."""

import re
from pathlib import Path

import httpx
import pytest

from drumbeat.readapi.metrics import METRICS, table
from support.reading import get, kinds_of_problems, metrics_in
from support.story import SPRING

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_metrics_is_the_catalogue() -> None:
    assert table() in (DOCS / "metrics.md").read_text()


def test_a_problem_keeps_its_code_and_status_for_ever() -> None:
    assert {kind.code: kind.status for kind in kinds_of_problems()} == {
        "invalid-parameter": 400,
        "malformed-cursor": 400,
        "malformed-position": 400,
        "malformed-request": 400,
        "page-too-large": 400,
        "position-before-the-campaign": 400,
        "position-in-the-future": 400,
        "request-cut-off": 400,
        "stretch-too-long": 400,
        "unknown-parameter": 400,
        "malformed-as-of": 400,
        "as-of-in-the-future": 400,
        "as-of-before-first-event": 400,
        "as-of-too-large": 400,
        "invalid-header": 400,
        "no-key": 401,
        "unknown-key": 401,
        "expired-key": 401,
        "revoked-key": 401,
        "missing-scope": 403,
        "unknown-campaign": 404,
        "unknown-contact": 404,
        "unknown-event": 404,
        "unknown-route": 404,
        "method-not-allowed": 405,
        "request-too-slow": 408,
        "campaign-deleted": 410,
        "too-many-requests": 429,
        "headers-too-large": 431,
        "internal-error": 500,
        "database-away": 503,
        "not-ready": 503,
        "not-signed-yet": 503,
        "too-many-comparisons": 503,
        "as-of-busy": 503,
        "too-many-connections": 503,
        "too-many-waiters": 503,
        "position-not-reached": 504,
    }


@pytest.mark.postgres
def test_every_number_is_defined_and_every_definition_is_used(client: httpx.Client) -> None:
    items = get(client, "/metrics/definitions")["items"]
    assert [item["id"] for item in items] == list(METRICS)
    assert all(item[name] for item in items for name in ("version", "unit", "formula", "null_rule", "zone_rule"))
    used: dict[str, str] = {}
    for question in ("dashboard", "heatmap", "senders"):
        used |= metrics_in(get(client, f"/campaigns/{SPRING}/{question}"))
    assert used == {item["id"]: item["unit"] for item in items}


@pytest.mark.postgres
def test_the_definitions_are_not_sent_twice(client: httpx.Client) -> None:
    tag = client.get("/metrics/definitions").headers["etag"]
    assert client.get("/metrics/definitions", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.postgres
def test_the_page_for_people_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"""(?:src|href)=["'](?!/|data:)""", answer.text)
    assert "innerHTML" not in answer.text, "what people typed is shown as text"
