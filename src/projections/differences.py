"""What differs between two documents, by the paths of what they hold."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Projection
from drumbeat.queries import load_queries

_COLUMN = re.compile(r"^ +(\w+) +(jsonb?|\w+\[\])", re.MULTILINE)
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}]+)')


class Difference(NamedTuple):
    """A value that is another one; `field` is its path, `settings.max_retries`. None: it is not there."""

    field: str
    before: Any
    after: Any


def differences(before: Any, after: Any, *, path: str = "") -> list[Difference]:
    """Every value that differs, in the order of the fields.

    Objects are compared field by field. So are lists of objects, by the `id` of each where they have one, else by
    their places from 0 on; other lists are values.
    """
    return list(_differ(path, before, after))


def _differ(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    old, new = _fields(before), _fields(after)
    if (old is None and before is not None) or (new is None and after is not None) or not (old or new):
        yield Difference(path, before, after)
        return
    for name in dict.fromkeys((*(old or {}), *(new or {}))):
        inner = f"{path}.{name}" if path else name
        yield from _differ(inner, (old or {}).get(name), (new or {}).get(name))


def _fields(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return {str(name): inner for name, inner in value.items()}
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    if not all(isinstance(one, Mapping) for one in value):
        return None
    if all("id" in one for one in value):
        return {str(one["id"]): {name: inner for name, inner in one.items() if name != "id"} for one in value}
    return {str(place): one for place, one in enumerate(value)}


def document_of(row: Row, projection: Projection) -> dict[str, Any]:
    """A row of a projection as plain values by column; columns of JSON and of arrays, which it holds as text, are
    read."""
    kinds = _held_as_text(projection.sql)
    told: dict[str, Any] = msgspec.to_builtins({name: getattr(row, name) for name in row.__struct_fields__})
    return {name: _read(kinds[name], value) if name in kinds else value for name, value in told.items()}


@lru_cache(maxsize=64)
def _held_as_text(script: Path) -> Mapping[str, str]:
    # The `.sql` file is the only definition of the columns.
    return dict(_COLUMN.findall(load_queries(script)["tables"].decode()))


def _read(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    if kind.endswith("[]"):
        return [_element(kind, quoted, bare) for quoted, bare in _ELEMENT.findall(text[1:-1])]
    return json.loads(text)


def _element(kind: str, quoted: str, bare: str) -> str | int | None:
    if bare == "NULL":
        return None
    if bare:
        return int(bare) if kind.startswith("int") else bare
    return re.sub(r"\\(.)", r"\1", quoted)
