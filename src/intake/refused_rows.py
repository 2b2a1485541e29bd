"""The report of rows that were not taken over: one line for each thing that is wrong, as CSV or JSON lines."""

import csv
import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from drumbeat.intake.errors import ReportProblem
from drumbeat.intake.rows import Refusal

COLUMNS = ("line", "row", "column", "value", "reason")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RefusedRows:
    """Writes the report; the file is made with the first refused row, so that a clean import leaves none.

    A path that ends in `.jsonl` gets an object a line, any other CSV with a header. Its import alone writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Raises `ReportProblem` when the report could not be written, before it is needed."""
        folder = self.path.absolute().parent
        if not os.access(folder, os.W_OK) or self.path.is_dir():
            raise ReportProblem(f"{self.path}: the report of refused rows cannot be written there")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could be written was flushed with each row
                self._file.close()

    def add(self, refusal: Refusal) -> None:
        """Report a row. Raises `ReportProblem`."""
        self.rows += 1
        try:
            out = self._file or self._open()
            for one in refusal.complaints:
                values = (refusal.line, refusal.number, one.column, one.value, one.reason)
                if self.path.suffix == ".jsonl":
                    out.write(json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=False) + "\n")
                else:
                    csv.writer(out).writerow([_inert(value) for value in values])
            out.flush()
        except OSError as error:
            raise ReportProblem(
                f"{self.path}: the report of refused rows cannot be written: {error.strerror or error}"
            ) from None

    def _open(self) -> TextIO:
        self._file = out = self.path.open("w", encoding="utf-8", newline="")
        if self.path.suffix != ".jsonl":
            csv.writer(out).writerow(COLUMNS)
        return out


def _inert(value: int | str) -> int | str:
    # A spreadsheet takes such a text for a formula; the apostrophe keeps it text.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
