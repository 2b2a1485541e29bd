"""Whatever is asked, the answer is right or says what is wrong with the question: never a mistake of ours."""

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.readapi import cursors
from support.reading import problem
from support.story import ANN, NUMBER, SPRING, TERM_DEPOSIT

pytestmark = pytest.mark.postgres

VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "\x00",
            "%",
            "_",
            "'",
            "a\x00b",
            "-1",
            "0",
            "1",
            "501",
            "99999999999999999999",
            "NaN",
            "1e400",
            "true",
        ]
    ),
    st.sampled_from(["null", "running", "name", "desc", "unknown", "achieved", "0001-01-01T00:00:00Z"]),
    st.sampled_from(["9999-12-31T23:59:59-14:00", "2026-03-03T00:00:00%2B00:00", str(SPRING), str(TERM_DEPOSIT)]),
    st.sampled_from([str(NUMBER), "📞", "\ud7ff", "{}", "[]", "1@2026-01-01T00:00:00Z"]),
)


def crafted(asked: str, keys: list[Any]) -> str:
    """A cursor of this question with keys of somebody's invention."""
    return base64.urlsafe_b64encode(json.dumps([asked, *keys]).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def parameters(client: httpx.Client) -> dict[str, list[str]]:
    paths = client.get("/openapi.json").json()["paths"]
    return {
        path: [one["name"] for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
        for path, methods in paths.items()
    }


@settings(max_examples=250)
@given(data=st.data())
def test_no_value_of_any_parameter_breaks_a_read(
    client: httpx.Client, parameters: dict[str, list[str]], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(path for path, names in parameters.items() if len(names) > 1)))
    names = st.sampled_from([name for name in parameters[path] if name != "at_least"])
    given = data.draw(st.lists(st.tuples(names, VALUES), min_size=1, max_size=3))
    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in given)
    answer = client.get(f"{path.format(campaign_id=SPRING, contact_id=ANN)}?{query}")
    # As of a moment before there was such a campaign, or such a person in it, there is none.
    expected = {200, 400, 404} if any(name == "as_of" for name, _ in given) else {200, 400}
    assert answer.status_code in expected, (query, answer.text)
    if answer.status_code != 200:
        assert problem(answer)["detail"]


KEYS = st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.none(), st.uuids().map(str), st.booleans())


@settings(max_examples=100)
@given(
    sort=st.sampled_from(["id", "name", "attempts", "goal_score", "last_called", "enrolled"]), key=KEYS, row=KEYS
)
def test_no_invented_cursor_breaks_a_read(client: httpx.Client, sort: str, key: Any, row: Any) -> None:
    path = f"/campaigns/{SPRING}/contacts"
    cursor = crafted(cursors.question(path, [("sort", sort)]), [key, row])
    answer = client.get(path, params={"sort": sort, "cursor": cursor})
    assert answer.status_code in {200, 400}, (cursor, answer.text)
    path = f"/campaigns/{SPRING}/activity"
    cursor = crafted(cursors.question(path, []), [key, row])
    assert client.get(path, params={"cursor": cursor}).status_code in {200, 400}


def test_a_text_that_the_database_cannot_hold_is_refused(client: httpx.Client) -> None:
    assert problem(client.get("/campaigns?search=a%00b"))["code"] == "invalid-parameter"
