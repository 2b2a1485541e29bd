"""The first reading of a file, before anything is written: whether it can be read as its mapping says."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drumbeat.intake.errors import FileChanged, FileProblem
from drumbeat.intake.judging import refusal_of_person
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.records import open_records
from drumbeat.intake.rows import Refusal, Row, RowReader

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_PROBE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that can be read: its SHA-256 in hex, the number of its rows, and by what a change of it is seen."""

    file: Path
    file_hash: str
    rows: int
    stamp: tuple[int, int]

    def still_the_same(self) -> None:
        """Raises `FileChanged` when the file was written to since it was inspected."""
        try:
            same = _stamp(self.file) == self.stamp
        except OSError:
            same = False
        if not same:
            raise FileChanged(
                f"{self.file}: the file changed while it was imported; nothing more was taken from it"
            )


def inspect(file: Path, mapping: Mapping) -> Inspected:
    """Read a file once, whole, without keeping it.

    Raises `FileProblem` for a file that is missing, empty or no CSV, is of another encoding, lacks columns that
    the mapping names, or has not one row that fits the mapping.
    """
    try:
        stamp = _stamp(file)
        with file.open("rb") as raw:
            _is_text(file, raw.read(_PROBE_BYTES), mapping)
            raw.seek(0)
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
    except OSError as error:
        raise FileProblem(f"{file}: cannot be read: {error.strerror or error}") from None
    return Inspected(file, digest, _count_rows(file, mapping), stamp)


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(None, os.strerror(21) if stat.S_ISDIR(status.st_mode) else "not a regular file")
    return status.st_size, status.st_mtime_ns


def _is_text(file: Path, start: bytes, mapping: Mapping) -> None:
    if not start.strip():
        raise FileProblem(f"{file}: empty")
    if start.startswith(b"PK\x03\x04"):
        raise FileProblem(f"{file}: no CSV but an Excel or zip file: save the sheet as CSV first")
    if b"\0" in start and not mapping.file.encoding.startswith(("utf-16", "utf-32")):
        raise FileProblem(f"{file}: no CSV: it holds bytes that are no text in {mapping.file.encoding}")


def _count_rows(file: Path, mapping: Mapping) -> int:
    first: Refusal | None = None
    fitting = False
    rows = 0
    with open_records(file, mapping.file) as records:
        _has_columns(file, records.header, mapping)
        reader = RowReader(records.header, mapping)
        for record in records:
            rows += 1
            if not fitting:  # once one row fits, the others are judged when their turn comes
                read = reader.read(record)
                refusal = refusal_of_person(read, mapping) if isinstance(read, Row) else read
                fitting = refusal is None
                first = first or refusal
    if rows == 0:
        raise FileProblem(f"{file}: a header and no rows")
    if not fitting and first is not None:
        raise FileProblem(f"{file}: not one of {rows:,} rows fits the mapping; the first: {described(first)}")
    return rows


def described(refusal: Refusal) -> str:
    """The first thing that is wrong with a row, in words."""
    complaint = refusal.complaints[0]
    where = f", column {complaint.column!r}, value {complaint.value!r}" if complaint.column else ""
    return f"line {refusal.line}{where}: {complaint.reason}"


def _has_columns(file: Path, header: Sequence[str], mapping: Mapping) -> None:
    named = mapping.columns()
    missing = [f"{column!r} ({key})" for column, key in named.items() if column not in header]
    if missing:
        raise FileProblem(f"{file}: {_missing(missing)}; {_what_there_is(header, mapping.file.separator)}")
    twice = [column for column in named if header.count(column) > 1]
    if twice:
        raise FileProblem(f"{file}: the header names the column {twice[0]!r} more than once")


def _missing(missing: Sequence[str]) -> str:
    if len(missing) == 1:
        return f"the column {missing[0]} is missing"
    return f"{len(missing)} columns are missing: {', '.join(missing[:10])}"


def _what_there_is(header: Sequence[str], separator: str) -> str:
    likely = [name for sign, name in _SEPARATORS.items() if sign != separator and sign in header[0]]
    if len(header) == 1 and likely:
        return f"the whole header is one column: is the separator {likely[0]} (file.separator)?"
    shown = ", ".join(repr(name[:40]) for name in header[:20])
    return f"the header has {shown}{' …' if len(header) > 20 else ''}"
