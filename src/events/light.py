"""Events decoded fast, for projections: types derived from the event classes, never written a second time.

A light event has the attributes of the class it comes from (`event.data.attempt`), so fold functions are
annotated with the event classes. What was validated on the way in is not validated again on the way out.
"""

import json
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from drumbeat.events.errors import MalformedEvent, UnknownEventType
from drumbeat.events.event import Cause
from drumbeat.events.fact import FACTS, Fact
from drumbeat.events.private import find_sealed, may_be_private, put_in_place, withhold
from drumbeat.events.upcasters import UPCASTERS, upcast

F_co = TypeVar("F_co", covariant=True)

_RENAMED = {
    "stream_id": "subject",
    "stream_version": "streamversion",
    "workspace_id": "workspaceid",
    "campaign_id": "campaignid",
    "correlation_id": "correlationid",
    "causation_id": "causationid",
}


class LightEvent(msgspec.Struct, Generic[F_co], frozen=True, gc=False, rename=_RENAMED):
    """One event of the log; `data` has the fields of its event class. `time` is UTC."""

    id: UUID
    type: str
    stream_id: UUID
    stream_version: int
    time: datetime
    workspace_id: str
    actor: str
    cause: Cause
    correlation_id: UUID
    data: F_co
    campaign_id: UUID | None = None
    causation_id: UUID | None = None
    via: str | None = None


_structs: dict[type[BaseModel], type[msgspec.Struct]] = {}
_decoders: dict[str, Callable[[bytes], LightEvent[Any]]] = {}


def decode_light(type_name: str, raw: bytes) -> LightEvent[Any]:
    """Decode one event whose type is known from its row or header; what is sealed is withheld.

    Raises `UnknownEventType`, `MalformedEvent`.
    """
    return decode_opened(type_name, withheld(type_name, raw))


def withheld(type_name: str, raw: bytes) -> bytes:
    """The bytes with what is sealed withheld. Raises `MalformedEvent`."""
    if not may_be_private(type_name):
        return raw
    try:
        sealed = find_sealed(raw)
    except msgspec.MsgspecError as error:
        raise MalformedEvent(type_name, str(error)) from error
    return raw if sealed is None else put_in_place(raw, sealed, withhold(sealed))


def decode_opened(type_name: str, raw: bytes) -> LightEvent[Any]:
    """As `decode_light`, for bytes in which nothing is sealed any more."""
    decode = _decoders.get(type_name)
    if decode is None:
        decode = _decoders[type_name] = _decoder(type_name)
    try:
        return decode(raw)
    except msgspec.MsgspecError as error:
        raise MalformedEvent(type_name, str(error)) from error


def _decoder(type_name: str) -> Callable[[bytes], LightEvent[Any]]:
    if type_name in UPCASTERS:
        return lambda raw: _decode_old(type_name, raw)
    if type_name not in FACTS:
        raise UnknownEventType(type_name)
    light: Any = LightEvent[struct_of(FACTS[type_name])]  # type: ignore[misc]
    return typing.cast("Callable[[bytes], LightEvent[Any]]", msgspec.json.Decoder(light).decode)


def _decode_old(type_name: str, raw: bytes) -> LightEvent[Any]:
    try:
        document = json.loads(raw)
        newest, document["data"] = upcast(type_name, document["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedEvent(type_name, str(error)) from error
    document["type"] = newest
    return decode_opened(newest, json.dumps(document).encode())


def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The msgspec type with the same fields as a model; derived once per model."""
    struct = _structs.get(model)
    if struct is None:
        renames: dict[str, str] = {}
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for name, field in model.model_fields.items():
            if field.alias is not None:
                renames[name] = field.alias
            fields.append(_field(name, field))
        struct = _structs[model] = msgspec.defstruct(
            model.__name__, fields, frozen=True, kw_only=True, gc=False, rename=renames or None
        )
    return struct


def _field(name: str, field: FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    annotation = _light(field.annotation)
    if field.is_required():
        return name, annotation
    if field.default_factory is not None:
        return name, annotation, msgspec.field(default_factory=typing.cast("Any", field.default_factory))
    if isinstance(field.default, BaseModel):
        default = msgspec.convert(field.default.model_dump(), struct_of(type(field.default)))
        return name, annotation, default
    return name, annotation, field.default


def _light(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return Union[tuple(_light(argument) for argument in arguments)]  # noqa: UP007  built at run time
    if origin is Literal:
        return annotation
    if origin is tuple:
        return tuple[tuple(a if a is Ellipsis else _light(a) for a in arguments)]  # type: ignore[misc]
    if origin is dict:
        return dict[_light(arguments[0]), _light(arguments[1])]  # type: ignore[misc]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_of(annotation)
    if isinstance(annotation, type) and issubclass(
        annotation, (Enum, UUID, datetime, bool, int, float, str, type(None))
    ):
        return annotation
    raise TypeError(f"no light type for {annotation!r}: teach events.light about it")


def is_known(type_name: str) -> bool:
    """Whether this code can read a type name and version."""
    return type_name in FACTS or type_name in UPCASTERS


__all__ = ["Fact", "LightEvent", "decode_light", "is_known", "struct_of"]
