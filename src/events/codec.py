"""Events as bytes: structured-mode CloudEvents 1.0 JSON, written once and never re-encoded.

The same bytes stand in the log and on Kafka. Where the envelope's attributes go:

`id`, `time`, `type`; `source` is `/drumbeat/{workspace}`; `subject` is the stream id; and as extension
attributes `streamversion`, `workspaceid`, `campaignid`, `actor`, `cause`, `correlationid`, `causationid`,
`via`.

What is personal, the fact's `private`, is in the bytes only sealed (`events.private`).
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

import msgspec
from pydantic import ValidationError

from drumbeat.events.errors import MalformedEvent, NotSealed, UnknownEventType
from drumbeat.events.event import Cause, Event
from drumbeat.events.fact import FACTS, Fact
from drumbeat.events.private import (
    Opener,
    Private,
    find_sealed_in_data,
    may_be_private,
    put_in_place,
    sealed_object,
    withhold,
)
from drumbeat.events.upcasters import UPCASTERS, upcast

CONTENT_TYPE = "application/cloudevents+json"

Seal: TypeAlias = Callable[[Event[Fact], bytes], tuple[int, bytes]]
"""Seals an event's JSON object under the key of `event.person_id`; gives the key's number and Base64."""


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    type: str
    subject: UUID
    time: datetime
    streamversion: int
    workspaceid: str
    actor: str
    cause: Cause
    correlationid: UUID
    data: msgspec.Raw
    campaignid: UUID | None = None
    causationid: UUID | None = None
    via: str | None = None


_envelope_decoder = msgspec.json.Decoder(_Envelope)


def encode(event: Event[Fact], seal: Seal | None = None) -> bytes:
    """The bytes of an event. `seal` is needed for what is personal and not looked at otherwise.

    Raises `UnknownEventType` for a class that is not in the catalogue, `NotSealed`.
    """
    fact = event.fact
    if FACTS.get(fact.TYPE) is not type(fact):
        raise UnknownEventType(fact.TYPE)
    campaign = None if event.campaign_id is None else event.campaign_id.int
    head = _constant_part(
        fact.TYPE, event.workspace_id, event.actor, event.cause, event.correlation_id.int, campaign, event.via
    )
    causation = f',"causationid":"{event.causation_id}"' if event.causation_id is not None else ""
    return (
        f'{{"specversion":"1.0","id":"{event.id}","subject":"{event.stream_id}","time":"{_instant(event.time)}Z",'
        f'"streamversion":{event.stream_version},{head}{causation},'
        f'"data":{_data(event, seal)}}}'
    ).encode()


def _data(event: Event[Fact], seal: Seal | None) -> str:
    private = getattr(event.fact, "private", None)
    if private is None:
        return event.fact.model_dump_json(exclude_none=True)
    if seal is None or event.person_id is None or not isinstance(private, Private) or private.withheld:
        raise NotSealed(event.fact.TYPE)
    number, blob = seal(event, private.model_dump_json(exclude_none=True).encode())
    rest = event.fact.model_dump_json(exclude_none=True, exclude=_PRIVATE)
    # A fact with something personal has always something else too.
    return f'{rest[:-1]},"private":{sealed_object(event.person_id, number, blob)}}}'


_PRIVATE = {"private"}


@lru_cache(maxsize=64)
def _instant(time: datetime) -> str:
    # The events of one command have one time.
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6]


@lru_cache(maxsize=4096)
def _constant_part(
    type_name: str,
    workspace_id: str,
    actor: str,
    cause: Cause,
    correlation_id: int,
    campaign_id: int | None,
    via: str | None,
) -> str:
    # The same for every event of a kind in one command, so that bulk work formats it once. Ids come as numbers:
    # a UUID's hash is computed in Python.
    attributes = {
        "type": type_name,
        "source": f"/drumbeat/{workspace_id}",
        "datacontenttype": "application/json",
        "workspaceid": workspace_id,
        "actor": actor,
        "cause": cause.value,
        "correlationid": str(UUID(int=correlation_id)),
    }
    if via is not None:
        attributes["via"] = via
    if campaign_id is not None:
        attributes["campaignid"] = str(UUID(int=campaign_id))
    return json.dumps(attributes, separators=(",", ":"), ensure_ascii=False)[1:-1]


def decode(raw: bytes, opener: Opener = withhold) -> Event[Fact]:
    """The event that bytes hold, brought to today's version; without an opener all that is personal is withheld.

    Raises `UnknownEventType`, `MalformedEvent`.
    """
    try:
        envelope = _envelope_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise MalformedEvent(_type_of(raw), str(error)) from error
    data, sealed = bytes(envelope.data), None
    if may_be_private(envelope.type):
        sealed = find_sealed_in_data(data, envelope.id, envelope.subject)
        if sealed is not None:
            data = put_in_place(data, sealed, opener(sealed))
    return Event(
        id=envelope.id,
        stream_id=envelope.subject,
        stream_version=envelope.streamversion,
        time=envelope.time.astimezone(UTC),
        workspace_id=envelope.workspaceid,
        campaign_id=envelope.campaignid,
        actor=envelope.actor,
        cause=envelope.cause,
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        person_id=None if sealed is None else sealed.person_id,
        via=envelope.via,
        fact=_decode_fact(envelope.type, data),
    )


class _Told(msgspec.Struct, frozen=True, gc=False):
    type: str
    time: datetime
    workspaceid: str
    data: msgspec.Raw


_told_decoder = msgspec.json.Decoder(_Told)


def decode_told(raw: bytes) -> tuple[str, datetime, Fact]:
    """What a replay of many streams needs of an event: its workspace, when it was recorded (UTC), and the fact.

    All that is personal is withheld. Events that say the same may share one fact. Raises as `decode` does.
    """
    try:
        told = _told_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise MalformedEvent(_type_of(raw), str(error)) from error
    data = bytes(told.data)
    if b'"private"' in data:
        return told.workspaceid, told.time, decode(raw).fact
    return told.workspaceid, told.time, _shared_fact(told.type, data)


@lru_cache(maxsize=8192)
def _shared_fact(type_name: str, data: bytes) -> Fact:
    # Facts are frozen, and those of many calls say the same: read once, they cost a look.
    return _decode_fact(type_name, data)


def _decode_fact(type_name: str, data: bytes) -> Fact:
    try:
        if type_name in UPCASTERS:
            newest, raised = upcast(type_name, json.loads(data))
            return _class_of(newest).model_validate(raised, strict=False)
        return _class_of(type_name).model_validate_json(data)
    except ValidationError as error:
        raise MalformedEvent(type_name, error.json(include_url=False, include_input=False)) from error


def _class_of(type_name: str) -> type[Fact]:
    try:
        return FACTS[type_name]
    except KeyError:
        raise UnknownEventType(type_name) from None


def _type_of(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["type"])
    except (ValueError, KeyError, TypeError):
        return "?"
