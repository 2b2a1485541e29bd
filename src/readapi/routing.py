"""How a route is declared: its path, what it answers, which problems, and an example that a test sends."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from drumbeat.events.workspace import KeyScope
from drumbeat.readapi import problems
from drumbeat.web import problems as common
from drumbeat.web import read_models
from drumbeat.web.authenticating import GUARDED, needs
from drumbeat.web.declaring import SCHEMAS, declared, known_parameters
from drumbeat.web.problems import PageTooLarge, Problem, UnknownParameter

_UNCHANGED = {"description": "As the client has it already (If-None-Match)."}

F = TypeVar("F", bound=Callable[..., Any])

ALWAYS: tuple[type[Problem], ...] = (
    *GUARDED,
    common.InvalidParameter,
    common.UnknownParameter,
    common.DatabaseAway,
    common.NotReady,
    read_models.TooManyWaiters,
    read_models.PositionNotReached,
    common.InternalError,
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

AS_OF: dict[str, Any] = {
    "name": "as_of",
    "in": "query",
    "required": False,
    "description": "Answer as of an earlier moment, under today's definitions: the `as_of` of an earlier answer, "
    "a position, or an instant (RFC 3339), which means all recorded by then. What depends on the clock is "
    "judged at the instant; of whoever was erased since, nothing personal is shown.",
    "schema": {"type": "string", "maxLength": 100},
    "examples": {
        "token": {"summary": "the moment of an earlier answer", "value": "1204@2026-03-02T09:00:00.000000Z"},
        "position": {"summary": "a position of the log", "value": "1204"},
        "instant": {"summary": "all that was recorded by then", "value": "2026-03-02T09:00:00Z"},
    },
}
"""The parameter that every read of one campaign has; `asking.ask` reads it."""

OF_THE_PAST = (
    problems.MalformedAsOf,
    problems.AsOfInTheFuture,
    problems.AsOfBeforeFirstEvent,
    problems.AsOfTooLarge,
    problems.AsOfBusy,
)
"""What every read of one campaign may answer to `as_of`."""

OF_A_CAMPAIGN = "/campaigns/{campaign_id}"
"""What the paths of reads of one campaign begin with: those can be asked as of an earlier moment."""

CAMPAIGN = (read_models.UnknownCampaign, read_models.CampaignDeleted)
"""What every question about one campaign may answer beside that."""

PAGED = (problems.MalformedCursor, PageTooLarge)
"""What every list may answer beside that."""


def reads(
    router: APIRouter,
    path: str,
    *,
    answers: Any,
    problems: tuple[type[Problem], ...] = (),
    summary: str,
) -> Callable[[F], F]:
    """Declare a route that reads the read models. The endpoint returns bytes, encoded from `answers`.

    Below `OF_A_CAMPAIGN` it can be asked as of an earlier moment; the endpoint does nothing for it.
    """
    headers = {name: {"schema": {"type": "string"}} for name in ("ETag", "Drumbeat-As-Of", "Correlation-Id")}
    may_answer: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "headers": headers, "content": _json(answers, fresh=True)},
        304: _UNCHANGED,
        **declared(*ALWAYS, *problems, *_past_of(path)),
    }
    return _get(router, path, may_answer, summary, {"parameters": _moments(path)})


def _moments(path: str) -> list[dict[str, Any]]:
    return [AT_LEAST, AS_OF] if path.startswith(OF_A_CAMPAIGN) else [AT_LEAST]


def _past_of(path: str) -> tuple[type[Problem], ...]:
    return OF_THE_PAST if path.startswith(OF_A_CAMPAIGN) else ()


def downloads(
    router: APIRouter,
    path: str,
    *,
    media_types: Sequence[str],
    problems: tuple[type[Problem], ...] = (),
    summary: str,
) -> Callable[[F], F]:
    """Declare a route that sends a file made of the read models; the example is of the first media type."""
    headers = {
        name: {"schema": {"type": "string"}}
        for name in ("Content-Disposition", "Drumbeat-As-Of", "Correlation-Id")
    }
    content = {one: {"schema": {"type": "string"}} for one in media_types}
    may_answer: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "headers": headers, "content": content},
        **declared(*ALWAYS, *problems, *_past_of(path)),
    }
    return _get(router, path, may_answer, summary, {"parameters": _moments(path)})


def serves(
    router: APIRouter,
    path: str,
    *,
    answers: Any,
    problems: tuple[type[Problem], ...] = (),
    summary: str,
    tagged: bool = False,
) -> Callable[[F], F]:
    """Declare a route that asks no read model; `tagged`: with an entity tag."""
    may_answer: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": _json(answers, fresh=False)},
        **({304: _UNCHANGED} if tagged else {}),
        **declared(UnknownParameter, *problems),
    }
    return _get(router, path, may_answer, summary, {})


def _get(
    router: APIRouter,
    path: str,
    responses: dict[int | str, dict[str, Any]],
    summary: str,
    extra: dict[str, Any],
) -> Callable[[F], F]:
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


def matches(given: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names an entity tag."""
    if given is None:
        return False
    weak = tag.removeprefix("W/")
    return given.strip() == "*" or weak in {one.strip().removeprefix("W/") for one in given.split(",")}


def router(tag: str) -> APIRouter:
    """A router for questions to the read models: their dependency `ask` refuses unknown parameters."""
    return APIRouter(tags=[tag])


def plain_router(tag: str, needed: KeyScope | None = None) -> APIRouter:
    """A router for what asks no read model; unknown parameters are refused. None is needed: open to all."""
    return APIRouter(tags=[tag], dependencies=[Depends(known_parameters if needed is None else needs(needed))])
