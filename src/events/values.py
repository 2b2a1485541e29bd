"""The words that events share: kinds, outcomes, results. What each means is in docs/concepts.md."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import FailFast, Field

from drumbeat.events.fact import Value
from drumbeat.events.private import Private

T = TypeVar("T")


class _ToFirstError(FailFast):
    def __hash__(self) -> int:
        # A part of a union must have one.
        return hash(self.fail_fast)


Many = Annotated[tuple[T, ...], _ToFirstError()]
"""A list of what anybody may send. Judged up to its first bad member: pydantic makes an error of each, and of the
8 MiB that a request may have those took a minute and 5 GB."""


class CampaignKind(StrEnum):
    """What a campaign does to reach its contacts."""

    SURVEY = "survey"
    SEQUENCE = "sequence"
    CALL = "call"
    MESSAGE = "message"
    VOICE_AGENT = "voice_agent"


class Vocabulary(StrEnum):
    """Whose words a campaign's labels are in."""

    SURVEY = "survey"
    SEQUENCE = "sequence"
    CALL = "call"
    MESSAGE = "message"
    VOICE_AGENT = "voice_agent"


class CampaignSource(StrEnum):
    """Where a campaign came from. An `import` is history: it is never dialled, resumed or reopened."""

    API = "api"
    IMPORT = "import"
    DEMONSTRATION = "demonstration"


class CampaignStatus(StrEnum):
    """The canonical states of a campaign."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LAUNCHING = "launching"
    RUNNING = "running"
    PAUSED = "paused"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"
    DELETED = "deleted"


class ContactStatus(StrEnum):
    """The canonical status of a contact; a substatus says more."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    ERROR = "error"
    REPLIED = "replied"
    FINISHED = "finished"


class ContactSubstatus(StrEnum):
    """What exactly a contact of a calling campaign is at, until it is finished (then: its `FinishOutcome`)."""

    QUEUED = "queued"
    DIALING = "dialing"
    RETRY_SCHEDULED = "retry_scheduled"
    AWAITING_NEXT_STEP = "awaiting_next_step"


class SenderStanding(StrEnum):
    """What a sender may do for one campaign (E-22)."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXCLUDED = "excluded"


class PauseReason(StrEnum):
    """Why a campaign was paused."""

    MANUAL = "manual"
    ISSUE = "issue"
    REVIEW = "review"
    COMPLIANCE = "compliance"


class CompletionReason(StrEnum):
    """Why a campaign is over."""

    ALL_PROCESSED = "all_processed"
    WINDOW_CLOSED = "window_closed"
    MANUAL = "manual"


class WindowClosedBy(StrEnum):
    """What closed the window: the end date, or a person."""

    CLOCK = "clock"
    MANUAL = "manual"


class Channel(StrEnum):
    """How a person is reached."""

    PHONE = "phone"
    EMAIL = "email"
    LINKEDIN = "linkedin"


class StepChannel(StrEnum):
    """Where a step of a sequence happens: a channel, or a task for a person."""

    PHONE = "phone"
    EMAIL = "email"
    LINKEDIN = "linkedin"
    TASK = "task"


class Priority(StrEnum):
    """In which order contacts are worked off."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class AnsweredBy(StrEnum):
    """Who picked up a call that is in flight."""

    HUMAN = "human"
    MACHINE = "machine"


class CallOutcome(StrEnum):
    """How a placed call ended (what each means: `outcomes.MEANING`)."""

    COMPLETED = "completed"
    USER_HUNG_UP = "user_hung_up"
    MEETING_BOOKED = "meeting_booked"
    CALL_TRANSFERRED = "call_transferred"
    CALLBACK = "callback"
    ANSWERED_NO_CONVERSATION = "answered_no_conversation"
    LEFT_MESSAGE = "left_message"
    NO_MESSAGE = "no_message"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    ISSUE_DIALING = "issue_dialing"
    FAILED = "failed"
    NOT_RECORDED = "not_recorded"


class AnswerStatus(StrEnum):
    """What became of the ringing (E-13). `not_recorded` stands beside the five that sum to 100 %."""

    HUMAN = "human"
    MACHINE = "machine"
    NO_ANSWER = "no_answer"
    REJECTION = "rejection"
    FAILED = "failed"
    NOT_RECORDED = "not_recorded"


class FinishOutcome(StrEnum):
    """Why nothing more happens to a contact; the substatus of `finished`."""

    COMPLETED = "completed"
    NO_CONVERSATION = "no_conversation"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    OUTCOME_NOT_RECORDED = "outcome_not_recorded"
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    CAMPAIGN_OVER = "campaign_over"


class GoalRole(StrEnum):
    """One goal of a campaign is primary (E-40)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class GoalResult(StrEnum):
    """What an evaluation found; in the order best to least (E-41)."""

    ACHIEVED = "achieved"
    PARTIALLY_ACHIEVED = "partially_achieved"
    NOT_ACHIEVED = "not_achieved"
    UNKNOWN = "unknown"


class Question(StrEnum):
    """What an analysis asks of a conversation (E-50)."""

    YES_NO = "yes_no"
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    OPEN = "open"
    RATING = "rating"
    DATA_POINT = "data_point"


class ZoneSource(StrEnum):
    """Whose zone an `Occurred` is told in."""

    CONTACT = "contact"
    CAMPAIGN = "campaign"


class Occurred(Value):
    """When something happened in the world, as far as it is known; what is not known is left out.

    Parts are local time in `zone` (an IANA name); `weekday` is ISO: 1 Monday … 7 Sunday; `instant` is UTC.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None
    instant: datetime | None = None
    zone: str
    zone_source: ZoneSource


class AddressKey(Value):
    """The suppression stream that stands for one address of a contact: a keyed hash, not the address."""

    channel: Channel
    key: UUID


class ContactPrivate(Private):
    """What identifies a person. Nothing outside `private` may."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    profile: dict[str, str] = Field(default_factory=dict)


class CallPrivate(Private):
    """What was said in a conversation (C-09)."""

    summary: str | None = None
    transcript_reference: str | None = None


class AnswerPrivate(Private):
    """The value of an analysis: a text, a number, a yes or no, or the choices made."""

    value: bool | int | float | str | tuple[str, ...] | None = None


class WeeklyHours(Value):
    """One opening: ISO weekday (1 Monday … 7 Sunday), minutes after local midnight, `closes` exclusive."""

    weekday: int
    opens_minute: int
    closes_minute: int


class Holiday(Value):
    """A day on which a schedule stays closed."""

    year: int
    month: int
    day: int


class Step(Value):
    """One step of a sequence."""

    step_id: UUID
    name: str
    channel: StepChannel
    action: str
    delay_seconds: int
    condition: str | None = None
