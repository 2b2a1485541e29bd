"""How a route is declared: its path, what it answers, which problems, and an example that a test sends."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from starlette.responses import Response

from drumbeat.readapi import problems
from drumbeat.readapi.problems import InvalidParameter, Problem, UnknownParameter

_UNCHANGED = {"description": "As the client has it already (If-None-Match)."}

F = TypeVar("F", bound=Callable[..., Any])

SCHEMAS: dict[str, Any] = {}
"""JSON Schemas of all declared answers by name; filled while the modules of endpoints are imported."""

ALWAYS: tuple[type[Problem], ...] = (
    problems.InvalidParameter,
    problems.UnknownParameter,
    problems.DatabaseAway,
    problems.NotReady,
    problems.TooManyWaiters,
    problems.PositionNotReached,
    problems.InternalError,
)
"""What every read of the read models may answer."""

AT_LEAST: dict[str, Any] = {
    "name": "at_least",
    "in": "query",
    "required": False,
    "description": "Wait, bounded, until the read models are at this position: that of a command's answer, or the "
    "`as_of` of another read.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}(@.*)?$"},
}
"""The parameter that every read of the read models has; `asking.ask` reads it."""

CAMPAIGN = (problems.UnknownCampaign, problems.CampaignDeleted)
"""What every question about one campaign may answer beside that."""

PAGED = (problems.MalformedCursor,)
"""What every list may answer beside that."""


def reads(
    router: APIRouter,
    path: str,
    *,
    answers: Any,
    problems: tuple[type[Problem], ...] = (),
    summary: str,
) -> Callable[[F], F]:
    """Declare a route that reads the read models. The endpoint returns bytes, encoded from `answers`."""
    headers = {name: {"schema": {"type": "string"}} for name in ("ETag", "Drumbeat-As-Of", "Correlation-Id")}
    may_answer: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "headers": headers, "content": _json(answers, fresh=True)},
        304: _UNCHANGED,
        **declared(*ALWAYS, *problems),
    }
    return _get(router, path, may_answer, summary, parameters=[AT_LEAST])


def serves(
    router: APIRouter,
    path: str,
    *,
    answers: Any,
    problems: tuple[type[Problem], ...] = (),
    summary: str,
    tagged: bool = False,
) -> Callable[[F], F]:
    """Declare a route that answers from memory; `tagged`: with an entity tag."""
    may_answer: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": _json(answers, fresh=False)},
        **({304: _UNCHANGED} if tagged else {}),
        **declared(UnknownParameter, *problems),
    }
    return _get(router, path, may_answer, summary)


def _get(
    router: APIRouter,
    path: str,
    responses: dict[int | str, dict[str, Any]],
    summary: str,
    parameters: Sequence[dict[str, Any]] = (),
) -> Callable[[F], F]:
    extra = {"parameters": [*parameters]} if parameters else None

    def declare(endpoint: F) -> F:
        route = router.get(
            path, response_class=Response, responses=responses, summary=summary, openapi_extra=extra
        )
        route(endpoint)
        return endpoint

    return declare


def _json(answers: Any, *, fresh: bool) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([answers], ref_template="#/components/schemas/{name}")
    SCHEMAS.update(components)
    whole = {"allOf": [{"$ref": "#/components/schemas/Fresh"}, schema]} if fresh else schema
    return {"application/json": {"schema": whole}}


def entity_tag(content: bytes) -> str:
    """The weak entity tag of what is answered, token left out."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:24]}"'


def declared(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The responses of OpenAPI for these problems, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys(kinds):
        response = by_status.setdefault(kind.status, _empty_response())
        response["description"] = f"{response['description']} `{kind.code}`: {kind.title}.".strip()
        example = msgspec.to_builtins(kind("what exactly is wrong, in a sentence").document())
        response["content"][problems.CONTENT_TYPE]["examples"][kind.code] = {"value": example}
        if kind.retry_after_seconds is not None:
            response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return by_status


def _empty_response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": "", "content": {problems.CONTENT_TYPE: {"schema": schema, "examples": {}}}}


def matches(given: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names an entity tag."""
    if given is None:
        return False
    weak = tag.removeprefix("W/")
    return given.strip() == "*" or weak in {one.strip().removeprefix("W/") for one in given.split(",")}


class OneOf:
    """Limits a text to words that are known when the module is imported; an error names them."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = list(words)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks it, and what OpenAPI says of it."""
        return core_schema.literal_schema(self._words)


async def known_parameters(request: Request) -> None:
    """The dependency of every route that does not ask the read models."""
    refuse_unknown(request)


def refuse_unknown(request: Request) -> None:
    """What a route does not understand it refuses, instead of passing it over. Raises `BadRequest`."""
    if not request.scope["query_string"]:
        return
    allowed: Mapping[str, bool] = request.app.state.parameters.get(request.scope["route"].path, {})
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in allowed:
            raise UnknownParameter(
                f"{name!r} is no parameter of this route", field=name, value=values[0], allowed=sorted(allowed)
            )
        if len(values) > 1 and not allowed[name]:
            raise InvalidParameter(f"{name!r} may be given once", field=name, value=values, allowed="one value")


def router(tag: str) -> APIRouter:
    """A router for questions to the read models: their dependency `ask` refuses unknown parameters."""
    return APIRouter(tags=[tag])


def plain_router(tag: str) -> APIRouter:
    """A router for what is answered from memory; unknown parameters are refused."""
    return APIRouter(tags=[tag], dependencies=[Depends(known_parameters)])


def invalid(error: RequestValidationError) -> InvalidParameter:
    """The problem for the first value that a signature does not allow."""
    first = error.errors()[0]
    context = first.get("ctx", {})
    field = next((str(part) for part in first["loc"][1:]), "")
    allowed = context.get("expected") or _bounds(context) or first["msg"]
    return InvalidParameter(f"{field}: {first['msg']}", field=field, value=first.get("input"), allowed=allowed)


_BOUND_WORDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "max_length": "at most this many characters:"}


def _bounds(context: Mapping[str, Any]) -> str | None:
    said = [f"{word} {context[name]}" for name, word in _BOUND_WORDS.items() if name in context]
    return ", ".join(said) or None
