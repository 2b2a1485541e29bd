"""How far an import is."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What an import is at."""

    CHECKING = "checking"
    RECORDING = "recording"
    FINISHING = "finishing"
    WAITING = "waiting"
    """The database is away; the import goes on by itself when it is back."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows read so far of `rows`, and how many were accepted and refused; `seconds` since recording began."""

    phase: Phase
    rows: int = 0
    read: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """The mean rate of this run."""
        return self.read / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """How long the rest takes at that rate, None before there is one."""
        rate = self.rows_per_second
        return (self.rows - self.read) / rate if rate > 0 else None
