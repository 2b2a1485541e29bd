"""The OpenAPI document: parameters from the signatures, answers and problems from their types, nothing twice."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from drumbeat.web.authenticating import SECURITY_SCHEMES, scope_of
from drumbeat.web.declaring import SCHEMAS
from drumbeat.web.problems import ProblemDocument

if TYPE_CHECKING:
    from drumbeat.web.app import Part


class Example(TypedDict):
    """A request that a test sends: `summary` is its method and path, `body` what is sent, `value` the answer."""

    summary: str
    body: NotRequired[Any]
    value: Any


_DESCRIPTION = """\
Every error is a problem document (RFC 9457) whose `type` never changes. `Correlation-Id` (a UUID) is taken over
into the logs, or made, and sent back.
"""


def document(app: FastAPI, parts: "Sequence[Part]") -> dict[str, Any]:
    """The document of an app, complete."""
    described = "\n".join([*(part.described for part in parts), _DESCRIPTION])
    made = get_openapi(
        title=app.title, version=app.version, description=described, routes=app.routes, tags=app.openapi_tags
    )
    _, own = msgspec.json.schema_components([ProblemDocument], ref_template="#/components/schemas/{name}")
    components = made.setdefault("components", {})
    components["securitySchemes"] = SECURITY_SCHEMES
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(SCHEMAS | own)
    for part in parts:
        schemas.update(part.schemas)
    needed = {
        (path, method.lower()): scope
        for path, method, dependant in _routes(app)
        if (scope := scope_of(dependant)) is not None
    }
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if (path, method) in needed:
                operation["security"] = [{"key": [needed[path, method].value]}]
            # A wrong parameter is answered 400 with a problem document, never FastAPI's own 422.
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
            for part in parts:
                _bound(operation, part.maxima)
                if method in part.examples.get(path, {}):
                    _illustrate(path, operation, part.examples[path][method])
    return made


def _bound(operation: dict[str, Any], maxima: Mapping[str, int]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["name"] in maxima:
            schema, most = parameter["schema"], maxima[parameter["name"]]
            schema["maximum"], schema["default"] = most, min(schema["default"], most)


def _routes(app: FastAPI) -> Iterator[tuple[str, str, Dependant]]:
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield route.path, method, route.dependant


def _illustrate(path: str, operation: dict[str, Any], example: "Example") -> None:
    """Put an example where a reader of the document looks for it: at path, what is required, body and answer."""
    sent_to, _, query = example["summary"].partition(" ")[2].partition("?")
    filled = dict(zip(path.split("/"), sent_to.split("/"), strict=True))
    asked = dict(parse_qsl(query))
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            value = filled[f"{{{parameter['name']}}}"]
            parameter["example"] = int(value) if parameter["schema"]["type"] == "integer" else value
        elif parameter.get("required") and parameter["in"] == "query":
            parameter["example"] = asked[parameter["name"]]
    shown = {"summary": example["summary"], "value": example["value"]}
    for status in {"200", "201", "202"} & operation["responses"].keys():
        answer = next(iter(operation["responses"][status]["content"].values()))
        answer["examples"] = {"example": shown}
    if "body" in example:
        (sent,) = operation["requestBody"]["content"].values()
        sent["examples"] = {"example": {"summary": example["summary"], "value": example["body"]}}


def parameters(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, bool]]:
    """Method and path → the query parameters that are understood → whether they may be repeated."""
    return {
        (method.upper(), path): {
            parameter["name"]: _is_list(parameter["schema"])
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def _is_list(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "array" or any(_is_list(one) for one in schema.get("anyOf", ()))
