"""The token that says what an answer is about: `position@instant`."""

from dataclasses import dataclass
from datetime import UTC, datetime


class NotAToken(ValueError):
    """A text that is no `position@instant`."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Everything up to `position` is in the answer; what depends on the clock was judged at `instant` (UTC)."""

    position: int
    instant: datetime

    def __str__(self) -> str:
        instant = self.instant.astimezone(UTC).replace(tzinfo=None)
        return f"{self.position}@{instant.isoformat(timespec='microseconds')}Z"


def parse(token: str) -> AsOf:
    """Read a token back. Raises `NotAToken`."""
    position, at, instant = token.partition("@")
    try:
        moment = datetime.fromisoformat(instant)
        if not at or not position.isdecimal() or moment.utcoffset() is None:
            raise NotAToken(token)
        return AsOf(parse_position(position), moment.astimezone(UTC))
    except (ValueError, OverflowError):
        raise NotAToken(token) from None


def parse_position(text: str) -> int:
    """The position that a bare number or a whole token names. Raises `NotAToken`."""
    digits = text.partition("@")[0]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
        raise NotAToken(text)
    return int(digits)


def parse_asked(text: str) -> AsOf | int | datetime:
    """What the parameter `as_of` names: a token, a position, or an instant (UTC). Raises `NotAToken`."""
    if "@" in text:
        return parse(text)
    if text.isdecimal():
        return parse_position(text)
    try:
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() is None:
            raise NotAToken(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAToken(text) from None
