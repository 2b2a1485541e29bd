"""From the text of a cell to what it means. Every function raises `BadCell` with a reason a person can act on."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from drumbeat.intake.mapping import DurationUnit

_MONTH_NAMES = """
january february march april may june july august september october november december
"""
_WEEKDAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday"

MONTHS = {
    name: number
    for number, full in enumerate(_MONTH_NAMES.split(), start=1)
    for name in (full, full[:3], str(number), f"{number:02}")
}
"""Every built-in way to write a month, in lower case."""

WEEKDAYS = {
    name: number
    for number, full in enumerate(_WEEKDAY_NAMES.split(), start=1)
    for name in (full, full[:3], str(number))
}
"""Every built-in way to write a weekday, in lower case; the numbers are ISO."""

MAX_DURATION_SECONDS = 366 * 24 * 3600
"""A longer call is a mistake of the source."""


class BadCell(Exception):
    """A value that does not fit; `reason` says what would."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def whole_number(text: str, least: int, most: int) -> int:
    """A whole number within a range, both ends included."""
    if not (text.isascii() and text.isdigit()) or not least <= (number := int(text)) <= most:
        raise BadCell(f"not a whole number from {least:,} to {most:,}")
    return number


def named_number(text: str, names: Mapping[str, int], what: str) -> int:
    """A month or weekday by name or number."""
    try:
        return names[text.casefold()]
    except KeyError:
        raise BadCell(f"not a {what}") from None


def duration_seconds(text: str, unit: DurationUnit) -> int:
    """A duration in whole seconds; parts of a second are rounded to the nearest."""
    try:
        if unit is DurationUnit.CLOCK:
            seconds: float = _clock_seconds(text)
        else:
            seconds = int(text) if text.isascii() and text.isdigit() else _decimal(text)
            if unit is DurationUnit.MINUTES:
                seconds *= 60
    except (ValueError, OverflowError):
        raise BadCell(f"not a duration in {_UNIT_WORDS[unit]}") from None
    if seconds > MAX_DURATION_SECONDS:
        raise BadCell("longer than a year")
    return round(seconds)


_UNIT_WORDS = {
    DurationUnit.SECONDS: "seconds",
    DurationUnit.MINUTES: "minutes",
    DurationUnit.CLOCK: "the form [h:]mm:ss",
}


def _decimal(text: str) -> float:
    whole, _, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and fraction.isdigit()):
        raise ValueError(text)
    return float(text)


def _clock_seconds(text: str) -> int:
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(text)
    *hours, minutes, seconds = (int(part) for part in parts)
    if seconds > 59 or (hours and minutes > 59):
        raise ValueError(text)
    return (hours[0] if hours else 0) * 3600 + minutes * 60 + seconds


def timestamp(text: str, layout: str | None) -> datetime:
    """A date and time, with a zone when the text has an offset. A date alone is refused: it has parts."""
    wanted = f"in the form {layout}" if layout is not None else "as ISO 8601 has it (2024-05-31T14:05)"
    problem = BadCell(f"not a date and time {wanted}")
    if layout is None and len(text) <= len("2024-05-31"):
        raise problem
    try:
        if layout is None:
            return datetime.fromisoformat(text)
        return datetime.strptime(text, layout)  # noqa: DTZ007  a time without an offset is local, and stays so
    except ValueError:
        raise problem from None


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """An IANA time zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadCell("not an IANA time zone") from None
