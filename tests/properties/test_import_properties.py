"""Imports of arbitrary files: told in one line or taken over row by row, and every row is accounted for."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.commands.dispatch import Commands
from drumbeat.events.calls import ContactCallEnded
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.intake.call_history import ImportReport, import_call_history
from drumbeat.intake.errors import IntakeError
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.mapping_files import parse_mapping
from support.memory_ledger import MemoryLedger
from support.whole import ADA, OneKey

PER_CONTACT = parse_mapping(
    """
    name = "A history"
    shape = "row_per_contact"
    contact.name = "who"
    call.attempts = "n"
    call.duration = "seconds"
    call.month = "month"
    call.first_year = 2008
    outcome.by_duration = { above_zero = "completed", zero = "no_answer" }
    """,
    "properties",
)
PER_CALL = parse_mapping(
    """
    name = "A log"
    shape = "row_per_call"
    contact.reference = "who"
    call.timestamp = "at"
    outcome = { column = "end", values = { talked = "completed", busy = "busy" } }
    """,
    "properties",
)
HEADERS = [b"who,n,seconds,month\n", b"who,at,end\n", b""]


def imported(content: bytes, mapping: Mapping) -> tuple[ImportReport, MemoryLedger, list[dict[str, object]]] | str:
    """What came of a file: its report, the log, the report of refused rows; or the line that was told."""
    ledger = MemoryLedger()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "history.csv"
        file.write_bytes(content)
        try:
            report = import_call_history(
                file,
                mapping,
                commands=Commands(ledger, OneKey()),
                principal=ADA,
                clock=lambda: datetime(2026, 3, 2, tzinfo=UTC),
                refused_rows=file.with_suffix(".jsonl"),
            )
        except IntakeError as error:
            assert ledger.log == []
            return str(error)
        refused = report.refused_rows.read_text().split("\n") if report.refused_rows else []
        return report, ledger, [json.loads(line) for line in refused if line]


@given(st.sampled_from(HEADERS), st.binary(max_size=200), st.sampled_from([PER_CONTACT, PER_CALL]))
@settings(max_examples=200)
def test_arbitrary_bytes_are_told_in_one_line_or_taken_over(header: bytes, body: bytes, mapping: Mapping) -> None:
    came = imported(header + body, mapping)
    if isinstance(came, str):
        assert came
        assert len(came.splitlines()) == 1
    else:
        report, ledger, refused = came
        assert report.accepted + report.refused == report.rows
        assert len({row["row"] for row in refused}) == report.refused
        assert sum(isinstance(event.fact, ContactFinished) for event in ledger.log) == report.contacts


# A bare carriage return ends a line of CSV; it is no cell's.
text = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=8)


def _cells(valid: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(valid) | text


row_of_contact = st.tuples(text, _cells(["1", "2", "5"]), _cells(["0", "60", ""]), _cells(["may", "dec", "1", ""]))
row_of_call = st.tuples(
    st.sampled_from(["p1", "p2", "p3", ""]),
    _cells(["2024-09-02T09:00:00", "2024-10-27T01:30:00+01:00", ""]),
    _cells(["talked", "busy", ""]),
)


@given(st.lists(row_of_contact, min_size=1, max_size=12))
@settings(max_examples=100)
def test_each_row_of_a_contact_is_a_contact_with_its_calls_or_a_reported_row(rows: list[tuple[str, ...]]) -> None:
    came = imported(_csv("who,n,seconds,month", rows), PER_CONTACT)
    if isinstance(came, str):
        return
    report, ledger, refused = came
    bad = {row["row"] for row in refused}
    good = [row for number, row in enumerate(rows, start=1) if number not in bad]
    assert report.contacts == report.accepted == len(good)
    ended = [event.fact for event in ledger.log if isinstance(event.fact, ContactCallEnded)]
    assert len(ended) == report.calls == sum(int(row[1]) for row in good)
    assert sum(fact.duration_seconds or 0 for fact in ended) == sum(round(float(row[2] or 0)) for row in good)


@given(st.lists(row_of_call, min_size=1, max_size=12))
@settings(max_examples=100)
def test_each_row_of_a_call_is_an_attempt_of_its_contact_or_a_reported_row(rows: list[tuple[str, ...]]) -> None:
    came = imported(_csv("who,at,end", rows), PER_CALL)
    if isinstance(came, str):
        return
    report, ledger, refused = came
    bad = {row["row"] for row in refused}
    good = [row for number, row in enumerate(rows, start=1) if number not in bad]
    assert report.calls == report.accepted == len(good)
    enrolled = [event.fact.reference for event in ledger.log if isinstance(event.fact, ContactEnrolled)]
    assert sorted(enrolled) == sorted({row[0] for row in good})
    assert report.contacts == len(enrolled)


def _csv(header: str, rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    out.write(header + "\n")
    writer.writerows(rows)
    return out.getvalue().encode()
