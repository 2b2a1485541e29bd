"""The text of each generated module, before it is formatted."""

import textwrap
from dataclasses import dataclass
from typing import Any

from client_code.methods import Method
from client_code.operations import Operation, Parameter
from client_code.schemas import Schemas, argument, class_name, identifier, unset

_HEAD = '"""{words}\n\nMade from the OpenAPI document by `make client`; not to be edited.\n"""\n\n'


def package_module() -> str:
    """What says where the package comes from."""
    return _HEAD.format(
        words="What follows from the OpenAPI document: models, words, and a method for each operation."
    )


def words_module(schemas: Schemas) -> str:
    """The words that arguments may be limited to."""
    lines = [_HEAD.format(words="Words that commands and reads take."), "from typing import Literal\n"]
    for name, schema in schemas.words().items():
        lines.append(f"{name} = Literal[{', '.join(map(repr, schema['enum']))}]")
        lines.append(_docstring(schema.get("description", name)))
    return "\n".join(lines) + "\n"


def models_module(schemas: Schemas) -> str:
    """What is answered, and what bodies are made of."""
    lines = [
        _HEAD.format(words="What is answered, and what bodies are made of."),
        "from collections.abc import Mapping, Sequence",
        "from datetime import datetime",
        "from typing import Any, Literal",
        "from uuid import UUID\n",
        "import msgspec",
        "from msgspec import UNSET, UnsetType\n",
        "from drumbeat.client.values import Id",
        f"from drumbeat.client.generated.words import {', '.join(schemas.words()) or 'Literal'}\n",
    ]
    models = schemas.models()
    fresh_last = sorted(models, key=lambda name: name in schemas.fresh)
    lines += [_model(name, models[name], schemas) for name in fresh_last]
    return "\n".join(lines) + "\n"


def _model(name: str, schema: dict[str, Any], schemas: Schemas) -> str:
    sent = name not in schemas.answered
    fields = schema.get("properties", {})
    renamed = {identifier(field): field for field in fields if identifier(field) != field}
    options = "kw_only=True" + (f", rename={renamed!r}" if renamed else "")
    base = "Fresh" if name in schemas.fresh else "msgspec.Struct"
    lines = [
        f"class {class_name(name)}({base}, {options}):",
        _indented(_docstring(schema.get("description", name))),
    ]
    for field, told in fields.items():
        kind = schemas.of(told, sent=sent)
        default = "" if field in schema.get("required", ()) else _default(told, sent=sent)
        kind = unset(kind) if default == " = UNSET" else kind
        lines.append(f"    {identifier(field)}: {kind}{default}")
    return "\n".join(lines) + "\n\n"


def _default(schema: dict[str, Any], *, sent: bool) -> str:
    if sent or "default" not in schema:
        return " = UNSET"
    return f" = {schema['default']!r}"


def api_module(groups: dict[str, list[Method]]) -> str:
    """All groups together."""
    lines = [_HEAD.format(words="Every group of operations."), "from drumbeat.client.connection import Connection"]
    lines += [f"from drumbeat.client.generated.{group} import {_class(group)}" for group in sorted(groups)]
    lines += ["\n\nclass Api:", '    """Every operation of both APIs, in groups."""\n']
    lines.append("    def __init__(self, connection: Connection) -> None:")
    lines += [f"        self.{group} = {_class(group)}(connection)" for group in sorted(groups)]
    return "\n".join(lines) + "\n"


def group_module(group: str, methods: list[Method], schemas: Schemas) -> str:
    """One group of operations."""
    lines = [
        _HEAD.format(words=f"Operations on {group}."),
        "from collections.abc import Iterator, Mapping, Sequence",
        "from datetime import datetime",
        "from typing import Any, Literal\n",
        "from msgspec import UNSET, UnsetType\n",
        "from drumbeat.client.connection import Connection, path",
        "from drumbeat.client.paging import each",
        "from drumbeat.client.values import AtLeast, Id",
    ]
    models = [class_name(name) for name in schemas.models()]
    lines.append(f"from drumbeat.client.generated.models import {', '.join(models)}")
    lines.append(f"from drumbeat.client.generated.words import {', '.join(schemas.words())}")
    lines += [f"\n\nclass {_class(group)}:", f'    """Operations on {group}."""\n']
    lines += ["    def __init__(self, connection: Connection) -> None:", "        self._connection = connection\n"]
    for method in methods:
        lines.append(_indented(_method(method, schemas)))
        if method.each is not None:
            lines.append(_indented(_each(method, schemas)))
    return "\n".join(lines) + "\n"


def _method(method: Method, schemas: Schemas) -> str:
    operation = method.operation
    answers = _answers(operation, schemas)
    arguments = _arguments(operation, schemas)
    signature = _signature(operation, arguments)
    returns = f"Iterator[{answers}]" if operation.answers_lines else answers
    lines = [f"def {method.name}({signature}) -> {returns}:", _indented(_docstring(_told(operation)))]
    lines.append(f"    return {_call(operation, answers, schemas)}\n")
    return "\n".join(lines)


def _each(method: Method, schemas: Schemas) -> str:
    operation = method.operation
    page = _answers(operation, schemas)
    row = page.removesuffix("Page")
    arguments = [one for one in _arguments(operation, schemas) if one.name != "cursor"]
    signature = _signature(operation, arguments)
    given = [one.name for one in _positional(operation, arguments)]
    given += [f"{one.name}={one.name}" for one in arguments[len(given) :]]
    told = f"Every row of `{method.name}`, page by page; `limit` is the size of a page."
    call = f"self.{method.name}({', '.join(given)}, cursor=cursor)"
    return "\n".join(
        [
            f"def {method.each}({signature}) -> Iterator[{row}]:",
            _indented(_docstring(told)),
            f"    return each(lambda cursor: {call})\n",
        ]
    )


@dataclass(frozen=True, slots=True)
class _Argument:
    """What a method takes; `default` None: it must be given."""

    name: str
    kind: str
    default: str | None = None

    def __str__(self) -> str:
        if self.default is None:
            return f"{self.name}: {self.kind}"
        kind = {"None": f"{self.kind} | None", "UNSET": unset(self.kind)}.get(self.default, self.kind)
        return f"{self.name}: {kind} = {self.default}"


def _arguments(operation: Operation, schemas: Schemas) -> list[_Argument]:
    """Everything a method takes: the path first, then the body, then what goes beside it."""
    found = [_Argument(argument(one.name), schemas.of(one.schema, sent=True)) for one in operation.path_parameters]
    if operation.upload is not None:
        found.append(_Argument("content", "bytes"))
    for name, told, must in schemas.fields(operation.body):
        found.append(_Argument(argument(name), schemas.of(told, sent=True), None if must else "UNSET"))
    found += [_asked_for(one, schemas) for one in operation.query_parameters]
    if operation.versioned:
        found.append(_Argument("if_match", "int", "None"))
    if operation.keyed:
        found.append(_Argument("idempotency_key", "str", "None"))
    names = [one.name for one in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{operation.name} takes {sorted(twice)} in several places")
    return found


def _asked_for(parameter: Parameter, schemas: Schemas) -> _Argument:
    # A query has no null: what is not given is left out.
    kind = schemas.of(parameter.schema, sent=True).removesuffix(" | None")
    kind = "AtLeast" if parameter.name == "at_least" else kind
    default = None if parameter.required else "False" if parameter.schema.get("default") is False else "None"
    return _Argument(argument(parameter.name), kind, default)


def _positional(operation: Operation, arguments: list[_Argument]) -> list[_Argument]:
    """Ids of the path, and a file; all else is named at the call."""
    of_path = len(operation.path_parameters) + (operation.upload is not None)
    return arguments[:of_path]


def _signature(operation: Operation, arguments: list[_Argument]) -> str:
    positional = _positional(operation, arguments)
    named = arguments[len(positional) :]
    return ", ".join(["self", *map(str, positional), *(["*"] if named else []), *map(str, named)])


def _call(operation: Operation, answers: str, schemas: Schemas) -> str:
    given = [f'"{operation.method}"', _path(operation)]
    if operation.query_parameters:
        query = ", ".join(f'"{one.name}": {_given(one)}' for one in operation.query_parameters)
        given.append(f"query={{{query}}}")
    if operation.body is not None:
        fields = ", ".join(f'"{name}": {argument(name)}' for name, _, _ in schemas.fields(operation.body))
        given.append(f"body={{{fields}}}")
    if operation.upload is not None:
        given.append(f'content=content, content_type="{operation.upload}"')
    if operation.versioned:
        given.append("if_match=if_match")
    if operation.keyed:
        given.append("idempotency_key=idempotency_key")
    return f"self._connection.{_asked(operation)}({', '.join([*given, f'answers={answers}'])})"


def _given(parameter: Parameter) -> str:
    # What is false when it is left out is left out when it is false.
    name = argument(parameter.name)
    return f"{name} or None" if parameter.schema.get("default") is False else name


def _asked(operation: Operation) -> str:
    if operation.answers_lines:
        return "lines"
    if operation.answers_bytes:
        return "raw"
    return "command" if operation.method != "GET" else "read"


def _path(operation: Operation) -> str:
    parts = ", ".join(
        [repr(operation.path), *(f"{one.name}={argument(one.name)}" for one in operation.path_parameters)]
    )
    return f"path({parts})"


def _answers(operation: Operation, schemas: Schemas) -> str:
    if operation.answer is not None:
        return schemas.of(operation.answer, sent=False)
    if operation.answers_lines:
        return "str"
    return "bytes" if operation.answers_bytes else "None"


def _told(operation: Operation) -> str:
    return f"{operation.summary}.\n\n{operation.description}\n\n`{operation.method} {operation.path}`"


def _docstring(words: str) -> str:
    clean = textwrap.dedent("\n".join(line.strip() for line in words.strip().splitlines()))
    lines: list[str] = []
    for paragraph in clean.split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), 100, break_long_words=False), ""]
    text = "\n".join(lines).strip().replace("\\", "\\\\").replace('"""', "'''")
    end = "\n" if "\n" in text else ""
    return f'"""{text}{end}"""'


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def _class(group: str) -> str:
    return "".join(word.title() for word in group.split("_")) + "Operations"
