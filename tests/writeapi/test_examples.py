"""Every command has an example in the document, and every example is sent here and answered as it says.

They are written anew by `WRITE_EXAMPLES=1 pytest tests/writeapi/test_examples.py`; a new route gets a step in
`support/commanded.py`.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import drumbeat
from support.commanded import Step, carried_out, steps
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

EXAMPLES = Path(drumbeat.__file__).parent / "writeapi" / "examples.json"


@pytest.fixture(scope="module")
def api(postgres_server: Any) -> Iterator[Writing]:
    with postgres_server.fresh_database() as url, writing(url) as made:
        yield made


@pytest.fixture(scope="module")
def document(api: Writing) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def answered(api: Writing) -> dict[str, dict[str, Any]]:
    """Every step, carried out: route → method → the example that its first step is."""
    made: dict[str, dict[str, Any]] = {}
    for step, answer in carried_out(api, steps()):
        made.setdefault(step.route, {}).setdefault(step.method.lower(), _example(step, answer))
    return made


def _example(step: Step, answer: Any) -> dict[str, Any]:
    body = {} if step.body is None else {"body": step.body}
    return {"summary": f"{step.method} {step.path}", **body, "value": answer}


def test_every_example_is_what_the_route_answers(answered: dict[str, dict[str, Any]]) -> None:
    if os.environ.get("WRITE_EXAMPLES"):
        lines = [f"{json.dumps(path)}: {json.dumps(one, ensure_ascii=False)}" for path, one in answered.items()]
        EXAMPLES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert json.loads(EXAMPLES.read_text()) == answered


def test_every_command_of_the_document_has_an_example(
    document: dict[str, Any], answered: dict[str, dict[str, Any]]
) -> None:
    commands = {
        (path, method) for path, methods in document["paths"].items() for method in methods if method != "get"
    }
    shown = {(path, method) for path, methods in answered.items() for method in methods}
    assert commands == {(path, method) for path, method in shown if method != "get"}


def test_every_example_stands_in_the_document_and_is_as_its_schemas_say(document: dict[str, Any]) -> None:
    for path, methods in json.loads(EXAMPLES.read_text()).items():
        for method, example in methods.items():
            operation = document["paths"][path][method]
            for status in {"200", "201", "202"} & operation["responses"].keys():
                (shown,) = operation["responses"][status]["content"].values()
                assert shown["examples"]["example"]["value"] == example["value"]
                validator(document, shown["schema"]).validate(example["value"])
            assert ("requestBody" in operation) == ("body" in example), (path, method)
            if "body" in example:
                (sent,) = operation["requestBody"]["content"].values()
                assert sent["examples"]["example"]["value"] == example["body"]
                validator(document, sent["schema"]).validate(example["body"])


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def test_every_declared_problem_has_an_example_of_its_document(document: dict[str, Any]) -> None:
    check = validator(document, {"$ref": "#/components/schemas/ProblemDocument"})
    seen = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) < 400:
                    continue
                for code, example in answer["content"]["application/problem+json"]["examples"].items():
                    check.validate(example["value"])
                    assert example["value"]["code"] == code, path
                    assert example["value"]["status"] == int(status), path
                    seen += 1
    assert seen > 500
