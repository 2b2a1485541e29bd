"""Files and mappings that cannot be used are told in one line, before anything is written."""

import json
import os
from pathlib import Path

import pytest

from drumbeat.intake.errors import FileChanged, FileProblem, MappingProblem
from drumbeat.intake.fields import Complaint
from drumbeat.intake.inspection import inspect
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.mapping_files import load_mapping, parse_mapping, shipped_names
from drumbeat.intake.records import Record, open_records
from drumbeat.intake.refused_rows import RefusedRows
from drumbeat.intake.rows import Refusal

MAPPING = """
name = "A log"
shape = "row_per_call"
[contact]
reference = "id"
[call]
duration = "seconds"
"""


def mapping_of(more: str = "") -> Mapping:
    return parse_mapping(MAPPING + more, "log.toml")


def written(folder: Path, content: bytes | str) -> Path:
    file = folder / "calls.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def problem_of(folder: Path, content: bytes | str, more: str = "") -> str:
    file = written(folder, content)
    with pytest.raises(FileProblem) as caught:
        inspect(file, mapping_of(more))
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert "\n" not in said
    return said.removeprefix(f"{file}: ")


def records_of(folder: Path, content: str) -> list[Record]:
    with open_records(written(folder, content), mapping_of().file) as records:
        return list(records)


def test_a_good_file_is_counted_and_hashed(tmp_path: Path) -> None:
    inspected = inspect(written(tmp_path, "id,seconds\n1,5\n\n2,7\n"), mapping_of())
    assert inspected.rows == 2
    assert len(inspected.file_hash) == 64


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert inspect(written(tmp_path, b"\xef\xbb\xbfid,seconds\r\n1,5\r\n"), mapping_of()).rows == 1


@pytest.mark.parametrize("content", ["", "\n\n", "  \n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    assert problem_of(tmp_path, content) == "empty"


def test_a_header_alone_is_told(tmp_path: Path) -> None:
    assert problem_of(tmp_path, "id,seconds\n") == "a header and no rows"


def test_a_missing_column_is_named_with_the_key_that_asks_for_it(tmp_path: Path) -> None:
    said = problem_of(tmp_path, "id,duration\n1,5\n")
    assert said == "the column 'seconds' (call.duration) is missing; the header has 'id', 'duration'"


def test_a_wrong_separator_is_guessed(tmp_path: Path) -> None:
    assert "is the separator a semicolon" in problem_of(tmp_path, "id;seconds\n1;5\n")


def test_a_column_that_comes_twice_is_told(tmp_path: Path) -> None:
    assert "'id' more than once" in problem_of(tmp_path, "id,seconds,id\n1,5,1\n")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04\x14\x00\x00", "Excel"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no CSV"),
        (b"Dear customer, this is a letter.\nYours", "missing"),
        (b'{"calls": [{"id": 1}]}', "missing"),
        (b"x" * 1_000_001, "no CSV"),
        (b'"id" , seconds"\n', "no CSV"),
    ],
)
def test_what_is_no_csv_is_told(tmp_path: Path, content: bytes, word: str) -> None:
    assert word in problem_of(tmp_path, content)


def test_a_wrong_encoding_is_told_with_the_line(tmp_path: Path) -> None:
    said = problem_of(tmp_path, "id,seconds\n1,5\nJosé,7\n".encode("latin-1"))
    assert said == (
        "the text is not utf-8: line 3 has the byte 0xe9; name the right one in the mapping (file.encoding)"
    )
    in_latin = '[file]\nencoding = "latin-1"\n'
    assert inspect(tmp_path / "calls.csv", mapping_of(in_latin)).rows == 2


def test_a_mapping_that_no_row_fits_is_told_with_the_first_row(tmp_path: Path) -> None:
    said = problem_of(tmp_path, "id,seconds\n1,long\n2,short\n")
    assert said == (
        "not one of 2 rows fits the mapping; the first: "
        "line 2, column 'seconds', value 'long': not a duration in seconds"
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="No such file"):
        inspect(tmp_path / "none.csv", mapping_of())
    with pytest.raises(FileProblem, match="Is a directory"):
        inspect(tmp_path, mapping_of())


def test_a_pipe_is_no_file_that_can_be_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileProblem, match="not a regular file"):
        inspect(pipe, mapping_of())


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    inspected = inspect(written(tmp_path, "id,seconds\n1,5\n"), mapping_of())
    inspected.still_the_same()
    with inspected.file.open("a") as file:
        file.write("2,7\n")
    with pytest.raises(FileChanged):
        inspected.still_the_same()


def test_a_row_of_another_width_is_a_problem_of_its_own(tmp_path: Path) -> None:
    good, short, long = records_of(tmp_path, "id,seconds\n1,5\n2\n3,7,9\n")
    assert (good.problem, good.line) == (None, 2)
    assert short.problem == "2 columns expected, 1 found"
    assert (long.problem, long.number, long.line) == ("2 columns expected, 3 found", 3, 4)


def test_a_quoted_cell_may_span_lines_and_lines_are_still_counted(tmp_path: Path) -> None:
    first, second = records_of(tmp_path, 'id,seconds\n"a\nb",5\n2,7\n')
    assert first.cells == ["a\nb", "5"]
    assert (second.number, second.line) == (2, 4)


def test_a_quote_that_is_never_closed_costs_its_own_line_alone(tmp_path: Path) -> None:
    first, bad, third, fourth = records_of(tmp_path, 'id,seconds\n1,5\n"2,7\n3,9\n4,"11"\n')
    assert first.cells == ["1", "5"]
    assert bad.problem is not None
    assert (third.number, third.line, third.cells) == (3, 4, ["3", "9"])
    assert (fourth.line, fourth.cells) == (5, ["4", "11"])


def test_the_shipped_mappings_are_found_by_name() -> None:
    assert shipped_names() == ["bank-marketing", "call-log"]
    assert [load_mapping(name).shape for name in shipped_names()] == ["row_per_contact", "row_per_call"]


def test_a_name_that_is_not_shipped_is_told_with_those_that_are() -> None:
    with pytest.raises(MappingProblem, match=r"no mapping is named 'nobody'.*bank-marketing, call-log"):
        load_mapping("nobody")


def test_a_mapping_file_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingProblem, match=r"none.toml: cannot be read: No such file"):
        load_mapping(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(MappingProblem, match=r"bad.toml: not TOML: Invalid value"):
        load_mapping(str(tmp_path / "bad.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(MappingProblem, match=r"bytes.toml: not TOML"):
        load_mapping(str(tmp_path / "bytes.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MAPPING + "durration = 'x'", "unknown key 'call.durration'"),
        ("shape = 'row_per_call'\ncolour = 1", "key 'name' is missing (and 1 more)"),
        ("name = 'x'", "key 'shape' is missing"),
        ("name = 'x'\nshape = 'row_per_call'", "with a row a call, 'contact.reference' says whose call it is"),
        (MAPPING + "attempts = 'n'", "'call.attempts' is for a row a contact: here every row is one attempt"),
        (MAPPING + "timestamp = 'a'\nday = 'b'", "'call': 'timestamp' and 'day' both say when: keep one"),
        (MAPPING + "first_year = 2008", "'call': 'first_year' needs 'month' and no 'year'"),
        (MAPPING + "[file]\nencoding = 'klingon'", "'file.encoding': 'klingon' is no encoding that Python knows"),
        (MAPPING + "[outcome]\ncolumn = 'o'", "'outcome': 'column' needs 'values'"),
        (
            MAPPING + "[outcome]\nby_duration = { above_zero = 'won', zero = 'busy' }",
            (
                "'outcome.by_duration.above_zero': Input should be 'completed', 'user_hung_up', 'meeting_booked', "
                "'call_transferred', 'callback', 'answered_no_conversation', 'left_message', 'no_message', "
                "'no_answer', 'busy', 'issue_dialing', 'failed' or 'not_recorded'"
            ),
        ),
        ("zone = 'Mars/Olympus'" + MAPPING, "'zone': 'Mars/Olympus' is no IANA time zone"),
        ("kind = 'survey'" + MAPPING, "'kind': a call history is of kind 'voice_agent' or 'call'"),
    ],
)
def test_a_wrong_mapping_is_told_in_one_line_with_the_key(text: str, said: str) -> None:
    with pytest.raises(MappingProblem) as caught:
        parse_mapping(text, "log.toml")
    assert str(caught.value) == f"log.toml: {said}"


def test_comments_layout_and_defaults_do_not_change_what_a_mapping_is() -> None:
    plain = mapping_of()
    assert parse_mapping("# a comment\n" + MAPPING + "\n[file]\nseparator = ','\n", "t").fingerprint() == (
        plain.fingerprint()
    )
    assert mapping_of("duration_unit = 'minutes'").fingerprint() != plain.fingerprint()


REFUSAL = Refusal(16, 17, (Complaint("seconds", "=1+1", "not a duration"), Complaint("id", "", "empty")))


def test_refused_rows_are_reported_as_csv_that_no_spreadsheet_takes_for_formulas(tmp_path: Path) -> None:
    with RefusedRows(tmp_path / "refused.csv") as report:
        report.add(REFUSAL)
    assert (tmp_path / "refused.csv").read_text().splitlines() == [
        "line,row,column,value,reason",
        "17,16,seconds,'=1+1,not a duration",
        "17,16,id,,empty",
    ]
    assert report.rows == 1


def test_refused_rows_are_reported_as_json_lines_when_the_name_says_so(tmp_path: Path) -> None:
    with RefusedRows(tmp_path / "refused.jsonl") as report:
        report.add(REFUSAL)
    first = json.loads((tmp_path / "refused.jsonl").read_text().splitlines()[0])
    assert first == {"line": 17, "row": 16, "column": "seconds", "value": "=1+1", "reason": "not a duration"}


def test_without_refused_rows_there_is_no_report(tmp_path: Path) -> None:
    with RefusedRows(tmp_path / "refused.csv"):
        pass
    assert not (tmp_path / "refused.csv").exists()
