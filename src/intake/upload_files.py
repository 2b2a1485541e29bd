"""A file of contacts that somebody uploads: CSV in UTF-8, with a header that says which column is what.

What is wrong with the file as a whole is told before anything is taken from it; a row that does not fit is told
when its turn comes, and spoils no other.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drumbeat.aggregates.contact.profile import LONGEST_TAG, MOST_PROFILE_FIELDS
from drumbeat.aggregates.refusals import RefusalCode
from drumbeat.commands.enrolment import ContactRow, refusal_of, refused_row
from drumbeat.commands.uploads import RefusedRow
from drumbeat.events.values import Priority
from drumbeat.intake.errors import FileProblem
from drumbeat.intake.mapping import FileFormat
from drumbeat.intake.records import Record, Records

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_LINES: Final = 100_000
SEPARATORS: Final = (",", ";")
KNOWN: Final = ("reference", "name", "phone", "country", "email", "zone", "priority", "tags")
"""The columns that mean something by their name; every other one goes into the contact's profile."""

_NAME = Path("the file")
_BETWEEN_TAGS = re.compile(r"[|,;]")


class UnfitUpload(Exception):
    """A file that cannot be taken; nothing was read from it. `field` is what is at fault: a column, or more."""

    def __init__(self, message: str, *, field: str, value: str | None = None, allowed: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A row: where it stands, and the contact that it describes or why it describes none. `end`: its last line."""

    line: int
    end: int
    contact: ContactRow | RefusedRow


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file that can be taken. `lines` counts those of the file, with its header."""

    text: str
    separator: str
    columns: tuple[str, ...]
    lines: int

    def rows(self, *, after_line: int = 0) -> Iterator[UploadRow]:
        """The rows that begin after a line. Raises `UnfitUpload` for a line that is no CSV at all."""
        try:
            records = _records(self.text, self.separator)
            for record in records:
                if record.line > after_line:
                    yield UploadRow(record.line, records.line, self._read(record))
        except FileProblem as problem:
            raise UnfitUpload(str(problem), field="file", allowed="CSV") from problem

    def _read(self, record: Record) -> ContactRow | RefusedRow:
        if record.problem is not None:
            return RefusedRow(record.line, "", "no-csv", f"{len(self.columns)} columns, quotes that are closed")
        cells = dict(zip(self.columns, (cell.strip() for cell in record.cells), strict=True))
        known = {name: cells.pop(name) for name in KNOWN if name in cells}
        tags = _BETWEEN_TAGS.split(known.get("tags", ""))
        return ContactRow(
            reference=known["reference"],
            name=known.get("name"),
            phone=known.get("phone"),
            country=known.get("country"),
            email=known.get("email"),
            zone=known.get("zone"),
            priority=known.get("priority") or Priority.NORMAL,
            tags=tuple(tag.strip() for tag in tags if tag.strip()),
            profile={name: cell for name, cell in cells.items() if cell},
        )


def refusals(file: UploadFile) -> Iterator[RefusedRow | None]:
    """What is wrong with each row by itself, None where nothing is. Raises `UnfitUpload`."""
    for row in file.rows():
        if isinstance(row.contact, RefusedRow):
            yield row.contact
        else:
            refused = refusal_of(row.contact)
            yield None if refused is None else as_refused(row.line, refused_row(refused))


def as_refused(line: int, answer: Mapping[str, Any]) -> RefusedRow:
    """The answer of an enrolment that refused a row, as it is reported."""
    reason = RefusalCode(answer["reason"]).dashed
    return RefusedRow(line, str(answer.get("field", "")), reason, str(answer.get("allowed", "")))


def read_upload(raw: bytes) -> UploadFile:
    """Look at a file as a whole. Raises `UnfitUpload`."""
    text = _text(raw)
    lines = max(text.count("\n"), text.count("\r")) + (not text.endswith(("\n", "\r")))
    if lines > MOST_LINES:
        allowed = f"at most {MOST_LINES:,} lines"
        raise UnfitUpload(f"the file has {lines:,} lines", field="lines", value=str(lines), allowed=allowed)
    separator, header = _header(text)
    return UploadFile(text, separator, _columns(header), lines)


def _text(raw: bytes) -> str:
    if raw.startswith(b"PK\x03\x04"):
        raise UnfitUpload("an Excel or zip file: save the sheet as CSV first", field="encoding", allowed="CSV")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = raw.count(b"\n", 0, bad.start) + 1
        said = f"line {line} has the byte 0x{raw[bad.start]:02x}"
        raise UnfitUpload(said, field="encoding", value=said, allowed="UTF-8") from None
    if "\0" in text:
        raise UnfitUpload("the file holds NUL characters", field="encoding", allowed="UTF-8 text")
    return text


def _header(text: str) -> tuple[str, list[str]]:
    if not text.strip():
        raise UnfitUpload("the file is empty", field="header", allowed="a header, and a row for each contact")
    for separator in SEPARATORS:
        try:
            header = _records(text, separator).header
        except FileProblem as problem:
            raise UnfitUpload(str(problem), field="header", allowed="a line of column names") from problem
        if any(column.casefold() == "reference" for column in header):
            return separator, header
    # The first line is not repeated: where there is no header, it is about a person.
    raise UnfitUpload("no column is called reference", field="reference", allowed="a column `reference`")


def _columns(header: list[str]) -> tuple[str, ...]:
    columns = tuple(column.casefold() if column.casefold() in KNOWN else column for column in header)
    for number, column in enumerate(columns, start=1):
        if not 1 <= len(column) <= LONGEST_TAG:
            said = f"column {number} has a name of {len(column)} characters"
            raise UnfitUpload(said, field=f"column {number}", allowed=f"names of 1 to {LONGEST_TAG} characters")
        if columns.count(column) > 1:
            said = f"the column {column!r} is there more than once"
            raise UnfitUpload(said, field=column, allowed="each column once")
    others = len(set(columns) - set(KNOWN))
    if others > MOST_PROFILE_FIELDS:
        allowed = f"at most {MOST_PROFILE_FIELDS} columns beside {', '.join(KNOWN)}"
        raise UnfitUpload(f"{others} columns are for the profile", field="header", allowed=allowed)
    return columns


def _records(text: str, separator: str) -> Records:
    return Records(io.StringIO(text, newline=""), _NAME, FileFormat(separator=separator))
