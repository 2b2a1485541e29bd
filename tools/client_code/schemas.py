"""JSON Schema → the words of Python: what is sent is taken generously, what is answered is read exactly."""

import builtins
import keyword
from typing import Any

from client_code.operations import Operation

_PREFIX = "#/components/schemas/"
PROBLEM = "ProblemDocument"
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_ANSWERED = {"uuid": "UUID", "date-time": "datetime"}
_SENT = {"uuid": "Id", "date-time": "datetime"}


def identifier(name: str) -> str:
    """A name that Python allows."""
    plain = name.replace("-", "_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def argument(name: str) -> str:
    """A name that may stand among a function's arguments."""
    plain = identifier(name)
    return f"{plain}_" if hasattr(builtins, plain) else plain


def unset(kind: str) -> str:
    """An annotation that also allows to say nothing."""
    bare = kind.removesuffix(" | None")
    return f"{bare} | UnsetType" + (" | None" if bare != kind else "")


class Schemas:
    """The schemas of a document, and which of them are sent, answered, and begin with what every read does."""

    def __init__(self, components: dict[str, Any], operations: list[Operation]) -> None:
        self._components = components
        self.answered: set[str] = set()
        self.sent: set[str] = set()
        self.fresh: set[str] = set()
        self._reach({"$ref": _PREFIX + PROBLEM}, self.answered)
        for operation in operations:
            self._reach(operation.answer or {}, self.answered)
            for one in (*operation.path_parameters, *operation.query_parameters):
                self._reach(one.schema, self.sent)
            # The body's own fields are the method's arguments.
            for field in self.fields(operation.body):
                self._reach(field[1], self.sent)
            if operation.answer is not None and "allOf" in operation.answer:
                self.fresh.add(name_of(operation.answer["allOf"][1]))

    def fields(self, body: dict[str, Any] | None) -> list[tuple[str, dict[str, Any], bool]]:
        """Name, schema and whether it must be given, of the fields of a body: those that must be come first."""
        if body is None:
            return []
        whole = self.whole(body)
        required = set(whole.get("required", ()))
        listed = [(name, schema, name in required) for name, schema in whole.get("properties", {}).items()]
        return sorted(listed, key=lambda field: not field[2])

    def whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself instead of a reference to it."""
        found: dict[str, Any] = self._components[name_of(schema)] if "$ref" in schema else schema
        return found

    def words(self) -> dict[str, dict[str, Any]]:
        """The enumerations that a caller may have to write."""
        return {name: self._components[name] for name in sorted(self.sent) if "enum" in self._components[name]}

    def models(self) -> dict[str, dict[str, Any]]:
        """The objects, those that others are made of first."""
        listed: dict[str, dict[str, Any]] = {}
        for name in sorted(self._components):
            if name in self.answered | self.sent:
                self._list(name, listed)
        return listed

    def _list(self, name: str, listed: dict[str, dict[str, Any]]) -> None:
        schema = self._components[name]
        if name in listed or schema.get("type") != "object":
            return
        for inner in sorted(_references(schema)):
            if inner != name:
                self._list(inner, listed)
        listed[name] = schema

    def _reach(self, schema: Any, found: set[str]) -> None:
        for name in _references(schema) - found:
            found.add(name)
            self._reach(self._components[name], found)

    def of(self, schema: dict[str, Any], *, sent: bool) -> str:
        """The annotation for values of a schema; `sent`: those that a caller gives."""
        if "allOf" in schema:
            return self.of(schema["allOf"][-1], sent=sent)
        if "$ref" in schema:
            name = name_of(schema)
            # A word that this version of the client has never heard of must not make an answer unreadable.
            return "str" if not sent and "enum" in self._components[name] else class_name(name)
        if "anyOf" in schema:
            return " | ".join(dict.fromkeys(self.of(one, sent=sent) for one in schema["anyOf"]))
        if "enum" in schema or "const" in schema:
            words = schema.get("enum") or [schema["const"]]
            return f"Literal[{', '.join(map(repr, words))}]" if sent else "str"
        return self._plain(schema, sent=sent)

    def _plain(self, schema: dict[str, Any], *, sent: bool) -> str:
        kind = schema.get("type")
        if kind == "string":
            return (_SENT if sent else _ANSWERED).get(schema.get("format", ""), "str")
        if kind == "array":
            inner = self.of(schema.get("items", {}), sent=sent)
            return f"Sequence[{inner}]" if sent else f"list[{inner}]"
        if kind == "object":
            more = schema.get("additionalProperties")
            inner = self.of(more, sent=sent) if isinstance(more, dict) and more else "Any"
            return f"Mapping[str, {inner}]" if sent else f"dict[str, {inner}]"
        return _PLAIN.get(str(kind), "Any")


def name_of(schema: dict[str, Any]) -> str:
    """The name of the schema that a reference names."""
    return str(schema["$ref"]).removeprefix(_PREFIX)


def class_name(name: str) -> str:
    """The class of a schema: a page is named after its rows."""
    return f"{name.removeprefix('Page_').removesuffix('_')}Page" if name.startswith("Page_") else name


def _references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {name_of(schema)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in schema.values()))
    return set().union(*(_references(one) for one in schema)) if isinstance(schema, list) else set()
