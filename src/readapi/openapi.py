"""The OpenAPI document: parameters from the signatures, answers and problems from their types, nothing twice."""

import json
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from drumbeat.readapi.asking import Fresh
from drumbeat.readapi.problems import ProblemDocument
from drumbeat.readapi.routing import SCHEMAS

_EXAMPLES = Path(__file__).with_name("examples.json")

DESCRIPTION = """\
Reads of Drumbeat: campaigns, their dashboards, and exactly the rows behind every number.

Every answer begins with `as_of`, a token `position@instant`: everything up to the position of the log is in it,
and what depends on the clock was judged at the instant. `at_least` waits for a position. Answers carry an entity
tag; `If-None-Match` is answered 304 when nothing changed. Every error is a problem document (RFC 9457) whose
`type` never changes. `Correlation-Id` (a UUID) is taken over into the logs, or made, and sent back.
"""


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an app, complete."""
    made = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=app.openapi_tags
    )
    _, own = msgspec.json.schema_components([Fresh, ProblemDocument], ref_template="#/components/schemas/{name}")
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(SCHEMAS | own)
    examples = json.loads(_EXAMPLES.read_bytes())
    for path, operations in made["paths"].items():
        for operation in operations.values():
            # A wrong parameter is answered 400 with a problem document, never FastAPI's own 422.
            operation["responses"].pop("422", None)
            if path in examples:
                answer = operation["responses"]["200"]["content"]["application/json"]
                answer["examples"] = {"example": examples[path]}
    return made


def parameters(document: dict[str, Any]) -> dict[str, dict[str, bool]]:
    """Path → the query parameters it understands → whether they may be repeated."""
    return {
        path: {
            parameter["name"]: _is_list(parameter["schema"])
            for operation in operations.values()
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for path, operations in document["paths"].items()
    }


def _is_list(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "array" or any(_is_list(one) for one in schema.get("anyOf", ()))
