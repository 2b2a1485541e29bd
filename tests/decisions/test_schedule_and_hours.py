"""Business hours (E-21): what they may be, and whether they are open at an instant."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from drumbeat.aggregates.schedule import SCHEDULE, change_schedule, define_schedule
from drumbeat.events.hours import is_open, is_zone
from drumbeat.events.schedule import Hours, ScheduleChanged, ScheduleDefined
from drumbeat.events.values import Holiday, WeeklyHours
from support.given import given

NINE, FIVE = 9 * 60, 17 * 60
LISBON = ZoneInfo("Europe/Lisbon")


def opening(weekday: int = 1, opens: int = NINE, closes: int = FIVE) -> WeeklyHours:
    return WeeklyHours(weekday=weekday, opens_minute=opens, closes_minute=closes)


def hours(*openings: WeeklyHours, zone: str = "Europe/Lisbon", holidays: tuple[Holiday, ...] = ()) -> Hours:
    return Hours(zone=zone, weekly_hours=openings or (opening(),), holidays=holidays)


def defined(given_hours: Hours) -> ScheduleDefined:
    return ScheduleDefined(
        name="Office",
        zone=given_hours.zone,
        weekly_hours=given_hours.weekly_hours,
        holidays=given_hours.holidays,
    )


def test_hours_are_defined_in_the_order_of_the_week() -> None:
    unordered = hours(opening(2), opening(1, FIVE, FIVE + 60), opening(1))
    ordered = hours(opening(1), opening(1, FIVE, FIVE + 60), opening(2))
    given(SCHEDULE).when(define_schedule, name=" Office ", hours=unordered).then(defined(ordered))


def test_a_holiday_named_twice_is_kept_once() -> None:
    new_year, carnival = Holiday(year=2027, month=1, day=1), Holiday(year=2026, month=2, day=17)
    twice = hours(holidays=(new_year, carnival, new_year))
    given(SCHEDULE).when(define_schedule, name="Office", hours=twice).then(
        defined(hours(holidays=(carnival, new_year)))
    )


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("zone", hours(zone="Lisbon")),
        ("weekly_hours", Hours(zone="UTC", weekly_hours=())),
        ("weekday", hours(opening(0))),
        ("weekday", hours(opening(8))),
        ("weekly_hours", hours(opening(1, FIVE, NINE))),
        ("weekly_hours", hours(opening(1, NINE, NINE))),
        ("weekly_hours", hours(opening(1, -1, NINE))),
        ("weekly_hours", hours(opening(1, NINE, 1_441))),
        ("weekly_hours", hours(opening(1), opening(1, FIVE - 1, FIVE + 60))),
        ("holidays", hours(holidays=(Holiday(year=2026, month=2, day=29),))),
    ],
)
def test_hours_that_cannot_be_are_refused(field: str, wrong: Hours) -> None:
    given(SCHEDULE).when(define_schedule, name="Office", hours=wrong).then_refused("out_of_range", field=field)
    given(SCHEDULE, defined(hours())).when(change_schedule, hours=wrong).then_refused("out_of_range", field=field)


def test_a_schedule_needs_a_name() -> None:
    given(SCHEDULE).when(define_schedule, name="", hours=hours()).then_refused("out_of_range", field="name")


def test_a_schedule_is_defined_once() -> None:
    given(SCHEDULE, defined(hours())).when(define_schedule, name="Office", hours=hours()).then_refused(
        "wrong_state"
    )


def test_changed_hours_tell_before_and_after() -> None:
    later = hours(opening(1, NINE + 60, FIVE))
    changed = given(SCHEDULE, defined(hours())).when(change_schedule, hours=later)
    changed.then(ScheduleChanged(before=hours(), after=later)).when(change_schedule, hours=later).then_nothing()


def test_hours_that_are_not_there_are_not_changed() -> None:
    given(SCHEDULE).when(change_schedule, hours=hours()).then_refused("unknown_stream")


# -- open or closed


@pytest.mark.parametrize(
    ("local", "open_then"),
    [
        (datetime(2026, 3, 2, 8, 59, 59, tzinfo=LISBON), False),
        (datetime(2026, 3, 2, 9, 0, tzinfo=LISBON), True),
        (datetime(2026, 3, 2, 16, 59, 59, tzinfo=LISBON), True),
        (datetime(2026, 3, 2, 17, 0, tzinfo=LISBON), False),
        (datetime(2026, 3, 3, 12, 0, tzinfo=LISBON), False),
    ],
)
def test_hours_open_at_the_minute_and_close_before_it(local: datetime, open_then: bool) -> None:
    assert is_open(hours(), local) is open_then
    assert is_open(hours(), local.astimezone(UTC)) is open_then


def test_hours_follow_the_clock_on_the_wall_into_summer_time() -> None:
    assert is_open(hours(), datetime(2026, 3, 23, 9, 30, tzinfo=UTC))
    assert not is_open(hours(), datetime(2026, 3, 23, 8, 30, tzinfo=UTC))
    assert is_open(hours(), datetime(2026, 3, 30, 8, 30, tzinfo=UTC))
    assert not is_open(hours(), datetime(2026, 3, 30, 16, 30, tzinfo=UTC))


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    one_hour = hours(opening(7, 60, 120))
    assert is_open(one_hour, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert is_open(one_hour, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert not is_open(one_hour, datetime(2026, 10, 25, 2, 30, tzinfo=UTC))


def test_the_weekday_is_the_one_where_the_schedule_is() -> None:
    monday_in_auckland = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
    assert is_open(hours(zone="Pacific/Auckland"), monday_in_auckland)
    assert not is_open(hours(zone="UTC"), monday_in_auckland)


def test_a_holiday_is_closed_all_day_by_the_calendar_there() -> None:
    closed = hours(opening(1, 0, 1_440), opening(2, 0, 1_440), holidays=(Holiday(year=2026, month=3, day=2),))
    assert not is_open(closed, datetime(2026, 3, 2, 0, 0, tzinfo=LISBON))
    assert not is_open(closed, datetime(2026, 3, 2, 23, 59, tzinfo=LISBON))
    assert is_open(closed, datetime(2026, 3, 3, 0, 0, tzinfo=LISBON))


@for_all(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds the zone
    st.sampled_from(["Europe/Lisbon", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    st.integers(0, 1_439),
)
def test_hours_that_never_close_are_open_and_their_gap_is_closed(
    instant: datetime, zone: str, minute: int
) -> None:
    always = hours(*(opening(day, 0, 1_440) for day in range(1, 8)), zone=zone)
    assert is_open(always, instant)
    gap = tuple(
        part
        for day in range(1, 8)
        for part in (opening(day, 0, minute), opening(day, minute + 1, 1_440))
        if part.opens_minute < part.closes_minute
    )
    local = instant.astimezone(ZoneInfo(zone))
    assert is_open(hours(*gap, zone=zone), instant) is (local.hour * 60 + local.minute != minute)
    assert is_open(always, instant + timedelta(minutes=1))


@pytest.mark.parametrize("name", ["UTC", "Europe/Lisbon", "America/Argentina/Buenos_Aires"])
def test_iana_names_are_zones(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize("name", ["", "Lisbon", "Factory", "localtime", "../UTC", "Europe", "UTC+1"])
def test_other_texts_are_no_zones(name: Any) -> None:
    assert not is_zone(name)
