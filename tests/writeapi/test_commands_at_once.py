"""Many clients at the same moment: a key has one effect, and of those who expect one version one wins."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest

from support.reading import problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

CLIENTS = 32


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def at_once(api: Writing, path: str, bodies: list[dict[str, str]], **headers: str) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: api.post(path, body, **headers), bodies))


def test_one_key_from_many_clients_has_one_effect_and_one_answer(api: Writing) -> None:
    body = {"kind": "call", "name": "Spring"}
    answers = at_once(api, "/campaigns", [body] * CLIENTS, Idempotency_Key="k-1")
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["stream_id"] for answer in answers}) == 1
    assert [answer.json().get("repeated", False) for answer in answers].count(False) == 1
    assert api.ledger.head() == answers[0].json()["position"]
    assert len(api.ledger.read_stream("default", UUID(answers[0].json()["stream_id"]))) == 1


def test_one_key_for_other_bodies_has_one_effect_and_all_others_are_told(api: Writing) -> None:
    bodies = [{"kind": "call", "name": f"Spring {number}"} for number in range(CLIENTS)]
    answers = at_once(api, "/campaigns", bodies, Idempotency_Key="k-1")
    assert [answer.status_code for answer in answers].count(201) == 1
    refused = [problem(answer) for answer in answers if answer.status_code != 201]
    assert {document["code"] for document in refused} == {"idempotency-key-reused"}


def test_of_many_clients_that_expect_one_version_one_wins_and_the_others_hear_the_new_one(api: Writing) -> None:
    campaign = api.done("/campaigns", {"kind": "call", "name": "Spring"})["stream_id"]
    names = [{"name": f"Summer {number}"} for number in range(CLIENTS)]
    answers = at_once(api, f"/campaigns/{campaign}/rename", names, If_Match='"1"')
    assert [answer.status_code for answer in answers].count(200) == 1
    refused = [problem(answer) for answer in answers if answer.status_code != 200]
    assert {(document["code"], document["allowed"]) for document in refused} == {("stale-version", "2")}
