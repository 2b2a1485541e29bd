"""How a command becomes a route: the path names streams, the body has the other fields, all answer alike."""

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands import limits
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.rebuilds import Rebuilds
from drumbeat.commands.uploads import Uploads
from drumbeat.events.workspace import KeyScope
from drumbeat.web import problems as common
from drumbeat.web.authenticating import GUARDED, admit, asks_for, needs, principal_of
from drumbeat.web.declaring import answered, declared
from drumbeat.web.problems import DatabaseAway, Problem
from drumbeat.writeapi import problems
from drumbeat.writeapi.asking import asked_of, invalid_path, parameters
from drumbeat.writeapi.bodies import JSON, WITH_BODY, body_of, body_type, described, given_fields, read_body
from drumbeat.writeapi.problems import refused

if TYPE_CHECKING:
    from drumbeat.writeapi.copying import OpenSource

ALWAYS: tuple[type[Problem], ...] = (
    common.InvalidParameter,
    common.UnknownParameter,
    common.DatabaseAway,
    common.InternalError,
    *GUARDED,
)
"""What every command may be answered."""

ANY_COMMAND = (
    RefusalCode.UNKNOWN_STREAM,
    RefusalCode.OUT_OF_RANGE,
    RefusalCode.EVENT_TOO_LARGE,
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
    """What commands over HTTP need; one a process. `dry` decides and writes nothing.

    `at_once` has a token for each single command that may be carried out at a time: a few threads that always have
    something to do get more done than many that take turns. `simulating` has one for each simulation at a time.
    """

    commands: Commands
    dry: Commands
    uploads: Uploads
    rebuilds: Rebuilds
    source: "OpenSource"
    imports_at_once: int
    page_rows: int
    simulated_contacts: int | None
    at_once: CapacityLimiter
    simulating: CapacityLimiter
    clock: Callable[[], datetime]
    body_limit_bytes: int
    key_kept_for: timedelta


def command_router(tag: str) -> APIRouter:
    """A router for `commands`: they ask for a key, and read all parameters themselves."""
    return APIRouter(tags=[tag])


def parameter_router(tag: str, needed: KeyScope = KeyScope.WRITE) -> APIRouter:
    """A router for endpoints whose signature has their parameters; they need a key of a scope."""
    return APIRouter(tags=[tag], dependencies=[Depends(needs(needed))])


def commands(
    router: APIRouter,
    method: str,
    path: str,
    command: type[Command],
    *,
    summary: str,
    refusals: Sequence[RefusalCode] = (),
    made: bool = False,
    needed: KeyScope = KeyScope.WRITE,
) -> None:
    """Declare a route for a command. `made`: it makes a stream, and is answered 201. `needed`: of the key.

    The path's parameters and `If-Match` fill the fields of their names, the body all others; a command without
    other fields takes no body.
    """
    ids = re.findall(r"{(\w+)}", path)
    versioned = "expected_version" in command.model_fields
    body = body_type(command, {*ids, "expected_version"})
    expects = (RefusalCode.STALE_VERSION,) if versioned else ()
    kinds = [
        problems.REFUSALS[code]
        for code in dict.fromkeys((*ANY_COMMAND, *expects, *limits.refusals_of(command), *refusals))
    ]
    route = router.add_api_route
    route(
        path,
        _endpoint(command, ids, body, versioned=versioned, status=201 if made else 200, needed=needed),
        methods=[method],
        summary=summary,
        description=inspect.getdoc(command),
        response_class=Response,
        responses={
            200: _carried_out(f"{summary}; it was so already, or a dry run" if made else summary),
            **({201: _carried_out(summary)} if made else {}),
            **declared(*ALWAYS, *(WITH_BODY if body else ()), *kinds),
        },
        openapi_extra={
            "parameters": parameters(command, ids, versioned=versioned),
            **(described(body) if body else {}),
        },
    )


def _endpoint(
    command: type[Command],
    ids: Sequence[str],
    body: type[BaseModel] | None,
    *,
    versioned: bool,
    status: int,
    needed: KeyScope,
) -> Callable[[Request], Awaitable[Response]]:
    def carried_out(request: Request, raw: bytes) -> Response:
        asked = asked_of(request, versioned=versioned)
        fields = {name: request.path_params[name] for name in ids}
        if versioned:
            fields["expected_version"] = asked.expected_version
        if body is not None:
            fields |= given_fields(read_body(body, request, raw))
        try:
            wish = command.model_validate(fields)
        except ValidationError as error:
            # The body was judged already.
            raise invalid_path(error) from error
        once = keyed(request, asked.idempotency_key)
        done = carry_out(request, wish, once, dry_run=asked.dry_run)
        return _answered(done, once, dry_run=asked.dry_run, status=status)

    @asks_for(needed)
    async def endpoint(request: Request) -> Response:
        # Before the body is read: who may not command needs not be listened to.
        await admit(request, needed)
        raw = await body_of(request) if body is not None else b""
        services: Services = request.app.state.writing
        return await to_thread.run_sync(carried_out, request, raw, limiter=services.at_once)

    endpoint.__name__ = command.NAME
    return endpoint


KEY_KEPT = "Drumbeat-Key-Kept-Seconds"
"""How long the key of a command is kept, with its answer."""


def keyed(request: Request, key: str | None, asked: bytes | None = None) -> Idempotency | None:
    """The idempotency of a request; `asked` identifies it where its commands do not."""
    services: Services = request.app.state.writing
    return None if key is None else Idempotency(key=key, kept_for=services.key_kept_for, request=asked)


def carry_out(request: Request, wish: Command, once: Idempotency | None, *, dry_run: bool) -> Done:
    """Carry out a command on behalf of who asks. Raises `RefusedProblem`, `DatabaseAway`."""
    services: Services = request.app.state.writing
    on = services.dry if dry_run else services.commands
    try:
        return on.execute(wish, principal_of(request), now=services.clock(), idempotency=once)
    except Refused as refusal:
        raise refused(refusal, wish) from refusal
    except LedgerUnavailable as error:
        raise DatabaseAway(
            "the ledger does not answer; whether the command took effect is not known: send it again with the same"
            " Idempotency-Key"
        ) from error


def _answered(done: Done, once: Idempotency | None, *, dry_run: bool, status: int) -> Response:
    answer = Answer(
        done.stream_id, done.version, done.position, len(done.facts), list(done.results), done.repeated, dry_run
    )
    return as_json(answer, status if done.facts and not dry_run else 200, once, ETag=f'"{done.version}"')


def as_json(answer: msgspec.Struct, status: int, once: Idempotency | None = None, **headers: str) -> Response:
    """What is answered to a command; with the time for which its key is kept, where it has one."""
    headers["Cache-Control"] = "no-store"
    if once is not None and once.kept_for is not None:
        headers[KEY_KEPT] = str(int(once.kept_for.total_seconds()))
    return Response(msgspec.json.encode(answer), status, headers, JSON)


def commanded(answer: Any, words: str, **headers: str) -> dict[str, Any]:
    """What `as_json` answers in the responses of OpenAPI; `headers`: what each of its own tells."""
    kept = {"description": "how long the key is kept, where one was sent", "schema": {"type": "integer"}}
    told = {name: {"description": one, "schema": {"type": "string"}} for name, one in headers.items()}
    return {**answered(answer, words), "headers": {KEY_KEPT: kept, **told}}


def _carried_out(words: str) -> dict[str, Any]:
    return commanded(Answer, words, ETag="the version afterwards, in quotes")
