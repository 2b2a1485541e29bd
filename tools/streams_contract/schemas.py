"""The JSON Schema of every record: the envelope as `events.codec` writes it, and the data of each fact.

A schema describes every record of its type that a topic can hold, old ones too. So a field with a default is not
required: records from before the field was there lack it. What is not known is left out, never null. Further
fields are allowed: readers pass over what they do not know.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from drumbeat.events import FACTS, Cause, Fact
from drumbeat.events.upcasters import UPCASTERS
from drumbeat.transport.dead_letter_records import DEAD_LETTER_TYPE
from drumbeat.transport.dead_letter_records import SOURCE as PROJECTOR
from drumbeat.transport.watermarks import SOURCE as RELAY
from drumbeat.transport.watermarks import WATERMARK_TYPE

Schema = dict[str, Any]
STREAMS: Final = Path(__file__).parents[2] / "streams"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_REQUIREMENT: Final = re.compile(r"\s\([A-Z]-\d\d[^)]*\)")
"""The number of a requirement, which says nothing outside this house."""

_UUID: Final = {"type": "string", "format": "uuid"}
_TIME: Final = {"type": "string", "format": "date-time"}
_POSITION: Final = {"type": "integer", "minimum": 1}


def told(schema: Schema, description: str) -> Schema:
    """A schema with what it means."""
    return {**schema, "description": description}


def record_types() -> tuple[str, ...]:
    """Every type that a record can have: facts, old versions of them, watermarks and dead letters."""
    return tuple(sorted([*FACTS, *UPCASTERS, WATERMARK_TYPE, DEAD_LETTER_TYPE]))


def schemas() -> dict[str, Schema]:
    """Every type with its schema. Of an old version only its file is left; it is handed out as it is."""
    made = {name: _of_fact(fact) for name, fact in FACTS.items()}
    made |= {name: json.loads((STREAMS / "schemas" / f"{name}.json").read_text()) for name in UPCASTERS}
    made[WATERMARK_TYPE] = _watermark()
    made[DEAD_LETTER_TYPE] = _dead_letter()
    return dict(sorted(made.items()))


def _of_fact(fact: type[Fact]) -> Schema:
    data = _as_written(_sealed(fact.model_json_schema(by_alias=True)))
    definitions = data.pop("$defs", None)
    description = data.pop("description")
    envelope = {
        "source": told({"type": "string", "pattern": "^/drumbeat/."}, "/drumbeat/ and the workspace"),
        "subject": told(_UUID, "The stream; the key of the record."),
        "streamversion": told({"type": "integer", "minimum": 1}, "Counts from 1 within the stream."),
        "workspaceid": told({"type": "string", "minLength": 1}, "The tenant."),
        "actor": told({"type": "string"}, "Who made it happen."),
        "cause": told({"type": "string", "enum": [cause.value for cause in Cause]}, "What kind of actor that is."),
        "correlationid": told(_UUID, "The same for everything that one request brought about."),
    }
    optional = {
        "campaignid": told(_UUID, "The campaign that it belongs to."),
        "causationid": told(_UUID, "The event that made a policy act."),
        "via": told({"type": "string"}, "The key through which a product named the actor for whom it acted."),
    }
    schema = _document(fact.TYPE, description, envelope, optional, data)
    return schema if definitions is None else {**schema, "$defs": definitions}


def _sealed(data: Schema) -> Schema:
    """The data with its `private` as the bytes have it: sealed, whatever is in it."""
    if "private" not in data["properties"]:
        return data
    data["properties"]["private"] = {
        "description": "What is personal, sealed: without the person's key nobody can tell what it says.",
        "type": "object",
        "properties": {
            "person": told(_UUID, "Whose it is: the same in every campaign of the workspace."),
            "key": told(
                {"type": "integer", "minimum": 1}, "Which of their keys: after an erasure there is a new one."
            ),
            "sealed": told(
                {"type": "string", "contentEncoding": "base64"},
                "AES-256-GCM: 12 bytes of nonce, ciphertext.",
            ),
        },
        "required": ["person", "key", "sealed"],
    }
    named: dict[str, Schema] = data.pop("$defs")
    used = _named_in(data, named)
    return {**data, "$defs": {name: named[name] for name in sorted(used)}} if used else data


def _named_in(node: Any, named: dict[str, Schema]) -> set[str]:
    """The definitions that a schema refers to, over others too."""
    if isinstance(node, list):
        return set[str]().union(*(_named_in(item, named) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set[str]().union(*(_named_in(value, named) for value in node.values()))
    if isinstance(reference := node.get("$ref"), str):
        name = reference.rpartition("/")[2]
        found |= {name} | _named_in(named[name], named)
    return found


def _document(type_name: str, description: str, envelope: Schema, optional: Schema, data: Schema) -> Schema:
    always = {
        "specversion": {"const": "1.0"},
        "id": told(_UUID, "The same record again has the same id."),
        "type": {"const": type_name},
        "time": told(_TIME, "UTC."),
        "datacontenttype": {"const": "application/json"},
        **envelope,
        "data": data,
    }
    return {
        "$schema": DRAFT,
        "title": type_name,
        "description": description,
        "type": "object",
        "properties": {**always, **optional},
        "required": list(always),
    }


def _as_written(node: Any) -> Any:
    """A model's schema as its bytes are: nothing is null, and readers let pass what they do not know."""
    if isinstance(node, list):
        return [_as_written(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _of_keyword(key, value) for key, value in node.items() if key != "title"}
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    if "default" in kept and kept["default"] is None:
        del kept["default"]
    variants = [one for one in kept.get("anyOf", ()) if one != {"type": "null"}]
    if len(variants) == 1:
        del kept["anyOf"]
        return {**variants[0], **kept}
    return {**kept, "anyOf": variants} if variants else kept


def _of_keyword(key: str, value: Any) -> Any:
    # Below `properties` the keys are names of fields, and a field may be called `title`.
    if key in {"properties", "$defs"}:
        return {name: _as_written(schema) for name, schema in value.items()}
    if key == "description":
        return _REQUIREMENT.sub("", value)
    return value if key in {"default", "enum", "required"} else _as_written(value)


def _watermark() -> Schema:
    meaning = "Everything at or below this position is published, in every topic. Written into every partition."
    data = {"type": "object", "properties": {"position": _POSITION}, "required": ["position"]}
    return _document(WATERMARK_TYPE, meaning, {"source": {"const": RELAY}}, {}, data)


def _dead_letter() -> Schema:
    place = {
        "source_topic": told({"type": "string"}, "Where the record stood."),
        "source_partition": {"type": "integer", "minimum": 0},
        "projection": told({"type": "string"}, "The read model that could not apply it."),
        "reason": told({"type": "string"}, "Why, in words."),
        "record_base64": told({"type": "string", "contentEncoding": "base64"}, "All bytes of the record's value."),
    }
    readable = {
        "source_offset": told(
            {"type": "integer", "minimum": 0},
            "Not there when the event came from the log, in the stead of a record that the topic had lost.",
        ),
        "position": told(_POSITION, "As far as the record said so."),
        "stream_id": told(_UUID, "As far as the record said so."),
        "type": told({"type": "string"}, "As far as the record said so."),
    }
    data = {"type": "object", "properties": {**place, **readable}, "required": list(place)}
    meaning = "A record that a consumer could not apply, whole."
    return _document(DEAD_LETTER_TYPE, meaning, {"source": {"const": PROJECTOR}}, {}, data)
