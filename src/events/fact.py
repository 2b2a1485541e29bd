"""The base of every event: a frozen, keyword-only fact in the past tense, with a stable type name."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from drumbeat.events.errors import EventTypeMismatch


class Value(BaseModel):
    """A frozen piece of an event's data. Unknown fields are refused: a fact holds what its type says."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


class Fact(Value):
    """Something that happened. Ids, position, actor, cause and time are the envelope's (`Event`).

    A subclass names its `TYPE` as `stream.fact.vN`; the class is stream and fact in CamelCase, and the type
    name, never a Python path, is what the log keeps. An optional field that is not known is left out of the
    bytes.
    """

    TYPE: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        stream, fact, _version = cls.TYPE.split(".")
        expected = stream.capitalize() + "".join(word.capitalize() for word in fact.split("_"))
        if cls.__name__ != expected:
            raise EventTypeMismatch(cls.TYPE, cls.__name__, expected)
        FACTS[cls.TYPE] = cls


FACTS: dict[str, type[Fact]] = {}
"""Every type name this code writes → its class. Filled while the modules of facts are imported, then read only."""
