"""What a person is told when something expected goes wrong: one line, and a code for the shell."""

from eventsourcing.persistence import OperationalError

from drumbeat.access.master_keys import MasterKeyProblem
from drumbeat.access.person_keys import KeysAway
from drumbeat.aggregates.refusals import Refused
from drumbeat.audit.signing import SigningKeyUnfit
from drumbeat.commands.ledger import EventTooLarge, LedgerUnavailable
from drumbeat.eventstore.connections import UnsafeServer, said_when_away
from drumbeat.eventstore.embedded import EmbeddedServerError
from drumbeat.eventstore.migrations import SchemaMismatch
from drumbeat.eventstore.reader import LogUnavailable
from drumbeat.eventstore.roles import RoleUnusable
from drumbeat.intake.errors import IntakeError, LedgerAway
from drumbeat.opsapi.exits import Exit
from drumbeat.projections.dead_letters import ReadModelsUnavailable
from drumbeat.projections.engine.feeding import FeedChanged
from drumbeat.projections.engine.install import NotInstalled, OtherDefinition
from drumbeat.projections.engine.projector import ProjectorStopped
from drumbeat.projections.rebuild.going_live import ReadersInTheWay
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.settings import SettingsError
from drumbeat.transport.cluster import KafkaAway, KafkaUnfit
from drumbeat.transport.source import LogRewound, SourceUnavailable


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
    (MasterKeyProblem, Exit.UNFIT),
    (KeysAway, Exit.UNFIT),
    (SigningKeyUnfit, Exit.UNFIT),
    (UnsafeServer, Exit.UNFIT),
    (RoleUnusable, Exit.UNFIT),
    (OtherDefinition, Exit.UNFIT),
    (NotInstalled, Exit.UNFIT),
    (FeedChanged, Exit.UNFIT),
    (LogRewound, Exit.UNFIT),
    (ProjectorStopped, Exit.REFUSED),
    (RebuildRefused, Exit.REFUSED),
    (SliceCancelled, Exit.REFUSED),
    (ReadersInTheWay, Exit.UNAVAILABLE),
    (LedgerAway, Exit.UNAVAILABLE),
    (IntakeError, Exit.WRONG_USE),
    (SourceUnavailable, Exit.UNAVAILABLE),
    (LogUnavailable, Exit.UNAVAILABLE),
    (ReadModelsUnavailable, Exit.UNAVAILABLE),
    (KafkaAway, Exit.UNAVAILABLE),
    (KafkaUnfit, Exit.UNFIT),
    (OperationalError, Exit.UNAVAILABLE),
)

_OF_SEVERAL_LINES = {SettingsError, KafkaUnfit}
"""Each line of theirs stands for itself."""


def explain(error: BaseException) -> tuple[Exit, str] | None:
    """The exit code and the words for an expected failure; None when it is a mistake of ours."""
    if isinstance(error, Failed):
        return error.code, str(error)
    if isinstance(error, Refused):
        return Exit.REFUSED, f"refused ({error.code}): {error.message}"
    for kind, code in _EXPECTED:
        if isinstance(error, kind):
            return code, str(error) if kind in _OF_SEVERAL_LINES else " ".join(str(error).split())
    away = said_when_away(error)
    return None if away is None else (Exit.UNAVAILABLE, away)
