"""Values that people give, judged the same way everywhere; a refusal names field, value and what is allowed."""

from collections.abc import Mapping

from pydantic import BaseModel

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.addresses import COUNTRIES

LONGEST_NAME = 200
LONGEST_TEXT = 10_000
_LONGEST_SHOWN = 200
"""Of a value that is at fault, in characters: who sent it knows it."""


def is_storable(text: str) -> bool:
    """Whether Postgres and UTF-8 can keep a text: it has no NUL character and no half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_storable(field: str, value: object) -> None:
    """Look for texts that cannot be kept, in a value and whatever it holds. Raises `out_of_range`.

    The text itself is not repeated in the refusal: it may be personal.
    """
    match value:
        case str():
            if not is_storable(value):
                raise Refused(
                    RefusalCode.OUT_OF_RANGE,
                    f"{field} holds a character that cannot be kept",
                    field=field,
                    allowed="text without NUL characters",
                )
        case Mapping():
            for key, inner in value.items():
                require_storable(field, key)
                require_storable(field, inner)
        case list() | tuple():
            for inner in value:
                require_storable(field, inner)
        case BaseModel():
            for _name, inner in value:
                require_storable(field, inner)


def required_text(field: str, text: str, *, longest: int = LONGEST_NAME) -> str:
    """A text without blanks around it, when it says something and is not too long. Raises `out_of_range`."""
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= longest:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            f"{field} has {len(trimmed)} characters; allowed: 1 to {longest:,}",
            field=field,
            value=text if len(text) <= longest else f"{text[:40]}…",
            allowed=f"1 to {longest:,} characters",
        )
    return trimmed


def optional_text(field: str, text: str, *, longest: int = LONGEST_TEXT) -> str:
    """A text that may be empty. Raises `out_of_range` when it is too long."""
    return required_text(field, text, longest=longest) if text.strip() else ""


def out_of_range(field: str, value: object, allowed: str) -> Refused:
    """The refusal of one value, for what is not a text too."""
    shown = value if isinstance(value, bool | int | float | str | list | None) else str(value)
    if len(repr(shown)) > _LONGEST_SHOWN:
        shown = f"{repr(shown)[:_LONGEST_SHOWN]}…"
    return Refused(
        RefusalCode.OUT_OF_RANGE,
        f"{field} is {shown!r}; allowed: {allowed}",
        field=field,
        value=shown,
        allowed=allowed,
    )


def not_acceptable(field: str, allowed: str) -> Refused:
    """The refusal of a personal value, which is not repeated: a refusal may be kept."""
    return Refused(RefusalCode.OUT_OF_RANGE, f"{field} is not acceptable", field=field, allowed=allowed)


def country_code(text: str) -> str:
    """A country of ISO 3166-1 in capitals. Raises `out_of_range`."""
    code = text.strip().upper()
    if code not in COUNTRIES:
        raise out_of_range("country", code[:20], "an ISO 3166-1 country of two letters, such as PT")
    return code
