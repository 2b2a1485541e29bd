"""What methods take in more than one form."""

from typing import Protocol
from uuid import UUID

Id = UUID | str
"""An id, or its text."""


class CommandAnswer(Protocol):
    """What a command answers."""

    @property
    def position(self) -> int | None:
        """The position of its last event; None, when all of it was refused, waits for nothing."""


class ReadAnswer(Protocol):
    """What a read answers."""

    @property
    def as_of(self) -> str:
        """The token `position@instant`."""


AtLeast = CommandAnswer | ReadAnswer | int | str
"""What a read waits for: the answer of a command or of another read, a position, or a token."""


def token_of(at_least: AtLeast) -> str:
    """The text that is sent for it."""
    if isinstance(at_least, int | str):
        return str(at_least)
    return str((at_least.position or 0) if hasattr(at_least, "position") else at_least.as_of)
