"""What a campaign comes to: the measures of contact after contact, added up."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from drumbeat.aggregates.contact.goal_results import goal_result
from drumbeat.aggregates.contact.state import AwaitingNextStep, Contact, Finished, Removed
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import AnswerStatus, GoalResult

_ANSWERED = frozenset({AnswerStatus.HUMAN, AnswerStatus.MACHINE})


class Counted(NamedTuple):
    """What one contact adds to the measures, by its state alone. Seconds are None where some were not recorded."""

    attempts: int
    not_recorded: int
    conversations: int
    talk_seconds: int | None
    call_seconds: int | None
    achieved: bool


class Fared(NamedTuple):
    """One contact at the end of its history. `started_at`: of its first attempt. Dates where they are known."""

    contact: Contact
    started_at: datetime | None
    ended_at: datetime | None
    not_made: int = 0
    left_out: bool = False
    early: bool = False


def count(contact: Contact, goal: UUID | None) -> Counted:
    """What a contact adds; `goal` is the one that counts. Received calls are conversations and no attempts."""
    talk: int | None = 0
    calls: int | None = 0
    not_recorded = conversations = 0
    for attempt in contact.attempts:
        report = attempt.report
        if report is None:
            continue
        meaning, seconds = MEANING[report.outcome], report.duration_seconds
        if meaning.answer_status is AnswerStatus.NOT_RECORDED:
            not_recorded += 1
            calls = None
            continue
        if meaning.counts_in_total_time:
            # Of a call that nobody answered no time is reported where none was spent.
            told = seconds if seconds is not None or meaning.answer_status in _ANSWERED else 0
            calls = None if calls is None or told is None else calls + told
        if meaning.conversation:
            conversations += 1
            talk = None if talk is None or seconds is None else talk + seconds
    for received in contact.received:
        conversations += 1
        talk = None if talk is None else talk + received.duration_seconds
        calls = None if calls is None else calls + received.duration_seconds
    achieved = goal is not None and bool(contact.evaluations) and goal_result(contact, goal) is GoalResult.ACHIEVED
    return Counted(len(contact.attempts), not_recorded, conversations, talk, calls, achieved)


@dataclass(slots=True)
class Sum:
    """Seconds added up, and of how many contacts some are not known."""

    seconds: int = 0
    contacts_unknown: int = 0

    def add(self, seconds: int | None) -> None:
        """A contact's seconds; None: not known."""
        if seconds is None:
            self.contacts_unknown += 1
        else:
            self.seconds += seconds

    @property
    def value(self) -> int | None:
        """The sum, when every part of it is known."""
        return None if self.contacts_unknown else self.seconds


class Tally:
    """The measures of one variant, or of what really was. Counts as the dashboard does.

    Contacts that were removed leave `contacts`, `achieved` and the dates; their attempts and conversations stay.
    """

    def __init__(self) -> None:
        """Nobody was counted yet."""
        self.contacts = 0
        self.attempts = 0
        self.not_recorded = 0
        self.not_made = 0
        self.conversations = 0
        self.achieved = 0
        self.talk = Sum()
        self.calls = Sum()
        self.contacts_cut_short = 0
        self.contacts_open = 0
        self.contacts_left_out = 0
        self.contacts_early = 0
        self.contacts_undated = 0
        self.first_call_at: datetime | None = None
        self.last_end_at: datetime | None = None

    def add(self, fared: Fared, counted: Counted) -> None:
        """One contact more; `counted` is what `count` says of it."""
        self.attempts += counted.attempts
        self.not_recorded += counted.not_recorded
        self.conversations += counted.conversations
        self.talk.add(counted.talk_seconds)
        self.calls.add(counted.call_seconds)
        self.not_made += fared.not_made
        self.contacts_cut_short += fared.not_made > 0
        self.contacts_left_out += fared.left_out
        self.contacts_early += fared.early
        stage = fared.contact.stage
        if isinstance(stage, Removed):
            return
        self.contacts += 1
        self.achieved += counted.achieved
        over = isinstance(stage, Finished)
        self.contacts_open += not over and not isinstance(stage, AwaitingNextStep)
        self._add_dates(fared, over=over)

    def _add_dates(self, fared: Fared, *, over: bool) -> None:
        started, ended, called = fared.started_at, fared.ended_at, bool(fared.contact.attempts)
        if over and not called and ended is None:
            return  # never called, and the source does not say when that was settled: it keeps nobody waiting
        if not over or fared.early or ended is None or (called and started is None):
            self.contacts_undated += 1
            return
        if started is not None and (self.first_call_at is None or started < self.first_call_at):
            self.first_call_at = started
        if self.last_end_at is None or ended > self.last_end_at:
            self.last_end_at = ended

    @property
    def seconds_to_finish(self) -> int | None:
        """From the first call to the end of the last contact; None: a date is not known, or nobody was called."""
        if self.contacts_undated or self.first_call_at is None or self.last_end_at is None:
            return None
        return max(0, round((self.last_end_at - self.first_call_at).total_seconds()))
