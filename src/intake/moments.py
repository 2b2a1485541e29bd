"""When a call took place, as far as a row says: nothing is guessed, and what follows for certain is added."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from drumbeat.events.values import Occurred, ZoneSource
from drumbeat.intake.cells import MONTHS, WEEKDAYS, named_number, timestamp, whole_number
from drumbeat.intake.cells import zone as zone_named
from drumbeat.intake.fields import Complaint, Field
from drumbeat.intake.mapping import CallColumns

_A_LEAP_YEAR = 2000
_YEARS = (1900, 2200)


class YearByOrder:
    """The year of a file in date order that has none: it rises when the month falls."""

    def __init__(self, first_year: int) -> None:
        self._year = first_year
        self._month = 0

    def of(self, month: int) -> int:
        """The year of the next row, which is of `month`."""
        if month < self._month:
            self._year += 1
        self._month = month
        return self._year


class Moments:
    """Reads when a row's call took place. Belongs to one thread; rows must come in the file's order."""

    def __init__(self, header: Sequence[str], columns: CallColumns, campaign_zone: str) -> None:
        self._campaign_zone = campaign_zone
        months = MONTHS | {name.casefold(): number for name, number in columns.month_names.items()}
        weekdays = WEEKDAYS | {name.casefold(): number for name, number in columns.weekday_names.items()}
        layout = columns.timestamp_format
        self._timestamp: Field[datetime | None] = Field(
            header, columns.timestamp, lambda text: timestamp(text, layout), empty=None
        )
        self._year = self._number(header, columns.year, *_YEARS)
        self._month: Field[int | None] = Field(
            header, columns.month, lambda text: named_number(text, months, "month"), empty=None
        )
        self._day = self._number(header, columns.day, 1, 31)
        self._weekday: Field[int | None] = Field(
            header, columns.weekday, lambda text: named_number(text, weekdays, "weekday"), empty=None
        )
        self._hour = self._number(header, columns.hour, 0, 23)
        self._minute = self._number(header, columns.minute, 0, 59)
        self._order = None if columns.first_year is None else YearByOrder(columns.first_year)

    @staticmethod
    def _number(header: Sequence[str], column: str | None, least: int, most: int) -> Field[int | None]:
        return Field(header, column, lambda text: whole_number(text, least, most), empty=None)

    def read(self, cells: Sequence[str], contact_zone: str | None, complaints: list[Complaint]) -> Occurred | None:
        """What a row says of when, None where it says nothing."""
        if self._timestamp.mapped:
            return self._by_timestamp(cells, contact_zone, complaints)
        return self._by_parts(cells, contact_zone, complaints)

    def _by_timestamp(
        self, cells: Sequence[str], contact_zone: str | None, complaints: list[Complaint]
    ) -> Occurred | None:
        read = self._timestamp.read(cells, complaints)
        if read is None:
            return None
        if not _YEARS[0] <= read.year <= _YEARS[1]:
            complaints.append(
                Complaint(self._timestamp.column, read.isoformat(), f"not of the years {_YEARS[0]} to {_YEARS[1]}")
            )
            return None
        zone = zone_named(contact_zone or self._campaign_zone)
        if read.tzinfo is None:
            local, instant = read, _instant_of(read, zone)
        else:
            local, instant = read.astimezone(zone), read.astimezone(UTC)
        return Occurred(
            year=local.year,
            month=local.month,
            day=local.day,
            weekday=local.isoweekday(),
            hour=local.hour,
            minute=local.minute,
            instant=instant,
            zone=zone.key,
            zone_source=_source(contact_zone),
        )

    def _by_parts(
        self, cells: Sequence[str], contact_zone: str | None, complaints: list[Complaint]
    ) -> Occurred | None:
        year = self._year.read(cells, complaints)
        month = self._month.read(cells, complaints)
        day = self._day.read(cells, complaints)
        weekday = self._weekday.read(cells, complaints)
        hour = self._hour.read(cells, complaints)
        minute = self._minute.read(cells, complaints)
        if month is not None and self._order is not None:
            year = self._order.of(month)
        if month is not None and day is not None:
            on = _date(year or _A_LEAP_YEAR, month, day)
            if on is None:
                complaints.append(Complaint(self._day.column, str(day), "there is no such day in that month"))
            elif year is not None:
                if weekday not in {None, on.isoweekday()}:
                    complaints.append(
                        Complaint(self._weekday.column, str(weekday), f"{on} is another day of the week")
                    )
                weekday = on.isoweekday()
        return _occurred(year, month, day, weekday, hour, minute, contact_zone, self._campaign_zone)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _source(contact_zone: str | None) -> ZoneSource:
    return ZoneSource.CAMPAIGN if contact_zone is None else ZoneSource.CONTACT


def _instant_of(local: datetime, zone: ZoneInfo) -> datetime | None:
    # When clocks are set back an hour comes twice, and when they are set forward one never comes: then the source
    # does not say which instant it was, and it is left out.
    offsets: set[timedelta | None] = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    return local.replace(tzinfo=zone).astimezone(UTC) if len(offsets) == 1 else None


@lru_cache(maxsize=4096)
def _occurred(
    year: int | None,
    month: int | None,
    day: int | None,
    weekday: int | None,
    hour: int | None,
    minute: int | None,
    contact_zone: str | None,
    campaign_zone: str,
) -> Occurred | None:
    if (year, month, day, weekday, hour, minute) == (None,) * 6:
        return None
    return Occurred(
        year=year,
        month=month,
        day=day,
        weekday=weekday,
        hour=hour,
        minute=minute,
        zone=contact_zone or campaign_zone,
        zone_source=_source(contact_zone),
    )
