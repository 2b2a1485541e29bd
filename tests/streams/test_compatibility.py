"""What breaks a reader fails the build by the name of a rule: today's schemas against those that were released."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from streams_contract.compatibility import REASONS, Offence, Rule, offences
from streams_contract.schemas import STREAMS, schemas

Schema = dict[str, Any]
NAME = "parcel.sent.v1"
RELEASED: Schema = {
    "title": NAME,
    "type": "object",
    "properties": {
        "type": {"const": NAME},
        "data": {
            "type": "object",
            "properties": {
                "parcel_id": {"type": "string", "format": "uuid"},
                "size": {"$ref": "#/$defs/Size"},
                "weight": {"type": "integer", "minimum": 1, "maximum": 30_000},
                "note": {"type": "string", "default": ""},
                "label": {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 10},
                "stops": {"type": "array", "items": {"$ref": "#/$defs/Stop"}},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "worth": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            },
            "required": ["parcel_id", "size"],
        },
    },
    "required": ["type", "data"],
    "$defs": {
        "Size": {"type": "string", "enum": ["small", "large"], "description": "How large."},
        "Stop": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def after(change: Callable[[Schema, Schema], object]) -> list[Offence]:
    """What a change to the fields (or the whole) of the released schema breaks."""
    now = copy.deepcopy(RELEASED)
    change(now["properties"]["data"]["properties"], now)
    return offences({NAME: RELEASED}, {NAME: now})


def data(whole: Schema) -> Schema:
    found: Schema = whole["properties"]["data"]
    return found


# The rule, where it is broken, and the change that breaks it.
OFFENCES: list[tuple[Rule, str, Callable[[Schema, Schema], object]]] = [
    (Rule.FIELD_REMOVED, "data.note", lambda fields, whole: fields.pop("note")),
    (Rule.FIELD_REMOVED, "data.stops[].city", lambda fields, whole: whole["$defs"]["Stop"].update(properties={})),
    (
        Rule.REQUIRED_FIELD_ADDED,
        "data.carrier",
        lambda fields, whole: (fields.update(carrier={}), data(whole)["required"].append("carrier")),
    ),
    (Rule.FIELD_NOW_REQUIRED, "data.note", lambda fields, whole: data(whole)["required"].append("note")),
    (Rule.FIELD_NO_LONGER_REQUIRED, "data.size", lambda fields, whole: data(whole)["required"].remove("size")),
    (Rule.KIND_CHANGED, "data.weight", lambda fields, whole: fields["weight"].update(type="number")),
    (Rule.KIND_CHANGED, "data.parcel_id", lambda fields, whole: fields["parcel_id"].pop("format")),
    (Rule.KIND_CHANGED, "data.tags{}", lambda fields, whole: fields["tags"].update(additionalProperties={})),
    (Rule.KIND_CHANGED, "data.worth", lambda fields, whole: fields["worth"]["anyOf"].append({"type": "boolean"})),
    (Rule.KIND_CHANGED, "data.stops[]", lambda fields, whole: fields["stops"].pop("items")),
    (Rule.VALUE_REMOVED, "data.size", lambda fields, whole: whole["$defs"]["Size"].update(enum=["small"])),
    (Rule.VALUE_ADDED, "data.size", lambda fields, whole: whole["$defs"]["Size"]["enum"].append("huge")),
    (Rule.DEFAULT_CHANGED, "data.note", lambda fields, whole: fields["note"].update(default="none")),
    (Rule.DEFAULT_CHANGED, "data.note", lambda fields, whole: fields["note"].pop("default")),
    (Rule.CONSTRAINT_TIGHTENED, "data.weight", lambda fields, whole: fields["weight"].update(minimum=100)),
    (Rule.CONSTRAINT_TIGHTENED, "data.weight", lambda fields, whole: fields["weight"].update(maximum=100)),
    (Rule.CONSTRAINT_TIGHTENED, "data.label", lambda fields, whole: fields["label"].update(pattern="^[AB]+$")),
    (Rule.CONSTRAINT_TIGHTENED, "data.note", lambda fields, whole: fields["note"].update(maxLength=5)),
    (Rule.CONSTRAINT_TIGHTENED, "data.note", lambda fields, whole: fields["note"].update(enum=["a"])),
    (Rule.CONSTRAINT_LOOSENED, "data.label", lambda fields, whole: fields["label"].update(maxLength=20)),
    (Rule.CONSTRAINT_LOOSENED, "data.label", lambda fields, whole: fields["label"].pop("pattern")),
    (Rule.CONSTRAINT_LOOSENED, "data.size", lambda fields, whole: whole["$defs"]["Size"].pop("enum")),
]  # fmt: skip

HARMLESS: dict[str, Callable[[Schema, Schema], object]] = {
    "nothing": lambda fields, whole: None,
    "a field that may be missing": lambda fields, whole: fields.update(carrier={"type": "string", "default": "x"}),
    "a field of a definition that may be missing": lambda fields, whole: whole["$defs"]["Stop"][
        "properties"
    ].update(street={"type": "string"}),
    "other words": lambda fields, whole: whole["$defs"]["Size"].update(description="The size."),
    "values in another order": lambda fields, whole: whole["$defs"]["Size"].update(enum=["large", "small"]),
    "kinds in another order": lambda fields, whole: fields["worth"]["anyOf"].reverse(),
    "a definition under another name": lambda fields, whole: (
        whole["$defs"].update(ParcelSize=whole["$defs"].pop("Size")),
        fields["size"].update({"$ref": "#/$defs/ParcelSize"}),
    ),
    "a definition written where it is used": lambda fields, whole: fields.update(
        size={"type": "string", "enum": ["small", "large"]}
    ),
}


@pytest.mark.parametrize(("rule", "path", "change"), OFFENCES)
def test_a_change_that_breaks_readers_is_named_with_its_rule_and_place(
    rule: Rule, path: str, change: Callable[[Schema, Schema], object]
) -> None:
    (offence,) = after(change)
    assert (offence.type_name, offence.path, offence.rule) == (NAME, path, rule)
    assert offence.line().startswith(f"{NAME} {path}: {rule}")
    assert REASONS[rule] in offence.line()


def test_a_type_that_is_gone_is_named() -> None:
    assert offences({NAME: RELEASED}, {}) == [Offence(NAME, "", Rule.TYPE_REMOVED)]


def test_every_rule_has_been_seen_to_be_broken() -> None:
    assert {rule for rule, _, _ in OFFENCES} | {Rule.TYPE_REMOVED} == set(Rule) == set(REASONS)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_change_that_readers_do_not_notice_breaks_nothing(change: Callable[[Schema, Schema], object]) -> None:
    assert after(change) == []


def test_a_new_type_and_a_new_version_break_nothing() -> None:
    now = {NAME: RELEASED, "parcel.sent.v2": {**RELEASED, "title": "parcel.sent.v2"}, "parcel.lost.v1": {}}
    assert offences({NAME: RELEASED}, now) == []


def test_all_offences_are_told_not_only_the_first() -> None:
    found = after(lambda fields, whole: (fields.pop("note"), fields["weight"].update(type="string")))
    assert [offence.rule for offence in found] == [Rule.KIND_CHANGED, Rule.FIELD_REMOVED]


def test_todays_schemas_keep_what_was_released() -> None:
    released = {path.stem: json.loads(path.read_text()) for path in (STREAMS / "released").glob("*.json")}
    broken = [offence.line() for offence in offences(released, schemas())]
    assert broken == [], "\n".join(broken)


def test_a_real_schema_that_breaks_would_be_noticed() -> None:
    now = schemas()
    promised = copy.deepcopy(now)
    promised["contact.enrolled.v1"]["$defs"]["Priority"]["enum"].append("urgent")
    (offence,) = offences(promised, now)
    assert offence.line().startswith(
        "contact.enrolled.v1 data.priority: value removed (urgent): records from before"
    )
    assert offences(now, now) == []
