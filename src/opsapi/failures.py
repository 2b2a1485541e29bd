"""What a person is told when something expected goes wrong: one line, and a code for the shell."""

from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.ledger import EventTooLarge, LedgerUnavailable
from drumbeat.eventstore.embedded import EmbeddedServerError
from drumbeat.eventstore.migrations import SchemaMismatch
from drumbeat.opsapi.exits import Exit
from drumbeat.settings import SettingsError


class Failed(Exception):
    """A command of the operator's cannot be carried out; the message is the line that is shown."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


_EXPECTED: tuple[tuple[type[BaseException], Exit], ...] = (
    (SettingsError, Exit.WRONG_USE),
    (EventTooLarge, Exit.REFUSED),
    (LedgerUnavailable, Exit.UNAVAILABLE),
    (EmbeddedServerError, Exit.UNFIT),
    (SchemaMismatch, Exit.UNFIT),
)


def explain(error: BaseException) -> tuple[Exit, str] | None:
    """The exit code and the words for an expected failure; None when it is a mistake of ours."""
    if isinstance(error, Failed):
        return error.code, str(error)
    if isinstance(error, Refused):
        return Exit.REFUSED, f"refused ({error.code}): {error.message}"
    for kind, code in _EXPECTED:
        if isinstance(error, kind):
            return code, str(error).strip()
    return None
