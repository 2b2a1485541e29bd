"""No route answers with another workspace's rows."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from drumbeat.readapi import activity, attempts, campaigns, contacts, history, history_diff, ledger, senders
from drumbeat.readapi.statements import load
from support.reading import Reading, get, pages, problem
from support.story import ANN, FOREIGN, SPRING

pytestmark = pytest.mark.postgres


@contextmanager
def asking_as(story: Reading, workspace_id: str) -> Iterator[None]:
    before, story.workspace_id = story.workspace_id, workspace_id
    try:
        yield
    finally:
        story.workspace_id = before


def routes_about_a_campaign(client: httpx.Client) -> list[str]:
    paths = client.get("/openapi.json").json()["paths"]
    return [path for path in paths if "{campaign_id}" in path]


def test_each_workspace_lists_its_own_campaigns(client: httpx.Client, story: Reading) -> None:
    mine = {row["name"] for row in pages(client, "/campaigns")}
    with asking_as(story, "other"):
        assert [row["name"] for row in pages(client, "/campaigns")] == ["Foreign"]
        assert get(client, "/campaigns?count=true")["count"] == 1
    assert "Foreign" not in mine


def test_no_route_answers_about_another_workspaces_campaign(client: httpx.Client, story: Reading) -> None:
    routes = routes_about_a_campaign(client)
    assert len(routes) == 12
    for route in routes:
        query = "?from=16" if "/history/diff" in route else ""
        mine = route.format(campaign_id=SPRING, contact_id=ANN) + query
        theirs = route.format(campaign_id=FOREIGN, contact_id=ANN) + query
        assert client.get(mine).status_code == 200, mine
        assert problem(client.get(theirs))["code"] == "unknown-campaign"
        with asking_as(story, "other"):
            assert problem(client.get(mine))["code"] == "unknown-campaign"
    with asking_as(story, "other"):
        assert get(client, f"/campaigns/{FOREIGN}/dashboard")["contacts"]["value"] == 1


def test_every_statement_asks_for_the_workspace() -> None:
    files = [campaigns.SQL, contacts.SQL, senders.SQL, activity.SQL, attempts.SQL, history.SQL]
    files.append(history_diff.SQL)
    for queries in [*files, load("dashboard"), load("heatmap")]:
        for name, statement in queries.items():
            whole = statement.replace(b"{matching}", queries.get("matching", b""))
            if b"FROM live." in whole:
                assert b"workspace_id = %(workspace_id)s" in whole or b"workspace_id = $1::text" in whole, name
    assert "stream" in ledger.SQL, "the log is asked for a stream that a read model of the workspace named"
