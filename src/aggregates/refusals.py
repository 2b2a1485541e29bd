"""Named refusals: what a decision answers when a command may not be carried out. Nothing is written then."""

from enum import StrEnum


class RefusalCode(StrEnum):
    """The stable names of refusals; the read API and the command line show them as they are."""

    UNKNOWN_STREAM = "unknown_stream"
    """No such campaign, contact, sender or schedule in this workspace."""
    STALE_VERSION = "stale_version"
    """The caller expected another version of the stream."""
    WRONG_STATE = "wrong_state"
    """The campaign or contact is not in a state from which this command is allowed."""
    DELETED = "deleted"
    OUT_OF_RANGE = "out_of_range"
    """A value lies outside its allowed range; field, value and range are named."""
    NAME_TOO_LONG = "name_too_long"
    NOTE_TOO_LONG = "note_too_long"
    BATCH_TOO_LARGE = "batch_too_large"
    """Longer than the settings of this installation allow; `value` is how long."""
    EVENT_TOO_LARGE = "event_too_large"
    """All fields together are more than one event may hold."""
    NO_AUDIENCE = "no_audience"
    NO_SENDER = "no_sender"
    NO_PRIMARY_GOAL = "no_primary_goal"
    INVALID_SETTINGS = "invalid_settings"
    NOT_FOR_THIS_KIND = "not_for_this_kind"
    NOT_FOR_AN_IMPORT = "not_for_an_import"
    NOT_YET = "not_yet"
    WINDOW_CLOSED = "window_closed"
    NO_END = "no_end"
    END_NOT_LATER = "end_not_later"
    END_PASSED = "end_passed"
    REPORT_EXISTS = "report_exists"
    STRUCTURE_LOCKED = "structure_locked"
    UNKNOWN_GOAL = "unknown_goal"
    UNKNOWN_ANALYSIS = "unknown_analysis"
    PRIMARY_GOAL_NEEDS_SUCCESSOR = "primary_goal_needs_successor"
    SECOND_PRIMARY_GOAL = "second_primary_goal"
    UNKNOWN_SENDER = "unknown_sender"
    SENDER_NOT_USABLE = "sender_not_usable"
    REMOVED = "removed"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    DUPLICATE_ADDRESS = "duplicate_address"
    CAMPAIGN_OVER = "campaign_over"
    CONTACT_PAUSED = "contact_paused"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    CALL_IN_FLIGHT = "call_in_flight"
    NO_CALL_IN_FLIGHT = "no_call_in_flight"
    ALREADY_ENDED = "already_ended"
    RETRY_NOT_DUE = "retry_not_due"
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    UNKNOWN_ATTEMPT = "unknown_attempt"
    OUTCOME_DIFFERS = "outcome_differs"
    """A correction names an outcome that is not the recorded one."""
    NO_SUCH_CONVERSATION = "no_such_conversation"
    IMPOSSIBLE_ORDER = "impossible_order"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    CONFLICT = "conflict"
    """Other writers kept changing the stream; try again."""

    @property
    def dashed(self) -> str:
        """The name as problems and reports spell it."""
        return self.value.replace("_", "-")


class Refused(Exception):
    """A command was refused; `code` says why in one word, the message in one sentence.

    `field`, `value` and `allowed` are given where one value is at fault.
    """

    def __init__(
        self,
        code: RefusalCode,
        message: str,
        *,
        field: str | None = None,
        value: object = None,
        allowed: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.value = value
        self.allowed = allowed
