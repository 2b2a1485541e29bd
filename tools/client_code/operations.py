"""The operations of an OpenAPI document, with what a method needs to know of each."""

from dataclasses import dataclass
from typing import Any

JSON = "application/json"
_LINES = "application/jsonl"
_KEYED = "Idempotency-Key"
_VERSIONED = "If-Match"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of path or query."""

    name: str
    schema: dict[str, Any]
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `body` is the schema of a JSON body, `upload` the content type of any other."""

    name: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    path_parameters: tuple[Parameter, ...]
    query_parameters: tuple[Parameter, ...]
    keyed: bool
    versioned: bool
    body: dict[str, Any] | None
    upload: str | None
    answer: dict[str, Any] | None
    """The schema of a JSON answer."""
    answers_bytes: bool
    answers_lines: bool
    """Text of any length, a row a line: it is given as it comes."""

    @property
    def is_paged(self) -> bool:
        """Whether its answer is a page that another one may follow."""
        return any(one.name == "cursor" for one in self.query_parameters)


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Every operation, in the document's order. Raises `ValueError` for what no method can be made of."""
    return [
        _operation(path, method, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def _operation(path: str, method: str, told: dict[str, Any]) -> Operation:
    parameters = told.get("parameters", [])
    headers = {one["name"] for one in parameters if one["in"] == "header"}
    if headers - {_KEYED, _VERSIONED}:
        raise ValueError(f"{method} {path} takes headers that the client does not know: {sorted(headers)}")
    body, upload = _sent(told.get("requestBody", {}).get("content", {}))
    answer, answers_bytes = _answered(told["responses"])
    answers_lines = any(_LINES in one.get("content", {}) for one in told["responses"].values())
    return Operation(
        name=told["operationId"],
        tag=told["tags"][0],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        description=told["description"],
        path_parameters=_parameters(parameters, "path"),
        query_parameters=_parameters(parameters, "query"),
        keyed=_KEYED in headers,
        versioned=_VERSIONED in headers,
        body=body,
        upload=upload,
        answer=answer,
        answers_bytes=answers_bytes,
        answers_lines=answers_lines,
    )


def _parameters(parameters: list[dict[str, Any]], place: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name=one["name"], schema=one["schema"], required=one.get("required", False))
        for one in parameters
        if one["in"] == place
    )


def _sent(content: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    if JSON in content:
        return content[JSON]["schema"], None
    return None, next(iter(content), None)


def _answered(responses: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    contents = [one.get("content", {}) for status, one in responses.items() if status.startswith("2")]
    schemas = [content[JSON]["schema"] for content in contents if JSON in content]
    if any(schema != schemas[0] for schema in schemas):
        raise ValueError("an operation has answers of several kinds")
    return (schemas[0], False) if schemas else (None, any(contents))
