"""A schedule: the business hours in which work may be done (E-21)."""

from collections import defaultdict
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range, required_text
from drumbeat.events import Event, Fact
from drumbeat.events.hours import is_zone
from drumbeat.events.light import struct_of
from drumbeat.events.schedule import Hours, ScheduleChanged, ScheduleDefined
from drumbeat.events.values import Holiday, WeeklyHours

if TYPE_CHECKING:
    HoursKept: TypeAlias = Hours
else:
    # Snapshots are written by msgspec, which wants its own types: the same fields, derived, never written twice.
    HoursKept = struct_of(Hours)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Business hours under a name; `events.hours.is_open` tells whether they are open."""

    name: str
    hours: HoursKept


def evolve(state: Schedule | None, event: Event[Fact]) -> Schedule:
    """The schedule after one more event of its stream."""
    fact = event.fact
    if isinstance(fact, ScheduleDefined):
        hours = Hours(zone=fact.zone, weekly_hours=fact.weekly_hours, holidays=fact.holidays)
        return Schedule(name=fact.name, hours=msgspec.convert(hours, HoursKept, from_attributes=True))
    assert state is not None, f"a schedule's history begins with {fact.TYPE}"
    if isinstance(fact, ScheduleChanged):
        return Schedule(name=state.name, hours=msgspec.convert(fact.after, HoursKept, from_attributes=True))
    return state


SCHEDULE: Aggregate[Schedule] = Aggregate("schedule", Schedule, evolve)


def define_schedule(state: Schedule | None, *, name: str, hours: Hours) -> tuple[Fact, ...]:
    """New business hours. Raises `out_of_range`, `wrong_state` when the stream exists."""
    if state is not None:
        raise Refused(RefusalCode.WRONG_STATE, "there is a schedule with this id already", field="schedule_id")
    checked = _checked(hours)
    return (
        ScheduleDefined(
            name=required_text("name", name),
            zone=checked.zone,
            weekly_hours=checked.weekly_hours,
            holidays=checked.holidays,
        ),
    )


def change_schedule(state: Schedule | None, *, hours: Hours) -> tuple[Fact, ...]:
    """Other hours, for every campaign that uses them. Raises `unknown_stream`, `out_of_range`."""
    if state is None:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "there is no such schedule", field="schedule_id")
    before, after = hours_of(state), _checked(hours)
    return () if before == after else (ScheduleChanged(before=before, after=after),)


def hours_of(schedule: Schedule) -> Hours:
    """The hours as events carry them."""
    return Hours.model_validate(schedule.hours, from_attributes=True)


def _checked(hours: Hours) -> Hours:
    if not is_zone(hours.zone):
        raise out_of_range("zone", hours.zone, "an IANA zone name, such as Europe/Lisbon")
    if not 1 <= len(hours.weekly_hours) <= 100:
        raise out_of_range("weekly_hours", len(hours.weekly_hours), "1 to 100 openings")
    weekly = tuple(sorted(hours.weekly_hours, key=lambda opening: (opening.weekday, opening.opens_minute)))
    by_day: dict[int, list[WeeklyHours]] = defaultdict(list)
    for opening in weekly:
        if not 1 <= opening.weekday <= 7:
            raise out_of_range("weekday", opening.weekday, "1 (Monday) to 7 (Sunday)")
        if not 0 <= opening.opens_minute < opening.closes_minute <= 1_440:
            raise out_of_range(
                "weekly_hours",
                f"{opening.opens_minute} to {opening.closes_minute}",
                "minutes after midnight, opening before closing, 0 to 1,440",
            )
        by_day[opening.weekday].append(opening)
    for weekday, openings in by_day.items():
        if any(later.opens_minute < earlier.closes_minute for earlier, later in pairwise(openings)):
            raise out_of_range("weekly_hours", f"weekday {weekday}", "openings of a day that do not overlap")
    holidays = sorted({_day(holiday) for holiday in hours.holidays})
    return Hours(
        zone=hours.zone,
        weekly_hours=weekly,
        holidays=tuple(Holiday(year=day.year, month=day.month, day=day.day) for day in holidays),
    )


def _day(holiday: Holiday) -> date:
    try:
        return date(holiday.year, holiday.month, holiday.day)
    except ValueError:
        raise out_of_range(
            "holidays", f"{holiday.year}-{holiday.month}-{holiday.day}", "days of the calendar"
        ) from None
