"""What a call can raise.

DrumbeatError
├── NoAnswer               the address could not be reached, or its answer was lost, as often as it was tried
├── CutOff                 an answer of many lines broke off; those that came are no whole
├── UnreadableAnswer       what answered is not the API, or one of another version
└── ProblemError           a problem document; one kind for each status
    ├── BadRequest 400     ├── Refused 409              ├── OutOfRange 422
    ├── Unauthenticated 401├── Gone 410                 ├── TooManyRequests 429
    ├── Forbidden 403      ├── VersionConflict 412      ├── ServerBroke 500
    ├── NotFound 404       ├── TooLarge 413             ├── Unavailable 503
    └── NotYet 504         └── ContentTypeRefused 415
"""

from typing import Any, ClassVar

from drumbeat.client.generated.models import ProblemDocument


class DrumbeatError(Exception):
    """The base of everything that a call raises."""


class NoAnswer(DrumbeatError):
    """No answer came, as often as it was tried. `idempotency_key` is a command's: whether it took effect is not
    known, and given again with this key it has its effect once."""

    def __init__(self, words: str, *, idempotency_key: str | None) -> None:
        super().__init__(words)
        self.idempotency_key = idempotency_key


class CutOff(DrumbeatError):
    """An answer of many lines broke off before its end: what came is right, and not all."""


class UnreadableAnswer(DrumbeatError):
    """The answer is not what this operation answers: something else listens there, or another version."""

    def __init__(self, words: str, *, status: int) -> None:
        super().__init__(words)
        self.status = status


class ProblemError(DrumbeatError):
    """The API answered a problem. `problem` is the whole document."""

    status: ClassVar[int] = 0

    def __init__(self, problem: ProblemDocument) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem

    @property
    def code(self) -> str:
        """The word that never changes for a kind of problem, `call-in-flight`."""
        return self.problem.code

    @property
    def field(self) -> str | None:
        """The field or parameter at fault, where there is one."""
        return self.problem.field

    @property
    def value(self) -> Any:
        """The value at fault."""
        return self.problem.value

    @property
    def allowed(self) -> str | list[str] | None:
        """What the value may be."""
        return self.problem.allowed

    @property
    def retry_after(self) -> int | None:
        """Seconds after which it may be tried again; None where that does not help by itself."""
        return self.problem.retry_after_seconds

    @property
    def correlation_id(self) -> str | None:
        """Under this id the server's log has the rest."""
        return self.problem.correlation_id


class BadRequest(ProblemError):
    """The request itself is wrong, and will be when it is sent again."""

    status = 400


class Unauthenticated(ProblemError):
    """There is no key, or one that is not valid."""

    status = 401


class Forbidden(ProblemError):
    """The key does not allow that."""

    status = 403


class NotFound(ProblemError):
    """There is no such thing in this workspace."""

    status = 404


class Refused(ProblemError):
    """The command was understood and may not be carried out as things stand; `code` says why."""

    status = 409


class Gone(ProblemError):
    """It was deleted."""

    status = 410


class VersionConflict(ProblemError):
    """The stream stands at another version than `if_match` said. Read it anew, then decide anew."""

    status = 412

    @property
    def current_version(self) -> int:
        """The version at which it stands."""
        return int(str(self.problem.allowed))


class TooLarge(ProblemError):
    """The body is larger than the server takes."""

    status = 413


class ContentTypeRefused(ProblemError):
    """The body is of a kind that is not taken here."""

    status = 415


class OutOfRange(ProblemError):
    """A value is not allowed; `field`, `value` and `allowed` say which and why."""

    status = 422


class TooManyRequests(ProblemError):
    """More than the key may ask, for longer than the retries went."""

    status = 429


class ServerBroke(ProblemError):
    """A mistake of the server; its log has it under `correlation_id`."""

    status = 500


class Unavailable(ProblemError):
    """Not now, for longer than the retries went."""

    status = 503


class NotYet(ProblemError):
    """The read models did not reach `at_least` in time."""

    status = 504

    @property
    def position(self) -> int | None:
        """How far they were."""
        return self.problem.position


_KINDS = {kind.status: kind for kind in ProblemError.__subclasses__()}


def error_of(problem: ProblemDocument) -> ProblemError:
    """The error for a problem document."""
    return _KINDS.get(problem.status, ProblemError)(problem)
