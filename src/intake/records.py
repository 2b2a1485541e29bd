"""A CSV file as numbered records, read as a stream: memory stays flat however long the file is."""

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from drumbeat.intake.errors import FileProblem
from drumbeat.intake.mapping import FileFormat

MAX_LINE_CHARACTERS = 1_000_000
"""A longer line means that this is no CSV; it bounds what one line may take of memory."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row. `number` counts rows from 1, without the header; `line` counts lines of the file, with it.

    `problem` is given, and `cells` is empty, where the row cannot be split into cells.
    """

    number: int
    line: int
    cells: list[str]
    problem: str | None = None


class _Lines:
    """The lines of a file, counted; those that a broken row swallowed can be read again."""

    def __init__(self, source: TextIO, file: Path, encoding: str) -> None:
        self._source = source
        self._file = file
        self._encoding = encoding
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        if len(line) >= MAX_LINE_CHARACTERS:
            raise FileProblem(
                f"{self._file}: no CSV: line {self.number + 1} is longer than {MAX_LINE_CHARACTERS:,} characters"
            )
        self.number += 1
        self.taken.append(line)
        return line

    def _read(self) -> str:
        try:
            return self._source.readline(MAX_LINE_CHARACTERS)
        except UnicodeError:
            raise FileProblem(_not_of_encoding(self._file, self._encoding)) from None
        except OSError as error:
            raise _unreadable(self._file, error) from None

    def give_back_all_but_first(self) -> None:
        """So that a quote that is never closed costs its own line, not all that follow."""
        swallowed = self.taken[1:]
        self._again.extendleft(reversed(swallowed))
        self.number -= len(swallowed)


class Records:
    """The header and the rows of an open file. Blank lines are no rows."""

    def __init__(self, source: TextIO, file: Path, layout: FileFormat) -> None:
        self._lines = _Lines(source, file, layout.encoding)
        self._reader = csv.reader(self._lines, delimiter=layout.separator, quotechar=layout.quote, strict=True)
        self._file = file
        self.header = self._read_header()

    def _read_header(self) -> list[str]:
        try:
            for cells in self._reader:
                if cells:
                    return [cell.strip() for cell in cells]
        except csv.Error as error:
            raise FileProblem(f"{self._file}: no CSV: line 1: {error}") from None
        raise FileProblem(f"{self._file}: empty: it has no header")

    @property
    def line(self) -> int:
        """The last line of the file that was read."""
        return self._lines.number

    def __iter__(self) -> Iterator[Record]:
        lines, width, number = self._lines, len(self.header), 0
        while True:
            lines.taken.clear()
            line = lines.number + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                lines.give_back_all_but_first()
                number += 1
                yield Record(number, line, [], str(error))
                continue
            if not cells:
                continue
            number += 1
            if len(cells) != width:
                yield Record(number, line, [], f"{width} columns expected, {len(cells)} found")
            elif any("\0" in taken for taken in lines.taken):
                yield Record(number, line, [], "holds a NUL character")
            else:
                yield Record(number, line, cells)


@contextmanager
def open_records(file: Path, layout: FileFormat) -> Iterator[Records]:
    """Open a file for reading. Raises `FileProblem`, then or later: also for bytes not of the encoding."""
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    try:
        text = file.open(encoding=encoding, newline="")
    except OSError as error:
        raise _unreadable(file, error) from None
    with text:
        yield Records(text, file, layout)


def _unreadable(file: Path, error: OSError) -> FileProblem:
    return FileProblem(f"{file}: cannot be read: {error.strerror or error}")


def _not_of_encoding(file: Path, encoding: str) -> str:
    said = f"{file}: the text is not {encoding}"
    if encoding == "utf-8":
        # The decoder works on blocks; the line is looked for only now that somebody has to be told.
        with file.open("rb") as raw:
            for number, line in enumerate(raw, start=1):
                try:
                    line.decode()
                except UnicodeDecodeError as bad:
                    said += f": line {number} has the byte 0x{line[bad.start]:02x}"
                    break
    return said + "; name the right one in the mapping (file.encoding)"
