"""Bodies at the edges of JSON and UTF-8: each is answered with a problem that is declared, and has no effect."""

from collections.abc import Iterator

import httpx
import pytest

from support.reading import problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres
DRAFT = b'{"kind": "voice_agent", "name": "Spring", "settings": %s}'
NAMED = b'{"kind": "voice_agent", "name": %s}'


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def sent(api: Writing, body: bytes, **headers: str) -> httpx.Response:
    told = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return api.client.post("/campaigns", content=body, headers=told)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (DRAFT % b'{"max_retries": 1e999}', {"out-of-range", "invalid-body"}),
        (DRAFT % b'{"max_retries": -1e999}', {"out-of-range", "invalid-body"}),
        (DRAFT % b'{"max_retries": 1e308}', {"out-of-range"}),
        (DRAFT % (b'{"max_retries": 1' + b"0" * 4_000 + b"}"), {"out-of-range", "invalid-body"}),
        (DRAFT % (b'{"max_retries": 1' + b"0" * 5_000 + b"}"), {"invalid-body"}),
        (DRAFT % b'{"max_retries": 9223372036854775808}', {"out-of-range"}),
        (DRAFT % b'{"max_retries": Infinity}', {"invalid-body"}),
        (DRAFT % b'{"max_retries": -NaN}', {"invalid-body"}),
        (DRAFT % b'{"max_retries": true}', {"out-of-range"}),
        (DRAFT % b'{"max_retries": [2]}', {"out-of-range"}),
        (DRAFT % b'{"max_retries": {"a": {"b": null}}}', {"out-of-range"}),
        (DRAFT % b'{"agent": "\\u0000"}', {"out-of-range"}),
        (DRAFT % b'{"\\u0000": 1}', {"out-of-range", "invalid-settings"}),
        (DRAFT % b'{"agent": "\\ud800"}', {"out-of-range", "invalid-body"}),
        (DRAFT % (b'{"agent": ' + b"[" * 500 + b"]" * 500 + b"}"), {"out-of-range", "invalid-body"}),
        (NAMED % b'"a\\u0000b"', {"out-of-range"}),
        (NAMED % b'"\\ud800"', {"out-of-range", "invalid-body"}),
        (NAMED % b'"\\udc00\\ud800"', {"out-of-range", "invalid-body"}),
        (NAMED % b'"\xed\xa0\x80"', {"invalid-body"}),
        (NAMED % b'"\xc0\xaf"', {"invalid-body"}),
        (NAMED % b'"\xff\xfe"', {"invalid-body"}),
        (NAMED % b'"tab\there"', {"invalid-body"}),
        (NAMED % b'"Spring"' + b"x", {"invalid-body"}),
        (NAMED % b'"Spring", "settings": {"agent": "a", "agent": "b"}', {"invalid-body"}),
        (b"\xef\xbb\xbf" + NAMED % b'"Spring"', {"invalid-body"}),
        ('{"kind": "call", "name": "Spring"}'.encode("utf-16"), {"invalid-body"}),
        (b"", {"invalid-body"}),
        (b"null", {"invalid-body"}),
        (b'"' + b"x" * 100_000 + b'"', {"invalid-body"}),
        (b'{"a":' * 100_000, {"invalid-body"}),
        (b"[" * 900 + b"]" * 900, {"invalid-body"}),
    ],
)
def test_what_no_command_can_be_made_of_is_a_problem_and_has_no_effect(
    api: Writing, body: bytes, codes: set[str]
) -> None:
    answer = sent(api, body)
    assert problem(answer)["code"] in codes, answer.text
    assert len(answer.content) < 2_000
    assert api.ledger.head() == 0


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_another_type_of_content_is_415(api: Writing, kind: str) -> None:
    document = problem(sent(api, NAMED % b'"Spring"', Content_Type=kind))
    assert (document["status"], document["code"], document["field"]) == (415, "not-json", "Content-Type")


def test_the_type_of_content_may_have_parameters_and_any_case(api: Writing) -> None:
    assert sent(api, NAMED % b'"Spring"', Content_Type="Application/JSON; charset=utf-8").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_too_short_or_too_long_is_refused(api: Writing, key: str) -> None:
    document = problem(sent(api, NAMED % b'"Spring"', Idempotency_Key=key))
    assert document["status"] == 400
    assert document["field"].lower() == "idempotency-key"
    assert api.ledger.head() == 0
