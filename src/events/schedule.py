"""Facts of a schedule: the hours in which work may be done."""

from typing import ClassVar

from drumbeat.events.fact import Fact, Value
from drumbeat.events.values import Holiday, Many, WeeklyHours


class Hours(Value):
    """Opening hours in an IANA zone."""

    zone: str
    weekly_hours: Many[WeeklyHours]
    holidays: Many[Holiday] = ()


class ScheduleDefined(Fact):
    """Business hours were set."""

    TYPE: ClassVar[str] = "schedule.defined.v1"
    name: str
    zone: str
    weekly_hours: tuple[WeeklyHours, ...]
    holidays: tuple[Holiday, ...] = ()


class ScheduleChanged(Fact):
    """Business hours changed."""

    TYPE: ClassVar[str] = "schedule.changed.v1"
    before: Hours
    after: Hours
