"""How a command becomes a route: the path names streams, the body has the other fields, all answer alike."""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.events import Principal
from drumbeat.web import problems as common
from drumbeat.web.declaring import SCHEMAS, declared, known_parameters
from drumbeat.web.problems import DatabaseAway, Problem
from drumbeat.writeapi import problems
from drumbeat.writeapi.problems import BodyTooLarge, InvalidBody, InvalidHeader, NotJson, refused

_REFERENCE = "#/components/schemas/{model}"
_CONTENT_TYPE = "application/json"

ALWAYS: tuple[type[Problem], ...] = (
    common.InvalidParameter,
    common.UnknownParameter,
    common.DatabaseAway,
    common.InternalError,
    InvalidHeader,
)
"""What every command may be answered."""

WITH_BODY: tuple[type[Problem], ...] = (InvalidBody, BodyTooLarge, NotJson)
"""What a command with a body may be answered beside that."""

_ANY_COMMAND = (
    RefusalCode.UNKNOWN_STREAM,
    RefusalCode.OUT_OF_RANGE,
    RefusalCode.IDEMPOTENCY_KEY_REUSED,
    RefusalCode.CONFLICT,
)


class Answer(msgspec.Struct, omit_defaults=True):
    """A command was carried out, or there was nothing to do.

    `version` is the stream's version afterwards. `position` is that of the last event written, or the newest of
    the log when none was: a read asked with `at_least` that position shows the effect. `results` has an answer for
    each row where the command had rows, and what the command made. `repeated`: the idempotency key was known, this
    is the first answer, and nothing was written. `dry_run`: nothing was written; the position means nothing.
    """

    stream_id: UUID
    version: int
    position: int
    events: int = 0
    results: list[dict[str, Any]] = []
    repeated: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What commands over HTTP need; one a process. `dry` decides and writes nothing."""

    commands: Commands
    dry: Commands
    clock: Callable[[], datetime]
    principal: Callable[[Request], Principal]
    body_limit_bytes: int
    key_kept_for: timedelta


def command_router(tag: str) -> APIRouter:
    """A router for commands; unknown parameters are refused."""
    return APIRouter(tags=[tag], dependencies=[Depends(known_parameters)])


async def body_of(request: Request) -> bytes:
    """The request's body. Raises `BodyTooLarge` as soon as it is, whatever the client said of its length."""
    limit: int = request.app.state.writing.body_limit_bytes
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > limit:
            raise BodyTooLarge(f"a body has at most {limit} bytes", allowed=f"≤ {limit} bytes")
    return bytes(read)


def commands(
    router: APIRouter,
    method: str,
    path: str,
    command: type[Command],
    *,
    summary: str,
    refusals: Sequence[RefusalCode] = (),
    made: bool = False,
) -> None:
    """Declare a route for a command. `made`: it makes a stream, and is answered 201.

    The path's parameters and `If-Match` fill the fields of their names, the body all others; a command without
    other fields takes no body.
    """
    ids = re.findall(r"{(\w+)}", path)
    versioned = "expected_version" in command.model_fields
    body = _body_type(command, {*ids, "expected_version"})
    expects = (RefusalCode.STALE_VERSION,) if versioned else ()
    kinds = [problems.REFUSALS[code] for code in dict.fromkeys((*_ANY_COMMAND, *expects, *refusals))]
    route = router.add_api_route
    route(
        path,
        _endpoint(command, ids, body, versioned=versioned, status=201 if made else 200),
        methods=[method],
        summary=summary,
        description=inspect.getdoc(command),
        response_class=Response,
        responses={
            200: _carried_out(f"{summary}; it was so already, or a dry run" if made else summary),
            **({201: _carried_out(summary)} if made else {}),
            **declared(*ALWAYS, *(WITH_BODY if body else ()), *kinds),
        },
        openapi_extra=None if body is None else _described(body),
    )


def _endpoint(
    command: type[Command], ids: Sequence[str], body: type[BaseModel] | None, *, versioned: bool, status: int
) -> Callable[..., Response]:
    def endpoint(**given: Any) -> Response:
        request: Request = given["request"]
        fields = {name: given[name] for name in ids}
        if versioned:
            fields["expected_version"] = _version(given["if_match"])
        if body is not None:
            fields |= _fields(body, request, given["raw"])
        wish = command.model_validate(fields)
        return _carry_out(request, wish, given["idempotency_key"], dry_run=given["dry_run"], status=status)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("request", keyword, annotation=Request)]
    parameters += [
        inspect.Parameter(name, keyword, annotation=command.model_fields[name].annotation) for name in ids
    ]
    parameters += [
        inspect.Parameter("idempotency_key", keyword, annotation=_IdempotencyKey, default=None),
        inspect.Parameter("dry_run", keyword, annotation=_DryRun, default=False),
    ]
    if versioned:
        parameters.append(inspect.Parameter("if_match", keyword, annotation=_IfMatch, default=None))
    if body is not None:
        parameters.append(inspect.Parameter("raw", keyword, annotation=Annotated[bytes, Depends(body_of)]))
    # What FastAPI reads instead of the function's own, which takes anything.
    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    endpoint.__name__ = command.NAME
    return endpoint


_IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same command under the same key has its effect once, and gets the first answer again.",
    ),
]
_IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The version that the stream must stand at, in quotes; 412 names the current one.",
    ),
]
_DryRun = Annotated[bool, Query(description="Decide, answer what would happen or the refusal, and write nothing.")]


def _carry_out(request: Request, wish: Command, key: str | None, *, dry_run: bool, status: int) -> Response:
    services: Services = request.app.state.writing
    idempotency = None if key is None else Idempotency(key=key, kept_for=services.key_kept_for)
    on = services.dry if dry_run else services.commands
    try:
        done = on.execute(wish, services.principal(request), now=services.clock(), idempotency=idempotency)
    except Refused as refusal:
        raise refused(refusal) from refusal
    except LedgerUnavailable as error:
        raise DatabaseAway(
            "the ledger does not answer; whether the command took effect is not known: send it again with the same"
            " Idempotency-Key"
        ) from error
    return _answered(done, dry_run=dry_run, status=status)


def _answered(done: Done, *, dry_run: bool, status: int) -> Response:
    answer = Answer(
        done.stream_id, done.version, done.position, len(done.facts), list(done.results), done.repeated, dry_run
    )
    headers = {"ETag": f'"{done.version}"', "Cache-Control": "no-store"}
    return Response(
        msgspec.json.encode(answer), 200 if done.repeated or dry_run else status, headers, _CONTENT_TYPE
    )


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    bare = if_match.strip().removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) <= 9):
        raise InvalidHeader(
            "If-Match is the version of the stream in quotes",
            field="If-Match",
            value=if_match,
            allowed='"VERSION"',
        )
    return int(bare)


def _fields(body: type[BaseModel], request: Request, raw: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", _CONTENT_TYPE).partition(";")[0].strip().lower()
    if kind != _CONTENT_TYPE:
        raise NotJson(f"the body is sent as {kind!r}", field="Content-Type", value=kind, allowed=_CONTENT_TYPE)
    try:
        # Looked through for what pydantic lets pass; it reads the bytes itself.
        json.loads(raw or b"{}", object_pairs_hook=_no_twice, parse_constant=_no_constant)
        read = body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidBody(
            f"{field or 'the body'}: {first['msg']}", field=field or None, value=_short(first.get("input"))
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidBody(f"the body is no JSON document: {error}") from error
    return {name: getattr(read, name) for name in type(read).model_fields if name in read.model_fields_set}


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _short(value: Any) -> Any:
    text = repr(value)
    return value if len(text) <= 200 else f"{text[:200]}…"


def _body_type(command: type[Command], taken: set[str]) -> type[BaseModel] | None:
    fields: dict[str, tuple[Any, FieldInfo]] = {
        name: (field.annotation, field) for name, field in command.model_fields.items() if name not in taken
    }
    if not fields:
        return None
    made: type[BaseModel] = create_model(
        command.__name__,
        __config__=ConfigDict(extra="forbid"),
        __doc__=inspect.getdoc(command),
        **fields,  # type: ignore[call-overload]
    )
    return made


def _described(body: type[BaseModel]) -> dict[str, Any]:
    schema = body.model_json_schema(ref_template=_REFERENCE)
    SCHEMAS.update(schema.pop("$defs", {}))
    SCHEMAS[body.__name__] = schema
    required = bool(schema.get("required"))
    return {
        "requestBody": {
            "required": required,
            "content": {_CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}},
        }
    }


def _carried_out(words: str) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([Answer], ref_template="#/components/schemas/{name}")
    SCHEMAS.update(components)
    tag = {"description": "the version afterwards, in quotes", "schema": {"type": "string"}}
    return {"description": words, "headers": {"ETag": tag}, "content": {_CONTENT_TYPE: {"schema": schema}}}
