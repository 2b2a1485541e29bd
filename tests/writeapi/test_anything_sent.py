"""Schemathesis over both APIs: whatever is sent, the answer is one that the document declares, as it declares it.

Requests are made from the document, those that it allows and those that it does not, with ids that exist mixed in.
The same are made in every run.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from client_code.files import document
from support.auditing import grown
from support.commanded import (
    ANN,
    BEN,
    BOOKED,
    CLEO,
    EMAIL,
    INTEREST,
    NUMBER,
    OFFICE,
    SECOND,
    SPRING,
    campaign_running,
    carried_out,
)
from support.keys import bearer
from support.postgres import TestServer
from support.writing import Writing, writing

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def nothing_broke(_context: Any, response: Any, _case: Any) -> None:
    """No mistake of ours, and no database away; that rows or a signed head are not there yet is an answer."""
    is_early = response.status_code == 504 or (
        response.status_code == 503 and response.json()["code"] == "not-signed-yet"
    )
    assert response.status_code < 500 or is_early, response.text


def its_kind_is_declared(_context: Any, response: Any, case: Any) -> None:
    """A refusal is one that the route names, or says that there is no such route."""
    if response.status_code < 400:
        return
    answers = case.operation.definition.raw["responses"]
    named = answers.get(str(response.status_code), {}).get("content", {}).get("application/problem+json", {})
    code = response.json()["code"]
    assert code in named.get("examples", {}) or code in {"unknown-route", "method-not-allowed"}, response.text


CHECKS = [
    nothing_broke,
    its_kind_is_declared,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
KNOWN: dict[str, list[Any]] = {
    "campaign_id": [SPRING],
    "contact_id": [ANN, BEN, CLEO],
    "sender_id": [NUMBER, SECOND],
    "goal_id": [BOOKED, EMAIL],
    "analysis_id": [INTEREST],
    "schedule_id": [OFFICE],
    "attempt": [1, 2],
}
REQUESTS_A_ROUTE = 10

DOCUMENT = document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
ROUTES = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]


def _refusable(path: str, method: str) -> bool:
    told = DOCUMENT["paths"][path][method.lower()]
    return bool(told.get("parameters") or told.get("requestBody"))


CASES = [
    (path, method, mode)
    for path, method in ROUTES
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or _refusable(path, method)
]


@pytest.fixture(scope="module")
def api(postgres_server: TestServer) -> Iterator[Writing]:
    """Both APIs over a campaign that runs; nobody waits for a position."""
    with postgres_server.fresh_database() as url, writing(url, wait_limit_seconds=0.01) as made:
        for _ in carried_out(made, campaign_running()):
            continue
        made.project()
        grown(url)
        yield made


@st.composite
def requests(draw: st.DrawFn, operation: Any, mode: GenerationMode) -> Any:
    """A request; most of the allowed ones are about what there is, and ask for no version or position."""
    case = draw(operation.as_strategy(generation_mode=mode))
    if mode is not GenerationMode.POSITIVE or not draw(st.integers(0, 3)):
        return case
    for name in case.path_parameters or {}:
        if name in KNOWN:
            case.path_parameters[name] = str(draw(st.sampled_from(KNOWN[name])))
    for name in ("If-Match", "at_least"):
        for given_ones in (case.headers, case.query):
            if given_ones and name in given_ones:
                del given_ones[name]
    sent = operation.definition.raw.get("requestBody")
    if sent is not None and draw(st.booleans()):
        case.body = next(iter(sent["content"].values()))["examples"]["example"]["value"]
    return case


@pytest.mark.parametrize(("path", "method", "mode"), CASES, ids=str)
def test_every_answer_is_declared(api: Writing, path: str, method: str, mode: GenerationMode) -> None:
    operation = SCHEMA[path][method]
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS

    @settings(
        max_examples=REQUESTS_A_ROUTE,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests(operation, mode))
    def ask(case: Any) -> None:
        # Whatever was made up for the header of the key: what keys are refused is tried elsewhere.
        case.call_and_validate(base_url=str(api.client.base_url), checks=checks, headers=bearer(api.key))

    ask()
