"""Durations as people give them: in minutes, hours or days (E-25)."""

import re

_SECONDS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86_400,
    "day": 86_400,
}
_SPOKEN = re.compile(r"\s*(\d{1,9})\s*([a-z]+?)s?\s*", re.IGNORECASE)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration_seconds(text: str) -> int | None:
    """Whole seconds of `90 minutes`, `1h`, `30 days`, `45s`; None for what is no duration with a unit."""
    spoken = _SPOKEN.fullmatch(text)
    if spoken is None:
        return None
    unit = spoken.group(2).lower()
    seconds = _SECONDS.get(unit)
    return None if seconds is None else int(spoken.group(1)) * seconds


def spoken_duration(seconds: int) -> str:
    """The shortest exact text: `1 h` for 3600, `90 min` for 5400, `0 s` for none."""
    if seconds == 0:
        return "0 s"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size} {unit}"
