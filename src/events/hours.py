"""Whether business hours are open at an instant: for whoever dials, and for what people see (E-21)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

_NOT_ZONES = {"Factory", "localtime", "posixrules"}


class Opening(Protocol):
    """One opening of a week: ISO weekday, minutes after local midnight, `closes_minute` exclusive."""

    @property
    def weekday(self) -> int: ...
    @property
    def opens_minute(self) -> int: ...
    @property
    def closes_minute(self) -> int: ...


class ClosedDay(Protocol):
    """A calendar day in the schedule's zone."""

    @property
    def year(self) -> int: ...
    @property
    def month(self) -> int: ...
    @property
    def day(self) -> int: ...


class OpeningHours(Protocol):
    """What both an event's hours and a read model's row offer."""

    @property
    def zone(self) -> str: ...
    @property
    def weekly_hours(self) -> Sequence[Opening]: ...
    @property
    def holidays(self) -> Sequence[ClosedDay]: ...


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NOT_ZONES)


def is_zone(name: str) -> bool:
    """Whether a text names an IANA time zone."""
    return name in _zones()


def is_open(hours: OpeningHours, instant: datetime) -> bool:
    """Whether the hours are open at an instant (with its zone offset), told by the clock on the wall there.

    A holiday is closed all day. Where the clock is set back, an opening holds in both passes of the hour.
    """
    local = instant.astimezone(UTC).astimezone(ZoneInfo(hours.zone))
    if any(date(day.year, day.month, day.day) == local.date() for day in hours.holidays):
        return False
    minute = local.hour * 60 + local.minute
    return any(
        opening.weekday == local.isoweekday() and opening.opens_minute <= minute < opening.closes_minute
        for opening in hours.weekly_hours
    )
