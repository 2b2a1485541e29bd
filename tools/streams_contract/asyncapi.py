"""`streams/asyncapi.yaml`: the topics and the records in them, as AsyncAPI 3.0 has it."""

import json
from importlib.metadata import version
from typing import Any, Final

import yaml

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.dead_letter_records import DEAD_LETTER_TYPE
from drumbeat.transport.record_headers import CONTENT_TYPE, POSITION, STRUCTURED, TYPE
from drumbeat.transport.topic_definitions import DEAD_LETTERS, Topic, topic_of, topics_of
from drumbeat.transport.watermarks import WATERMARK_TYPE
from streams_contract.schemas import Schema, record_types, schemas

Document = dict[str, Any]
KAFKA_BINDING: Final = "0.5.0"

_ABOUT: Final = """
What happened in outreach campaigns, as records on Kafka. Each value is a CloudEvents 1.0 document in JSON, whole
(structured mode), and the same bytes that the event store keeps.

Records of one stream have one key and stand in order in one partition. Positions rise within a partition: skip a
record whose position is not above the last one. Watermarks say up to where everything is published. Pass over
fields and types that you do not know; take a missing field as its default.
"""


def document() -> Document:
    """The whole of it."""
    topics = topics_of(Cluster(bootstrap="localhost:9092"), {}, replication=1)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Drumbeat",
            "version": version("drumbeat"),
            "description": _ABOUT.strip(),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": STRUCTURED.decode(),
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "Your brokers."}},
        "channels": {topic.definition.name: _channel(topic) for topic in topics},
        "operations": _operations(topics),
        "components": {
            "messages": {name: _message(name, schema) for name, schema in schemas().items()},
            "messageTraits": {"record": _record(), "keyed": _keyed()},
        },
    }


def as_yaml() -> bytes:
    """The document as it is written."""
    told: str = yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return ("# Written by `make streams`.\n" + told).encode()


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and everything twice rather than by anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def types_in(topic: str) -> list[str]:
    """The types of records that a topic carries."""
    if topic == DEAD_LETTERS:
        return [DEAD_LETTER_TYPE]
    facts = [name for name in record_types() if name not in {WATERMARK_TYPE, DEAD_LETTER_TYPE}]
    return [*(name for name in facts if topic_of(name) == topic), WATERMARK_TYPE]


def _channel(topic: Topic) -> Document:
    definition = topic.definition
    configuration: Document = {key: _number(value) for key, value in topic.config.items()}
    configuration["cleanup.policy"] = [configuration["cleanup.policy"]]
    return {
        "address": topic.name,
        "title": definition.name,
        "summary": definition.summary,
        "description": f"{definition.order.strip()}\n\n{definition.growth.strip()}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types_in(definition.name)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replication,
                "topicConfiguration": configuration,
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "x-owner": definition.owner,
        "x-key": definition.key,
    }


def _number(value: str) -> str | int | bool:
    loaded = json.loads(value) if value.lstrip("-").isdecimal() or value in {"true", "false"} else value
    return loaded if isinstance(loaded, str | int) else value


def _operations(topics: tuple[Topic, ...]) -> Document:
    made: Document = {}
    for topic in topics:
        name = topic.definition.name
        channel = {"$ref": f"#/channels/{name}"}
        if name == DEAD_LETTERS:
            made["setAside"] = {
                "action": "send",
                "channel": channel,
                "summary": "A projector sets a record aside.",
            }
            continue
        made[f"publish-{name}"] = {"action": "send", "channel": channel, "summary": "The relay publishes the log."}
        made[f"project-{name}"] = {"action": "receive", "channel": channel, "summary": "Projectors fold it."}
    return made


def _message(name: str, schema: Schema) -> Document:
    keyed = [{"$ref": "#/components/messageTraits/keyed"}] if name != WATERMARK_TYPE else []
    return {
        "name": name,
        "title": name,
        "summary": schema["description"],
        "contentType": STRUCTURED.decode(),
        "payload": {"$ref": f"./schemas/{name}.json"},
        "traits": [{"$ref": "#/components/messageTraits/record"}, *keyed],
        "x-example": f"./examples/{name}.json",
    }


def _record() -> Document:
    told = {
        POSITION: ("The position in the log, in decimal digits.", {"pattern": "^[1-9][0-9]*$"}),
        TYPE: ("The type of the event, as in its value.", {}),
        CONTENT_TYPE: ("The value is the whole CloudEvent.", {"const": STRUCTURED.decode()}),
    }
    properties = {name: {"type": "string", **rules, "description": words} for name, (words, rules) in told.items()}
    return {"headers": {"type": "object", "properties": properties, "required": [TYPE, CONTENT_TYPE]}}


def _keyed() -> Document:
    key = {"type": "string", "format": "uuid", "description": "The stream's id, 36 ASCII characters."}
    return {"bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}}}
