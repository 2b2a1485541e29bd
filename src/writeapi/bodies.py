"""Bodies of requests: how one is read within its limits, judged against its type, and described."""

import inspect
import json
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from drumbeat.aggregates.refusals import RefusalCode
from drumbeat.commands.command import Command
from drumbeat.web.declaring import SCHEMAS, allowed_by
from drumbeat.web.problems import Problem
from drumbeat.writeapi.problems import REFUSALS, BodyTooLarge, InvalidBody, NotJson

B = TypeVar("B", bound=BaseModel)

JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"

MOST_MEMBERS: Final = 10_000
"""Of one object, and of a list that is a field of the body: no setting allows more. What is far larger than any
command must cost no more than reading it once."""

WITH_BODY: tuple[type[Problem], ...] = (InvalidBody, BodyTooLarge, NotJson, REFUSALS[RefusalCode.BATCH_TOO_LARGE])
"""What whoever sends a body may be answered for it."""


async def body_of(request: Request) -> bytes:
    """The request's body. Raises `BodyTooLarge` as soon as it is known, whatever the client said of its length."""
    return await read_within(request, request.app.state.writing.body_limit_bytes)


async def read_within(request: Request, limit: int) -> bytes:
    """The request's body, of at most so many bytes. Raises `BodyTooLarge` as `body_of` does."""
    if int(request.headers.get("content-length", "0")) > limit:
        raise _too_large(limit)
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > limit:
            raise _too_large(limit)
    return bytes(read)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"a body has at most {limit} bytes", allowed=f"≤ {limit} bytes")


def read_body(body: type[B], request: Request, raw: bytes) -> B:
    """The body as its type. Raises `NotJson`, `InvalidBody`."""
    kind = media_type(request, JSON)
    if kind != JSON:
        raise NotJson(f"the body is sent as {kind!r}", field="Content-Type", value=kind, allowed=JSON)
    try:
        # Looked through for what pydantic lets pass; it reads the bytes itself.
        _require_few(json.loads(raw or b"{}", object_pairs_hook=_no_twice, parse_constant=_no_constant))
        read = body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise invalid_body(error, personal=getattr(body, "PERSONAL", frozenset())) from error
    except (ValueError, RecursionError) as error:
        raise InvalidBody(f"the body is no JSON document: {error}") from error
    return read


def _require_few(document: Any) -> None:
    for field, value in document.items() if isinstance(document, dict) else ():
        if isinstance(value, list) and len(value) > MOST_MEMBERS:
            raise REFUSALS[RefusalCode.BATCH_TOO_LARGE](
                f"{field} has {len(value):,} rows; allowed: at most {MOST_MEMBERS:,}",
                field=field,
                value=len(value),
                allowed=f"at most {MOST_MEMBERS:,} rows",
            )


def invalid_body(error: ValidationError, *above: str, personal: frozenset[str] = frozenset()) -> InvalidBody:
    """The problem for the first value that a type does not allow; `above` is where in the body it was read.

    The value is repeated, unless it is in a field that tells of a person or has an unknown name. In a profile not
    even the names are ours.
    """
    first = error.errors(include_url=False)[0]
    where = (*above, *first["loc"])
    if "profile" in where:
        where = where[: where.index("profile") + 1]
    field = ".".join(map(str, where))
    return InvalidBody(
        f"{field or 'the body'}: {first['msg']}",
        field=field or None,
        value=_repeated(first) if where and not personal.intersection(where) else None,
        allowed=allowed_by(first),
    )


def given_fields(body: BaseModel) -> dict[str, Any]:
    """The fields that the client named, with their values."""
    return {name: getattr(body, name) for name in type(body).model_fields if name in body.model_fields_set}


def media_type(request: Request, otherwise: str) -> str:
    """What the client says that it sends."""
    return request.headers.get("content-type", otherwise).partition(";")[0].strip().lower()


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_MEMBERS:
        raise ValueError(f"an object has more than {MOST_MEMBERS:,} names")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _repeated(error: ErrorDetails) -> Any:
    value = error["input"]
    # What is missing or unknown has the whole object for its value, or nobody knows what.
    if error["type"] in {"missing", "extra_forbidden"} or not isinstance(value, str | int | float | bool):
        return None
    return value if len(str(value)) <= 200 else f"{str(value)[:200]}…"


def body_type(command: type[Command], taken: set[str]) -> type[BaseModel] | None:
    """The fields of a command that are not `taken` by path or headers, as a body; None when there are none."""
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
    made.PERSONAL = command.PERSONAL  # type: ignore[attr-defined]
    return made


def described(body: type[BaseModel]) -> dict[str, Any]:
    """A body in the OpenAPI document."""
    schema = body.model_json_schema(ref_template=_REFERENCE)
    SCHEMAS.update(schema.pop("$defs", {}))
    SCHEMAS[body.__name__] = schema
    required = bool(schema.get("required"))
    return {
        "requestBody": {
            "required": required,
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}},
        }
    }
