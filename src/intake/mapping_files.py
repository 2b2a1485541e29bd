"""Mappings found by name (those that are shipped, in `examples/`) or read from a file of the user's own."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from drumbeat.intake.errors import MappingProblem
from drumbeat.intake.mapping import Mapping

_SHIPPED = "drumbeat.examples"
_SUFFIX = ".toml"


def shipped_names() -> list[str]:
    """The names of the mappings that come with Drumbeat."""
    folder = files(_SHIPPED)
    return sorted(one.name.removesuffix(_SUFFIX) for one in folder.iterdir() if one.name.endswith(_SUFFIX))


def load_mapping(name_or_file: str) -> Mapping:
    """The mapping of a shipped name, or of a path that ends in `.toml`. Raises `MappingProblem`."""
    return parse_mapping(*_text_of(name_or_file))


def parse_mapping(text: str, source: str) -> Mapping:
    """The mapping that a TOML text holds; `source` names it in errors. Raises `MappingProblem`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingProblem(f"{source}: not TOML: {error}") from None
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0]
        raise MappingProblem(f"{source}: {_said(first['type'], first['loc'], first['msg'])}{more}") from None


def _text_of(name_or_file: str) -> tuple[str, str]:
    if not name_or_file.endswith(_SUFFIX):
        names = shipped_names()
        if name_or_file not in names:
            raise MappingProblem(
                f"no mapping is named {name_or_file!r}: shipped are {', '.join(names)}; a file ends in {_SUFFIX}"
            )
        return files(_SHIPPED).joinpath(name_or_file + _SUFFIX).read_text(encoding="utf-8"), name_or_file
    try:
        return Path(name_or_file).read_text(encoding="utf-8"), name_or_file
    except UnicodeDecodeError:
        raise MappingProblem(f"{name_or_file}: not TOML: it is not UTF-8 text") from None
    except OSError as error:
        raise MappingProblem(f"{name_or_file}: cannot be read: {error.strerror or error}") from None


def _said(kind: str, location: Sequence[int | str], message: str) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"unknown key '{key}'"
    if kind == "missing":
        return f"key '{key}' is missing"
    said = message.removeprefix("Value error, ")
    return f"'{key}': {said}" if key else said
