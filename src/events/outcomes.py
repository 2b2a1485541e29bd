"""What a call's outcome means: one table, said once for decisions, read models and definitions."""

from dataclasses import dataclass

from drumbeat.events.values import AnswerStatus, CallOutcome


@dataclass(frozen=True, slots=True)
class OutcomeMeaning:
    """One row of the table.

    `counts_in_total_time`: its duration is part of total_time_spent (C-03). `retried`: another attempt follows
    while attempts are left.
    """

    answer_status: AnswerStatus
    conversation: bool
    counts_in_total_time: bool
    retried: bool


_CONVERSATION = OutcomeMeaning(AnswerStatus.HUMAN, conversation=True, counts_in_total_time=True, retried=False)
_CALLBACK = OutcomeMeaning(AnswerStatus.HUMAN, conversation=True, counts_in_total_time=True, retried=True)
_SILENT = OutcomeMeaning(AnswerStatus.HUMAN, conversation=False, counts_in_total_time=True, retried=True)
_MACHINE = OutcomeMeaning(AnswerStatus.MACHINE, conversation=False, counts_in_total_time=True, retried=True)
_NO_ANSWER = OutcomeMeaning(AnswerStatus.NO_ANSWER, conversation=False, counts_in_total_time=True, retried=True)
_REJECTION = OutcomeMeaning(AnswerStatus.REJECTION, conversation=False, counts_in_total_time=False, retried=True)
_FAILED = OutcomeMeaning(AnswerStatus.FAILED, conversation=False, counts_in_total_time=False, retried=True)
_NOT_RECORDED = OutcomeMeaning(
    AnswerStatus.NOT_RECORDED, conversation=False, counts_in_total_time=False, retried=False
)

MEANING: dict[CallOutcome, OutcomeMeaning] = {
    CallOutcome.COMPLETED: _CONVERSATION,
    CallOutcome.USER_HUNG_UP: _CONVERSATION,
    CallOutcome.MEETING_BOOKED: _CONVERSATION,
    CallOutcome.CALL_TRANSFERRED: _CONVERSATION,
    CallOutcome.CALLBACK: _CALLBACK,
    CallOutcome.ANSWERED_NO_CONVERSATION: _SILENT,
    CallOutcome.LEFT_MESSAGE: _MACHINE,
    CallOutcome.NO_MESSAGE: _MACHINE,
    CallOutcome.NO_ANSWER: _NO_ANSWER,
    CallOutcome.BUSY: _REJECTION,
    CallOutcome.ISSUE_DIALING: _FAILED,
    CallOutcome.FAILED: _FAILED,
    CallOutcome.NOT_RECORDED: _NOT_RECORDED,
}

GOAL_SCORE: dict[str, int] = {"achieved": 100, "partially_achieved": 50, "not_achieved": 0}
"""Score of a goal result (E-41); `unknown` has none."""
