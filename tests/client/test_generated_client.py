"""The generated part of the client is what the OpenAPI document says: every route, its parameters and types."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import httpx
import msgspec
import pytest

from client_code.files import FOLDER, document, generated
from client_code.methods import Method, groups_of
from client_code.operations import operations_of
from drumbeat.client import Drumbeat

DOCUMENT = document()
METHODS = [(group, method) for group, methods in groups_of(operations_of(DOCUMENT)).items() for method in methods]


def test_the_generated_code_is_what_the_document_gives() -> None:
    committed = {path: path.read_text() for path in FOLDER.glob("*.py")}
    assert committed == generated(), "the API has changed: run `make client`"


def test_every_route_has_a_method_of_its_own() -> None:
    routes = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    covered = [(method.operation.method, method.operation.path) for _, method in METHODS]
    assert set(covered) == routes
    assert len(covered) == len(routes)


@pytest.mark.parametrize(("group", "method"), METHODS, ids=[f"{group}.{one.name}" for group, one in METHODS])
def test_a_method_sends_its_documented_example_and_reads_the_answer(group: str, method: Method) -> None:
    told = DOCUMENT["paths"][method.operation.path][method.operation.method.lower()]
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, **_answer(told))

    with Drumbeat("http://api.test", transport=httpx.MockTransport(answer)) as api:
        function = getattr(getattr(api, group), method.name)
        ids = [one["example"] for one in told.get("parameters", ()) if one["in"] == "path"]
        body = _body(told)
        file = _file(told)
        found = function(*ids, *file, **_arguments(function, _required(told) | (body or {})))
    assert [(one.method, one.url.path) for one in asked] == [
        (method.operation.method, method.operation.path.format(**_by_name(told)))
    ]
    if body is not None:
        assert json.loads(asked[0].content) == body
    assert [asked[0].content] == (file or [asked[0].content])
    assert ("Idempotency-Key" in asked[0].headers) == (method.operation.method != "GET")
    if isinstance(found, msgspec.Struct):
        assert json.loads(msgspec.json.encode(found)) == _whole(_answer(told)["json"], found)


def _by_name(told: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one["example"] for one in told.get("parameters", ()) if one["in"] == "path"}


def _required(told: dict[str, Any]) -> dict[str, Any]:
    """The parameters without which nothing is asked."""
    parameters = told.get("parameters", ())
    return {one["name"]: one["example"] for one in parameters if one["in"] == "query" and one["required"]}


def _body(told: dict[str, Any]) -> dict[str, Any] | None:
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else dict(content["examples"]["example"]["value"])


def _file(told: dict[str, Any]) -> list[bytes]:
    """What is uploaded, where something is."""
    content = told.get("requestBody", {}).get("content", {})
    return [
        one["examples"]["example"]["value"].encode() for kind, one in content.items() if kind != "application/json"
    ]


def _answer(told: dict[str, Any]) -> dict[str, Any]:
    ok = next(one for status, one in told["responses"].items() if status.startswith("2"))
    content = ok.get("content", {}).get("application/json")
    return {"content": b"text"} if content is None else {"json": content["examples"]["example"]["value"]}


def _arguments(function: Any, body: dict[str, Any]) -> dict[str, Any]:
    """A body as the arguments of a method: what stands for a model is made one."""
    hints = get_type_hints(function)
    named = {name.removesuffix("_"): name for name in inspect.signature(function).parameters}
    return {named[name]: _modelled(value, hints[named[name]]) for name, value in body.items()}


def _modelled(value: Any, hint: Any) -> Any:
    models = [one for one in _inside(hint) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    if not models:
        return value
    return [_made(models[0], one) for one in value] if isinstance(value, list) else _made(models[0], value)


def _made(model: Any, value: dict[str, Any]) -> Any:
    hints = get_type_hints(model)
    return model(**{name: _modelled(one, hints[name]) for name, one in value.items()})


def _inside(hint: Any) -> Iterator[Any]:
    yield hint
    for one in get_args(hint):
        yield from _inside(one)


def _whole(example: Any, found: Any) -> Any:
    """The example with the defaults that it leaves out."""
    return (
        json.loads(msgspec.json.encode(msgspec.convert(example, type(found))))
        if _is_subset(example, found)
        else {}
    )


def _is_subset(example: dict[str, Any], found: msgspec.Struct) -> bool:
    return example.keys() <= {field.encode_name for field in msgspec.structs.fields(found)}


def test_the_client_pulls_in_nothing_of_the_server() -> None:
    allowed = "{'drumbeat', 'client'}"
    asks = "import sys, drumbeat.client\n"
    asks += "ours = {name.split('.')[1] for name in sys.modules if name.startswith('drumbeat.')}\n"
    asks += f"assert ours <= {allowed}, ours\n"
    asks += "assert not {'fastapi', 'pydantic', 'psycopg', 'eventsourcing', 'uvicorn'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", asks], check=True)
