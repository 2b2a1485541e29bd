"""One mapped column: where it stands, and how its text is read. What does not fit is noted, and reading goes on,
so that a row's report names everything that is wrong with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from drumbeat.intake.cells import BadCell

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one cell; `column` and `value` are empty where a row as a whole is at fault."""

    column: str
    value: str
    reason: str


class Field(Generic[T]):
    """A column and its reader. A column that is not mapped reads as `empty` in every row."""

    def __init__(
        self,
        header: Sequence[str],
        column: str | None,
        parse: Callable[[str], T],
        *,
        empty: T,
        required: bool = False,
    ) -> None:
        self.column = column or ""
        self._index = -1 if column is None else header.index(column)
        self._parse = parse
        self._empty = empty
        self._required = required

    @property
    def mapped(self) -> bool:
        """Whether there is such a column."""
        return self._index >= 0

    def text(self, cells: Sequence[str]) -> str:
        """The stripped text of a mapped column's cell."""
        return cells[self._index].strip()

    def read(self, cells: Sequence[str], complaints: list[Complaint]) -> T:
        """The value of a row; when the text does not fit, a complaint and `empty`."""
        if self._index < 0:
            return self._empty
        text = self.text(cells)
        if not text:
            if self._required:
                complaints.append(Complaint(self.column, text, "empty"))
            return self._empty
        try:
            return self._parse(text)
        except BadCell as bad:
            complaints.append(Complaint(self.column, text, bad.reason))
            return self._empty


def text_field(header: Sequence[str], column: str | None, *, longest: int) -> Field[str | None]:
    """A text as it stands, None where it is empty."""

    def parse(text: str) -> str | None:
        if len(text) > longest:
            raise BadCell(f"longer than {longest:,} characters")
        return text

    return Field(header, column, parse, empty=None)


def choice(values: Mapping[str, T], other: T | None) -> Callable[[str], T]:
    """A reader of the values that a mapping lists; any other is `other`, or refused when there is none."""

    def parse(text: str) -> T:
        found = values.get(text, other)
        if found is None:
            raise BadCell("not one of the values of the mapping")
        return found

    return parse
