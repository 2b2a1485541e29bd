"""What a command over HTTP can be answered instead of being carried out.

The problems of web.problems, those of a request that is no command (`InvalidBody`, `BodyTooLarge`, `NotJson`),
those of an import by upload, of a simulation and of a rebuild, and one kind for each refusal of a decision: its
code is the refusal's, with dashes.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Command
from drumbeat.web.problems import BadRequest, NotFound, Problem, Unavailable


class InvalidBody(BadRequest):
    code = "invalid-body"
    title = "The body is not what this command takes"


class BodyTooLarge(Problem):
    status = 413
    code = "body-too-large"
    title = "The body is larger than this server takes"


class NotJson(Problem):
    status = 415
    code = "not-json"
    title = "Commands are sent as application/json"


class NotCsv(Problem):
    status = 415
    code = "not-csv"
    title = "Files of contacts are sent as text/csv"


class InvalidFile(Problem):
    status = 422
    code = "invalid-file"
    title = "The file cannot be taken as it is"


class UnknownImport(NotFound):
    code = "unknown-import"
    title = "There is no such import"


class ImportOver(Problem):
    status = 409
    code = "import-over"
    title = "The import has ended already"


class TooManyImports(Problem):
    status = 429
    code = "too-many-imports"
    title = "As many imports are under way as the workspace may have"
    retry_after_seconds = 10


class SimulationUnderWay(Unavailable):
    code = "simulation-under-way"
    title = "This process runs a simulation already"
    retry_after_seconds = 10


class NotForThisWorkspace(Problem):
    status = 403
    code = "not-for-this-workspace"
    title = "What concerns all workspaces is not for keys of this one"


class UnknownProjection(Problem):
    status = 422
    code = "unknown-projection"
    title = "There is no such projection"


class UnknownRebuild(NotFound):
    code = "unknown-rebuild"
    title = "There is no such rebuild"


class UnknownSwitch(NotFound):
    code = "unknown-switch"
    title = "There is no such switch"


class RebuildUnderWay(Problem):
    status = 409
    code = "rebuild-under-way"
    title = "Some of these projections are being rebuilt already"


class RebuildOver(Problem):
    status = 409
    code = "rebuild-over"
    title = "The rebuild has ended already"


class CannotGoLive(Problem):
    status = 409
    code = "cannot-go-live"
    title = "Readers cannot be shown that"


class RefusedProblem(Problem):
    """The base of refusals: the command was understood, and may not be carried out. Nothing was written."""


_STATUS: Final = {
    RefusalCode.UNKNOWN_STREAM: 404,
    RefusalCode.UNKNOWN_GOAL: 404,
    RefusalCode.UNKNOWN_ANALYSIS: 404,
    RefusalCode.UNKNOWN_ATTEMPT: 404,
    RefusalCode.DELETED: 410,
    RefusalCode.STALE_VERSION: 412,
    RefusalCode.BATCH_TOO_LARGE: 413,
    RefusalCode.EVENT_TOO_LARGE: 413,
    RefusalCode.NAME_TOO_LONG: 422,
    RefusalCode.NOTE_TOO_LONG: 422,
    RefusalCode.OUT_OF_RANGE: 422,
    RefusalCode.INVALID_SETTINGS: 422,
    RefusalCode.IDEMPOTENCY_KEY_REUSED: 422,
}
"""A refusal is 409, a conflict with how things stand, unless it stands here."""

REFUSALS: Final[dict[RefusalCode, type[RefusedProblem]]] = {
    code: type(
        f"{''.join(word.title() for word in code.split('_'))}Problem",
        (RefusedProblem,),
        {
            "status": _STATUS.get(code, 409),
            "code": code.dashed,
            "title": f"The command was refused: {code.replace('_', ' ')}",
        },
    )
    for code in RefusalCode
}
"""The kind of problem of each refusal."""


def _value(refusal: Refused, command: Command | None) -> object:
    if refusal.value is not None or refusal.field is None:
        return refusal.value
    given = getattr(command, refusal.field, None)
    # Texts that a decision did not repeat may tell of a person.
    return given if isinstance(given, UUID | int | datetime) else None


_HEADERS: Final = {"expected_version": "If-Match", "idempotency_key": "Idempotency-Key"}
"""How a client spells what stands in a header."""


def refused(refusal: Refused, command: Command | None = None) -> RefusedProblem:
    """A refusal as a problem. A decision that does not know an id or a moment leaves it to the command to tell."""
    field = refusal.field and _HEADERS.get(refusal.field, refusal.field)
    at_fault = {"field": field, "value": _value(refusal, command), "allowed": refusal.allowed}
    return REFUSALS[refusal.code](refusal.message, **at_fault)
