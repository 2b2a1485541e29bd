"""What every command is asked with beside its path and its body, read by ourselves.

FastAPI's way costs as much as carrying the command out: it looks at each parameter's type anew with each request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Query, Request
from pydantic import ValidationError

from drumbeat.commands.command import Command
from drumbeat.web.declaring import refuse_unknown
from drumbeat.web.problems import InvalidHeader, InvalidParameter

LONGEST_KEY = 200

_DRY_RUN = "Decide, answer what would happen or the refusal, and write nothing."
_KEY = "The same command under the same key has its effect once, and gets the first answer again."
_VERSION = {"type": "string", "pattern": '^(\\*|(W/)?"?[0-9]{1,9}"?)$'}
_IF_MATCH = "The version that the stream must stand at, in quotes; 412 names the current one."

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=LONGEST_KEY, description=_KEY)
]
"""The same for endpoints whose signature has their parameters."""
DryRun = Annotated[bool, Query(description=_DRY_RUN)]
"""The same for endpoints whose signature has their parameters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a command is to be carried out. `expected_version` None: at whatever version its stream stands."""

    idempotency_key: str | None
    expected_version: int | None
    dry_run: bool


def asked_of(request: Request, *, versioned: bool) -> Asked:
    """What a request says; `versioned`: its command minds the version.

    Raises `UnknownParameter`, `InvalidParameter`, `InvalidHeader`.
    """
    refuse_unknown(request)
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise InvalidHeader(
            f"Idempotency-Key has {len(key)} characters",
            field="Idempotency-Key",
            value=key[:LONGEST_KEY],
            allowed=f"1 to {LONGEST_KEY} characters",
        )
    version = _version(request.headers.get("if-match")) if versioned else None
    return Asked(key, version, _is_dry(request))


def invalid_path(error: ValidationError) -> InvalidParameter:
    """The problem for the first part of a path that names nothing."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    return InvalidParameter(f"{field}: {first['msg']}", field=field, value=first["input"])


def parameters(command: type[Command], ids: Sequence[str], *, versioned: bool) -> list[dict[str, Any]]:
    """All of this, and the path's, in the OpenAPI document."""
    schemas = command.model_json_schema()["properties"]
    named = [{"name": name, "in": "path", "required": True, "schema": schemas[name]} for name in ids]
    key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
    return [
        *named,
        _optional("Idempotency-Key", "header", key, _KEY),
        *([_optional("If-Match", "header", _VERSION, _IF_MATCH)] if versioned else []),
        _optional("dry_run", "query", {"type": "boolean", "default": False}, _DRY_RUN),
    ]


def _optional(name: str, place: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": False, "description": words, "schema": schema}


def _is_dry(request: Request) -> bool:
    if not request.scope["query_string"]:
        return False
    said = request.query_params.get("dry_run", "false")
    if said not in {"true", "false"}:
        raise InvalidParameter("dry_run is true or false", field="dry_run", value=said, allowed=["true", "false"])
    return said == "true"


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
