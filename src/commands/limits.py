"""What an operator lets a command hold: how long names and notes are, how many rows.

Judged before any decision, for the API and the command line alike. Decisions have bounds of their own, which are
those of the events; these only lower them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import LONGEST_NAME, LONGEST_TEXT
from drumbeat.commands.command import Command


@dataclass(frozen=True, slots=True)
class Limited:
    """Marks a field: what it holds, and the refusal when that is too much."""

    code: RefusalCode
    unit: str


@dataclass(frozen=True, slots=True)
class Within:
    """Marks a field whose value, or each of its values, has parts that are limited."""

    name: Limited
    description: Limited | None = None


A_NAME: Final = Limited(RefusalCode.NAME_TOO_LONG, "characters")
A_NOTE: Final = Limited(RefusalCode.NOTE_TOO_LONG, "characters")
ROWS: Final = Limited(RefusalCode.BATCH_TOO_LARGE, "rows")

Name = Annotated[str, A_NAME]
Note = Annotated[str, A_NOTE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest of each."""

    name_characters: int = LONGEST_NAME
    note_characters: int = LONGEST_TEXT
    batch_rows: int = 10_000

    def require(self, command: Command) -> None:
        """Raises `name_too_long`, `note_too_long`, `batch_too_large`. What is too long is not repeated."""
        for field, mark in _marked(type(command)):
            given = getattr(command, field)
            if isinstance(mark, Limited):
                self._require(field, mark, given)
                continue
            for one in given if isinstance(given, tuple) else (given,):
                self._require("name", mark.name, one.name)
                if mark.description is not None:
                    self._require("description", mark.description, one.description)

    def _require(self, field: str, limited: Limited, given: str | Sequence[object] | None) -> None:
        size = len(given.strip() if isinstance(given, str) else given or ())
        most = {A_NAME: self.name_characters, A_NOTE: self.note_characters, ROWS: self.batch_rows}[limited]
        if size > most:
            raise Refused(
                limited.code,
                f"{field} has {size:,} {limited.unit}; allowed: at most {most:,}",
                field=field,
                value=size,
                allowed=f"at most {most:,} {limited.unit}",
            )


@cache
def _marked(command: type[Command]) -> tuple[tuple[str, Limited | Within], ...]:
    return tuple(
        (name, mark)
        for name, field in command.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Limited | Within)
    )


def refusals_of(command: type[Command]) -> tuple[RefusalCode, ...]:
    """With what the limits can refuse a command."""
    marks = [mark for _, mark in _marked(command)]
    limited = [mark for mark in marks if isinstance(mark, Limited)]
    for mark in marks:
        if isinstance(mark, Within):
            limited += [part for part in (mark.name, mark.description) if part is not None]
    return tuple(dict.fromkeys(one.code for one in limited))
