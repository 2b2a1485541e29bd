"""An example of every record: a fact with all its fields filled, as the codec writes it. The same on every run."""

import hashlib
import types
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, TypeVar, Union, get_args, get_origin
from uuid import UUID, uuid5
from zlib import crc32

from drumbeat.events import FACTS, Cause, Event, Fact, Value
from drumbeat.events.codec import encode
from drumbeat.events.ids import DRUMBEAT, contact_id
from drumbeat.events.upcasters import UPCASTERS
from drumbeat.transport.dead_letter_records import DEAD_LETTER_TYPE, DeadLetter, encode_dead_letter
from drumbeat.transport.watermarks import WATERMARK_TYPE, watermark
from streams_contract.schemas import STREAMS
from streams_contract.words import WORDS

EPOCH: Final = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
REFERENCE: Final = "crm-10442"


def uid(name: str) -> UUID:
    """The id that a name has in all examples."""
    return uuid5(DRUMBEAT, f"example:{name}")


CAMPAIGN: Final = uid("campaign")
STREAM_OF: Final = {"campaign": CAMPAIGN, "contact": contact_id(CAMPAIGN, REFERENCE)}


def examples() -> dict[str, bytes]:
    """Every type with the bytes of an example. Of an old version only its file is left."""
    made = {name: _record(fact) for name, fact in FACTS.items()}
    made |= {name: (STREAMS / "examples" / f"{name}.json").read_bytes() for name in UPCASTERS}
    made[WATERMARK_TYPE] = watermark(48_211, EPOCH)
    made[DEAD_LETTER_TYPE] = _dead_letter(made["contact.call_ended.v1"])
    return dict(sorted(made.items()))


def _record(fact: type[Fact]) -> bytes:
    # By its type alone, so that a new type changes no other example.
    number = 1 + crc32(fact.TYPE.encode()) % 240
    kind = fact.TYPE.split(".", maxsplit=1)[0]
    stream = STREAM_OF.get(kind, uid(kind))
    cause = _pick(list(Cause), fact.TYPE)
    actor = {Cause.USER: "ada", Cause.SYSTEM: "policies", Cause.PROVIDER: "dialler"}[cause]
    return encode(
        Event(
            id=uuid5(stream, fact.TYPE),
            stream_id=stream,
            stream_version=number,
            time=EPOCH + timedelta(minutes=number),
            workspace_id="default",
            campaign_id=CAMPAIGN if kind in STREAM_OF else None,
            actor=actor,
            cause=cause,
            correlation_id=uid(f"correlation of {fact.TYPE}"),
            causation_id=uid(f"cause of {fact.TYPE}") if cause is Cause.SYSTEM else None,
            person_id=uid("person") if "private" in fact.model_fields else None,
            via="key:crm" if cause is Cause.USER else None,
            fact=fact.model_validate(_filled(fact, fact.TYPE)),
        ),
        _seal,
    )


def _seal(event: Event[Fact], clear: bytes) -> tuple[int, bytes]:
    # As long as what is sealed, and nothing that opens: an example has no key.
    return 17, b64encode(hashlib.shake_128(event.id.bytes).digest(12 + len(clear) + 16))


def _dead_letter(record: bytes) -> bytes:
    letter = DeadLetter(
        source_topic="drumbeat.contacts",
        source_partition=4,
        source_offset=10_962,
        position=48_207,
        stream_id=STREAM_OF["contact"],
        type="contact.call_ended.v1",
        projection="attempts",
        reason="no attempt 2 was placed",
        record=record,
    )
    return encode_dead_letter(letter, EPOCH)


def _filled(model: type[Value], salt: str) -> dict[str, Any]:
    return {
        name: _value(model.__name__, name, field.annotation, f"{salt}.{name}")
        for name, field in model.model_fields.items()
        if name != "withheld"  # never written
    }


def _value(owner: str, name: str, annotation: Any, salt: str) -> Any:
    for known in (f"{owner}.{name}", name):
        if known in WORDS:
            return WORDS[known]
    if get_origin(annotation) in {Union, types.UnionType}:
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        return [_value(owner, name, inner, f"{salt}.{index}") for index in range(2)]
    for kind, make in _BY_KIND:
        if isinstance(annotation, type) and issubclass(annotation, kind):
            return make(annotation, owner, name, salt)
    raise LookupError(f"tools/streams_contract/words.py has no example for {owner}.{name}: {annotation}")


_BY_KIND: Final[tuple[tuple[type, Callable[[Any, str, str, str], Any]], ...]] = (
    (Value, lambda kind, _owner, _name, salt: _filled(kind, salt)),
    (Enum, lambda kind, _owner, _name, salt: _pick(list(kind), salt)),
    # One name is one thing everywhere, but several of a kind beside one another are several things.
    (UUID, lambda _kind, owner, name, salt: uid(salt if owner in {"AddressKey", "Step"} else name)),
    (datetime, lambda _kind, _owner, _name, salt: EPOCH + timedelta(hours=1 + crc32(salt.encode()) % 72)),
    (bool, lambda _kind, _owner, _name, salt: crc32(salt.encode()) % 2 == 0),
)

T = TypeVar("T")


def _pick(choices: list[T], salt: str) -> T:
    return choices[crc32(salt.encode()) % len(choices)]
