"""The contract in `streams/`: schemas that follow from the classes, and examples that every consumer can read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator, ValidationError

from drumbeat import bootstrap
from drumbeat.events import FACTS
from drumbeat.events.codec import decode, decode_told, encode
from drumbeat.events.light import LightEvent, decode_light
from drumbeat.events.private import find_sealed
from drumbeat.events.upcasters import UPCASTERS
from drumbeat.opsapi.follow import Choice, Shown
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.engine.plan import Plan
from drumbeat.settings import Settings
from drumbeat.transport.dead_letter_records import DEAD_LETTER_TYPE, decode_dead_letter
from drumbeat.transport.source import LogRow
from drumbeat.transport.watermarks import WATERMARK_TYPE, position_of
from streams_contract.files import generated, stale
from streams_contract.schemas import STREAMS, record_types
from support.projecting import ListLog, project, rows_of

EVENTS = sorted([*FACTS, *UPCASTERS])
FIRST_OF_A_STREAM = {"campaign.drafted.v1", "contact.enrolled.v1", "schedule.defined.v1", "sender.registered.v1"}
GENERATED = generated()
PLAN = Plan(bootstrap.PROJECTIONS)


def schema(type_name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STREAMS / "schemas" / f"{type_name}.json").read_text())
    return found


def example(type_name: str) -> bytes:
    return (STREAMS / "examples" / f"{type_name}.json").read_bytes()


def validator(type_name: str) -> Draft202012Validator:
    found = schema(type_name)
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found, format_checker=Draft202012Validator.FORMAT_CHECKER)


# -- every consumer of events: what it makes of the bytes of a type, raising when it cannot


def by_the_codec(type_name: str, raw: bytes) -> object:
    return decode(raw).fact


def by_simulations(_type_name: str, raw: bytes) -> object:
    event = decode(raw)
    assert decode_told(raw) == (event.workspace_id, event.time, event.fact)
    return event.fact


def by_light_types(type_name: str, raw: bytes) -> object:
    return decode_light(type_name, raw).data


def by_the_cloudevents_sdk(type_name: str, raw: bytes) -> object:
    read = JSONFormat().read(CloudEvent, raw)
    assert read.get_type() == type_name
    return read.get_data()


def by_the_projections(type_name: str, raw: bytes) -> object:
    ((_, event),) = decode_rows(PLAN, [LogRow(1, type_name, raw, 0)], lambda _persons: {})
    assert event is None or isinstance(event, LightEvent)
    return event or "no projection looks at it"


def by_drumbeat_events(type_name: str, raw: bytes) -> object:
    shown = Choice(workspace_id="default").shown(LogRow(1, type_name, raw, 0))
    assert isinstance(shown, Shown)
    return shown


CONSUMERS: list[Callable[[str, bytes], object]] = [
    by_the_codec,
    by_simulations,
    by_light_types,
    by_the_cloudevents_sdk,
    by_the_projections,
    by_drumbeat_events,
]


@pytest.mark.parametrize("type_name", EVENTS)
@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda one: one.__name__)
def test_every_consumer_reads_every_example(consumer: Callable[[str, bytes], object], type_name: str) -> None:
    assert consumer(type_name, example(type_name)) is not None


@pytest.mark.postgres
def test_the_read_models_fold_every_example(database_url: str) -> None:
    log = ListLog()
    for type_name in sorted(EVENTS, key=lambda name: name not in FIRST_OF_A_STREAM):
        log.tell_raw(type_name, example(type_name))
    bootstrap.migrate(Settings(), database_url)
    project(log, database_url, bootstrap.PROJECTIONS, ask=lambda _persons: {})
    assert rows_of(database_url, "readmodel.parked_events") == []


@pytest.mark.parametrize("type_name", record_types())
def test_every_example_is_what_its_schema_says(type_name: str) -> None:
    validator(type_name).validate(json.loads(example(type_name)))


@pytest.mark.parametrize("type_name", sorted(FACTS))
def test_an_example_is_written_as_the_codec_writes_it_and_holds_every_field(type_name: str) -> None:
    raw = example(type_name)
    sealed = find_sealed(raw)
    # No example has a key. What was sealed in it is as good as nothing said, and goes back as it was.
    assert (
        encode(
            decode(raw, lambda _sealed: b"{}"),
            lambda _event, _clear: (sealed.number, sealed.blob) if sealed else (0, b""),
        )
        == raw
    )
    assert set(json.loads(raw)["data"]) == set(schema(type_name)["properties"]["data"].get("properties", {}))


@pytest.mark.parametrize("type_name", sorted(FACTS))
def test_a_schema_notices_what_is_missing_or_of_another_kind(type_name: str) -> None:
    judge = validator(type_name)
    document = json.loads(example(type_name))
    for name in schema(type_name)["required"]:
        with pytest.raises(ValidationError):
            judge.validate({key: value for key, value in document.items() if key != name})
    for name in document["data"]:
        with pytest.raises(ValidationError):
            judge.validate({**document, "data": {**document["data"], name: None}})


def test_every_type_and_old_version_has_a_schema_and_an_example_and_nothing_else_has() -> None:
    for folder in ("schemas", "examples"):
        assert sorted(path.stem for path in (STREAMS / folder).iterdir()) == list(record_types())
    assert stale() == []


@pytest.mark.parametrize("path", sorted(GENERATED), ids=lambda path: str(path.relative_to(STREAMS.parent)))
def test_the_files_are_what_the_code_says(path: Path) -> None:
    assert path.read_bytes() == GENERATED[path], "run `make streams` and look at the difference"


def test_records_of_transport_read_back_what_their_examples_say() -> None:
    assert position_of(example(WATERMARK_TYPE)) == json.loads(example(WATERMARK_TYPE))["data"]["position"]
    letter = decode_dead_letter(example(DEAD_LETTER_TYPE))
    assert letter.record == example("contact.call_ended.v1")
    assert letter.type == decode(letter.record).fact.TYPE


@pytest.mark.parametrize("type_name", [WATERMARK_TYPE, DEAD_LETTER_TYPE])
def test_records_of_transport_are_cloudevents_too(type_name: str) -> None:
    by_the_cloudevents_sdk(type_name, example(type_name))
