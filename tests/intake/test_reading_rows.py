"""What a record says under a mapping."""

from datetime import UTC, datetime

import pytest

from drumbeat.events.values import CallOutcome, GoalResult, Occurred, ZoneSource
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.mapping_files import parse_mapping
from drumbeat.intake.records import Record
from drumbeat.intake.rows import Call, Refusal, Row, RowReader

PER_CONTACT = """
name = "A history"
shape = "row_per_contact"
zone = "Europe/Lisbon"
"""
PER_CALL = """
name = "A log"
shape = "row_per_call"
zone = "Europe/Lisbon"
[contact]
reference = "id"
zone = "zone"
"""


def read_all(mapping: Mapping, *rows: dict[str, str]) -> list[Row | Refusal]:
    header = list(rows[0])
    reader = RowReader(header, mapping)
    return [
        reader.read(Record(number, number + 1, [row[name] for name in header]))
        for number, row in enumerate(rows, start=1)
    ]


def read(mapping: str, **cells: str) -> Row:
    row = read_all(parse_mapping(mapping, "test.toml"), cells)[0]
    assert isinstance(row, Row), row
    return row


def refused(mapping: str, **cells: str) -> list[tuple[str, str, str]]:
    refusal = read_all(parse_mapping(mapping, "test.toml"), cells)[0]
    assert isinstance(refusal, Refusal), refusal
    return [(one.column, one.value, one.reason) for one in refusal.complaints]


def when(row: Row) -> Occurred:
    occurred = call_of(row).occurred
    assert occurred is not None
    return occurred


def call_of(row: Row) -> Call:
    assert row.call is not None
    return row.call


def test_a_row_without_an_id_is_named_by_its_number() -> None:
    rows = read_all(parse_mapping(PER_CONTACT, "t"), {"age": "56"}, {"age": "56"})
    assert [row.person.reference for row in rows if isinstance(row, Row)] == ["row-1", "row-2"]


def test_a_contact_may_never_have_been_called() -> None:
    row = read(PER_CONTACT + '[call]\nattempts = "n"\nduration = "d"', n="0", d="0")
    assert (row.earlier_calls, row.call) == (0, None)


def test_a_contact_who_was_never_called_has_no_duration_and_no_outcome() -> None:
    mapping = PER_CONTACT + '[call]\nattempts = "n"\nduration = "d"' + BY_COLUMN
    assert [column for column, _, _ in refused(mapping, n="0", d="12", o="BUSY")] == ["d", "o"]


def test_all_but_the_last_of_the_attempts_are_earlier_calls() -> None:
    assert read(PER_CONTACT + '[call]\nattempts = "n"', n="3").earlier_calls == 2


def test_without_attempts_a_row_is_one_call() -> None:
    assert read(PER_CONTACT, age="1").earlier_calls == 0


@pytest.mark.parametrize("attempts", ["-1", "two", "1.5", "10001", "", "٣"])
def test_attempts_that_are_no_number_of_calls_are_refused(attempts: str) -> None:
    [(column, value, _reason)] = refused(PER_CONTACT + '[call]\nattempts = "n"', n=attempts)
    assert (column, value) == ("n", attempts)


@pytest.mark.parametrize(("text", "number"), [("may", 5), ("MAY", 5), ("September", 9), ("12", 12), ("03", 3)])
def test_a_month_is_read_by_name_or_number(text: str, number: int) -> None:
    row = read(PER_CONTACT + '[call]\nmonth = "m"', m=text)
    assert when(row) == Occurred(month=number, zone="Europe/Lisbon", zone_source=ZoneSource.CAMPAIGN)


def test_names_of_months_and_weekdays_in_another_language_come_from_the_mapping() -> None:
    mapping = (
        PER_CONTACT
        + '[call]\nmonth = "m"\nweekday = "d"\nmonth_names = { fev = 2 }\nweekday_names = { "terça" = 2 }'
    )
    occurred = when(read(mapping, m="Fev", d="TERÇA"))
    assert (occurred.month, occurred.weekday) == (2, 2)


def test_the_year_rises_when_the_month_falls() -> None:
    mapping = parse_mapping(PER_CONTACT + '[call]\nmonth = "m"\nfirst_year = 2008', "t")
    months = ["may", "dec", "mar", "mar", "apr", "jan"]
    rows = read_all(mapping, *({"m": month} for month in months))
    assert [when(row).year for row in rows if isinstance(row, Row)] == [2008, 2008, 2009, 2009, 2009, 2010]


def test_a_row_without_a_month_has_no_year_and_moves_none() -> None:
    mapping = parse_mapping(PER_CONTACT + '[call]\nmonth = "m"\nfirst_year = 2008', "t")
    _, unknown, third = read_all(mapping, {"m": "may"}, {"m": ""}, {"m": "jun"})
    assert isinstance(unknown, Row)
    assert call_of(unknown).occurred is None
    assert isinstance(third, Row)
    assert when(third).year == 2008


def test_a_refused_row_still_takes_part_in_the_order_of_months() -> None:
    mapping = parse_mapping(PER_CONTACT + '[call]\nmonth = "m"\nattempts = "n"\nfirst_year = 2008', "t")
    rows = read_all(mapping, {"m": "dec", "n": "1"}, {"m": "jan", "n": "?"}, {"m": "dec", "n": "1"})
    last = rows[2]
    assert isinstance(last, Row)
    assert when(last).year == 2009


def test_the_weekday_of_a_whole_date_is_added() -> None:
    row = read(PER_CONTACT + '[call]\nyear = "y"\nmonth = "m"\nday = "d"', y="2024", m="9", d="2")
    assert when(row).weekday == 1


def test_a_weekday_that_contradicts_its_date_is_refused() -> None:
    mapping = PER_CONTACT + '[call]\nyear = "y"\nmonth = "m"\nday = "d"\nweekday = "w"'
    [(column, _, reason)] = refused(mapping, y="2024", m="9", d="2", w="tue")
    assert column == "w"
    assert "2024-09-02" in reason


def test_a_day_that_does_not_exist_is_refused() -> None:
    mapping = PER_CONTACT + '[call]\nyear = "y"\nmonth = "m"\nday = "d"'
    assert refused(mapping, y="2023", m="2", d="29")[0][0] == "d"
    assert when(read(mapping, y="", m="2", d="29")).day == 29


def test_a_local_timestamp_is_told_in_the_contacts_zone() -> None:
    row = read(PER_CALL + '[call]\ntimestamp = "at"', id="7", zone="America/Chicago", at="2024-09-02T09:07:30")
    assert when(row) == Occurred(
        year=2024,
        month=9,
        day=2,
        weekday=1,
        hour=9,
        minute=7,
        instant=datetime(2024, 9, 2, 14, 7, 30, tzinfo=UTC),
        zone="America/Chicago",
        zone_source=ZoneSource.CONTACT,
    )


def test_a_timestamp_with_an_offset_is_brought_to_the_zone_it_is_told_in() -> None:
    row = read(PER_CALL + '[call]\ntimestamp = "at"', id="7", zone="", at="2024-01-01T00:30:00+02:00")
    occurred = when(row)
    assert (occurred.year, occurred.month, occurred.day, occurred.hour) == (2023, 12, 31, 22)
    assert (occurred.weekday, occurred.zone, occurred.zone_source) == (7, "Europe/Lisbon", ZoneSource.CAMPAIGN)


def test_an_hour_that_comes_twice_has_no_instant() -> None:
    row = read(PER_CALL + '[call]\ntimestamp = "at"', id="7", zone="", at="2024-10-27T01:30:00")
    assert (when(row).hour, when(row).instant) == (1, None)


def test_a_timestamp_in_a_form_of_its_own_is_read_by_that_form() -> None:
    mapping = PER_CALL + '[call]\ntimestamp = "at"\ntimestamp_format = "%d/%m/%Y %H.%M"'
    occurred = when(read(mapping, id="7", zone="", at="05/11/2024 18.45"))
    assert (occurred.month, occurred.day, occurred.hour, occurred.minute) == (11, 5, 18, 45)


@pytest.mark.parametrize("text", ["2024-09-02", "yesterday", "2024-13-01T00:00", "0001-01-01T00:00:00+14:00"])
def test_a_timestamp_that_is_none_is_refused(text: str) -> None:
    assert refused(PER_CALL + '[call]\ntimestamp = "at"', id="7", zone="", at=text)[0][0] == "at"


@pytest.mark.parametrize(
    ("unit", "text", "seconds"),
    [
        ("seconds", "261", 261),
        ("seconds", "12.6", 13),
        ("minutes", "1.5", 90),
        ("clock", "2:41", 161),
        ("clock", "1:00:05", 3605),
    ],
)
def test_a_duration_is_read_in_its_unit(unit: str, text: str, seconds: int) -> None:
    row = read(PER_CONTACT + f'[call]\nduration = "d"\nduration_unit = "{unit}"', d=text)
    assert call_of(row).duration_seconds == seconds


@pytest.mark.parametrize(
    ("unit", "text"),
    [("seconds", "-1"), ("seconds", "1e3"), ("seconds", "nan"), ("clock", "2:61"), ("clock", "41")],
)
def test_a_duration_that_is_none_is_refused(unit: str, text: str) -> None:
    assert refused(PER_CONTACT + f'[call]\nduration = "d"\nduration_unit = "{unit}"', d=text)[0][:2] == ("d", text)


BY_DURATION = """
[call]
duration = "d"
[outcome]
by_duration = { above_zero = "completed", zero = "no_answer" }
"""


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("1", CallOutcome.COMPLETED), ("0", CallOutcome.NO_ANSWER), ("", CallOutcome.NOT_RECORDED)],
)
def test_an_outcome_may_follow_from_the_duration(text: str, outcome: CallOutcome) -> None:
    assert call_of(read(PER_CONTACT + BY_DURATION, d=text)).outcome is outcome


BY_COLUMN = """
[outcome]
column = "o"
values = { ANSWERED = "completed", BUSY = "busy" }
"""


def test_an_outcome_is_read_by_the_values_of_the_mapping() -> None:
    assert call_of(read(PER_CONTACT + BY_COLUMN, o=" BUSY ")).outcome is CallOutcome.BUSY


def test_an_outcome_that_the_source_leaves_empty_is_not_recorded() -> None:
    assert call_of(read(PER_CONTACT + BY_COLUMN, o="")).outcome is CallOutcome.NOT_RECORDED
    assert call_of(read(PER_CONTACT, age="1")).outcome is CallOutcome.NOT_RECORDED


def test_an_outcome_that_the_mapping_does_not_list_is_refused_unless_it_says_what_others_are() -> None:
    assert refused(PER_CONTACT + BY_COLUMN, o="LINE DOWN") == [
        ("o", "LINE DOWN", "not one of the values of the mapping")
    ]
    assert call_of(read(PER_CONTACT + BY_COLUMN + 'other = "failed"', o="LINE DOWN")).outcome is CallOutcome.FAILED


GOAL = """
[[goals]]
name = "Sale"
column = "y"
values = { yes = "achieved", no = "not_achieved" }
"""


def test_a_goal_is_judged_by_the_values_of_the_mapping() -> None:
    assert read(PER_CONTACT + GOAL, y="yes").results == ((0, GoalResult.ACHIEVED),)
    assert read(PER_CONTACT + GOAL, y="no").results == ((0, GoalResult.NOT_ACHIEVED),)
    assert read(PER_CONTACT + GOAL, y="").results == ()
    assert refused(PER_CONTACT + GOAL, y="maybe")[0][0] == "y"


def test_a_goal_achieved_in_a_call_that_was_no_conversation_is_refused() -> None:
    mapping = PER_CALL + BY_COLUMN + GOAL
    assert refused(mapping, id="7", zone="", o="BUSY", y="yes")[0][0] == "y"
    assert [column for column, _, _ in refused(mapping, id="7", zone="", o="?", y="yes")] == ["o"]
    assert read(mapping, id="7", zone="", o="BUSY", y="no").results == ()
    assert read(mapping, id="7", zone="", o="ANSWERED", y="yes").results == ((0, GoalResult.ACHIEVED),)


def test_tags_and_profile_come_from_their_columns_and_empty_ones_are_left_out() -> None:
    mapping = PER_CONTACT + '[contact]\ntags = ["kind", "list"]\nprofile = ["age", "job"]'
    person = read(mapping, kind="cellular", list="", age="56", job="").person
    assert person.tags == ("cellular",)
    assert person.profile == {"age": "56"}


def test_a_zone_that_is_none_is_refused() -> None:
    assert refused(PER_CALL, id="7", zone="Mars/Olympus")[0][:2] == ("zone", "Mars/Olympus")


def test_a_row_a_call_without_the_contacts_id_is_refused() -> None:
    assert refused(PER_CALL, id=" ", zone="") == [("id", "", "empty")]


def test_everything_that_is_wrong_with_a_row_is_named() -> None:
    mapping = PER_CONTACT + '[call]\nattempts = "n"\nmonth = "m"\n' + GOAL
    assert [column for column, _, _ in refused(mapping, n="x", m="y", y="z")] == ["n", "m", "y"]
