"""How any route is declared and guarded: the problems it may answer, the parameters it knows, and no others."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from drumbeat.web.problems import (
    CONTENT_TYPE,
    OF_ANY_REQUEST,
    InvalidParameter,
    PageTooLarge,
    Problem,
    UnknownParameter,
)

SCHEMAS: dict[str, Any] = {}
"""JSON Schemas of all declared answers by name; filled while the modules of endpoints are imported."""


def declared(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The responses of OpenAPI for these problems, and those of any request, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, *OF_ANY_REQUEST)):
        response = by_status.setdefault(kind.status, _empty_response())
        response["description"] = f"{response['description']} `{kind.code}`: {kind.title}.".strip()
        example = msgspec.to_builtins(kind("what exactly is wrong, in a sentence").document())
        response["content"][CONTENT_TYPE]["examples"][kind.code] = {"value": example}
        if kind.retry_after_seconds is not None:
            response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
        if kind.status == 401:
            response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}
    return by_status


def answered(answer: Any, words: str) -> dict[str, Any]:
    """A JSON answer in the responses of OpenAPI, from its type."""
    (schema,), components = msgspec.json.schema_components([answer], ref_template="#/components/schemas/{name}")
    SCHEMAS.update(components)
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _empty_response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": "", "content": {CONTENT_TYPE: {"schema": schema, "examples": {}}}}


class OneOf:
    """Limits a text to words that are known when the module is imported; an error names them."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = list(words)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks it, and what OpenAPI says of it."""
        return core_schema.literal_schema(self._words)


async def known_parameters(request: Request) -> None:
    """The dependency of every route that needs no key."""
    refuse_unknown(request)


def refuse_unknown(request: Request) -> None:
    """What a route does not understand it refuses, instead of passing it over. Raises `BadRequest`."""
    if not request.scope["query_string"]:
        return
    asked = request.method.replace("HEAD", "GET"), request.scope["route"].path
    allowed: Mapping[str, bool] = request.app.state.parameters.get(asked, {})
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in allowed:
            raise UnknownParameter(f"{name!r} is no parameter of this route", field=name, allowed=sorted(allowed))
        if len(values) > 1 and not allowed[name]:
            raise InvalidParameter(f"{name!r} may be given once", field=name, value=values, allowed="one value")


def rows_of_page(request: Request, limit: int, most: int) -> int:
    """How many rows a page has: `limit`, or fewer where nobody named one. Raises `PageTooLarge`."""
    if limit > most and "limit" in request.query_params:
        raise PageTooLarge(
            f"a page has at most {most:,} rows", field="limit", value=limit, allowed=f"1 to {most:,}"
        )
    return min(limit, most)


def invalid(error: RequestValidationError) -> InvalidParameter:
    """The problem for the first value that a signature does not allow."""
    first = error.errors()[0]
    field = next((str(part) for part in first["loc"][1:]), "")
    return InvalidParameter(
        f"{field}: {first['msg']}", field=field, value=first.get("input"), allowed=allowed_by(first)
    )


def allowed_by(error: Mapping[str, Any]) -> str:
    """What pydantic would have allowed where it found an error."""
    context = error.get("ctx", {})
    return str(context.get("expected") or _bounds(context) or error["msg"])


_BOUND_WORDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "max_length": "at most this many characters:"}


def _bounds(context: Mapping[str, Any]) -> str | None:
    said = [f"{word} {context[name]}" for name, word in _BOUND_WORDS.items() if name in context]
    return ", ".join(said) or None
