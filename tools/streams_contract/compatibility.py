"""Whether a change of the schemas breaks somebody who reads the topics. Pure: schemas in, named offences out.

Topics keep records for ever, and readers are not deployed with us. So a schema of today must describe the records
of yesterday, and readers of yesterday must manage the records of today: what a type says can only grow by fields
that may be missing. Everything else takes a new version of the type, and an upcaster.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Schema = Mapping[str, Any]


class Rule(StrEnum):
    """What a change may not do."""

    TYPE_REMOVED = "type removed"
    FIELD_REMOVED = "field removed"
    REQUIRED_FIELD_ADDED = "required field added"
    FIELD_NOW_REQUIRED = "field now required"
    FIELD_NO_LONGER_REQUIRED = "field no longer required"
    KIND_CHANGED = "kind changed"
    VALUE_REMOVED = "value removed"
    VALUE_ADDED = "value added"
    DEFAULT_CHANGED = "default changed"
    CONSTRAINT_TIGHTENED = "constraint tightened"
    CONSTRAINT_LOOSENED = "constraint loosened"


REASONS: Final = {
    Rule.TYPE_REMOVED: "its records stay in the topics, and nothing would say what they are",
    Rule.FIELD_REMOVED: "readers that use it would find nothing",
    Rule.REQUIRED_FIELD_ADDED: "records from before do not have it",
    Rule.FIELD_NOW_REQUIRED: "records from before may lack it",
    Rule.FIELD_NO_LONGER_REQUIRED: "readers rely on it being there",
    Rule.KIND_CHANGED: "readers take it for what it was, and records from before hold that",
    Rule.VALUE_REMOVED: "records from before hold it",
    Rule.VALUE_ADDED: "readers that tell the values apart have no branch for it",
    Rule.DEFAULT_CHANGED: "records without the field would mean something else than they meant",
    Rule.CONSTRAINT_TIGHTENED: "records from before may not keep to it",
    Rule.CONSTRAINT_LOOSENED: "readers made room for what was promised",
}


@dataclass(frozen=True, slots=True)
class Offence:
    """One way in which a type no longer keeps what it promised."""

    type_name: str
    path: str
    rule: Rule
    what: str = ""

    def line(self) -> str:
        """For people, on one line."""
        where = f"{self.type_name} {self.path}".rstrip()
        told = f" ({self.what})" if self.what else ""
        return f"{where}: {self.rule}{told}: {REASONS[self.rule]}; make a new version of the type and an upcaster"


def offences(released: Mapping[str, Schema], now: Mapping[str, Schema]) -> list[Offence]:
    """Everything in which the schemas of now break what was released. New types break nothing."""
    found: list[Offence] = []
    for name, old in sorted(released.items()):
        if name not in now:
            found.append(Offence(name, "", Rule.TYPE_REMOVED))
            continue
        found += [Offence(name, path, rule, what) for path, rule, what in _Comparison(old, now[name]).found()]
    return found


Found = tuple[str, Rule, str]

_LOWER_BOUNDS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_KIND: Final = ("type", "format", "contentEncoding", "anyOf")
_ABSENT: Final = object()


class _Comparison:
    """Two schemas of one type, each with the definitions that its references mean."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def found(self) -> Iterator[Found]:
        return self._node("", self._old, self._new)

    def _node(self, path: str, old: Schema, new: Schema) -> Iterator[Found]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        before, after = _kind(old, self._old), _kind(new, self._new)
        if before != after:
            yield path, Rule.KIND_CHANGED, f"{_shown(before)} → {_shown(after)}"
            return
        yield from _values(path, old, new)
        yield from _bounds(path, old, new)
        if old.get("default", _ABSENT) != new.get("default", _ABSENT):
            yield path, Rule.DEFAULT_CHANGED, f"{old.get('default', 'none')} → {new.get('default', 'none')}"
        yield from self._fields(path, old, new)
        for inner, word in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(old.get(inner), Mapping) or isinstance(new.get(inner), Mapping):
                yield from self._node(path + word, _schema(old.get(inner)), _schema(new.get(inner)))

    def _fields(self, path: str, old: Schema, new: Schema) -> Iterator[Found]:
        fields, now = old.get("properties", {}), new.get("properties", {})
        required, required_now = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in fields.items():
            where = f"{path}.{name}".lstrip(".")
            if name not in now:
                yield where, Rule.FIELD_REMOVED, ""
                continue
            if name in required_now - required:
                yield where, Rule.FIELD_NOW_REQUIRED, ""
            if name in required - required_now:
                yield where, Rule.FIELD_NO_LONGER_REQUIRED, ""
            yield from self._node(where, schema, now[name])
        for name in sorted(required_now - fields.keys()):
            yield f"{path}.{name}".lstrip("."), Rule.REQUIRED_FIELD_ADDED, ""


def _values(path: str, old: Schema, new: Schema) -> Iterator[Found]:
    before, after = _choices(old), _choices(new)
    if before is None or after is None:
        if before != after:
            rule = Rule.CONSTRAINT_TIGHTENED if before is None else Rule.CONSTRAINT_LOOSENED
            yield path, rule, "the values that it may have"
        return
    for value in before:
        if value not in after:
            yield path, Rule.VALUE_REMOVED, str(value)
    for value in after:
        if value not in before:
            yield path, Rule.VALUE_ADDED, str(value)


def _bounds(path: str, old: Schema, new: Schema) -> Iterator[Found]:
    for word in (*_LOWER_BOUNDS, *_UPPER_BOUNDS, "pattern"):
        before, after = old.get(word), new.get(word)
        if before == after:
            continue
        if before is None or after is None or word == "pattern":
            looser = after is None
        else:
            looser = after < before if word in _LOWER_BOUNDS else after > before
        rule = Rule.CONSTRAINT_LOOSENED if looser else Rule.CONSTRAINT_TIGHTENED
        yield path, rule, f"{word} {before} → {after}"


def _choices(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return None if found is None else list(found)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        named = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        schema = {**named, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _kind(schema: Schema, root: Schema) -> dict[str, Any]:
    """What kind of value a schema means; of several, all of them in any order."""
    kind = {word: schema[word] for word in _KIND if word in schema}
    if "anyOf" in kind:
        variants = [{**_resolved(one, root), "description": ""} for one in kind["anyOf"]]
        kind["anyOf"] = sorted(json.dumps(one, sort_keys=True) for one in variants)
    return kind


def _schema(told: Any) -> Schema:
    return told if isinstance(told, Mapping) else {}


def _shown(kind: Mapping[str, Any]) -> str:
    return " ".join(str(part) for part in kind.values()) or "anything"
