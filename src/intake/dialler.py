"""A simulated dialler: works a campaign off by its rules, call by call, on a clock of its own.

It follows what the commands answer (retries, completion timeouts), never rules of its own, and gives every command
in the order of simulated time, so that the log reads like a real one.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID, uuid5

from drumbeat.commands.calls import ConnectCall, CorrectOutcome, EndCall, PlaceCall, ReceiveCall
from drumbeat.commands.command import Command, Done
from drumbeat.commands.contacts import FinishDue, OptOutContact
from drumbeat.commands.evaluations import AnswerAnalysis, EvaluateGoal
from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallReceived,
    ContactRetryCancelled,
    ContactRetryScheduled,
)
from drumbeat.events.contact import ContactFinished
from drumbeat.events.ids import contact_id
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, GoalResult
from drumbeat.intake.demonstration_plan import ZONE, Cast
from drumbeat.intake.simulator import Answer, Person, answer

Execute = Callable[[Command, datetime], Done]


@dataclass(slots=True)
class _Contact:
    """What the dialler knows of a contact. `completion_due_at` is told by the last answer that set it."""

    person: Person
    contact_id: UUID
    attempts: int = 0
    retry_at: datetime | None = None
    completion_due_at: datetime | None = None
    over: bool = False


@dataclass(slots=True)
class Dialler:
    """For one thread. `call` places the next call that is due; `until` lets everything else happen by then."""

    cast: Cast
    seed: int
    execute: Execute
    """Gives a command as the dialler."""
    time_out: Execute
    """Gives a command as the policies, which have the last word on a contact."""
    _fresh: deque[_Contact] = field(default_factory=deque)
    _retries: list[tuple[datetime, int, _Contact]] = field(default_factory=list)
    _agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _sender: Iterator[int] = field(default_factory=count)

    def take(self, people: Sequence[Person]) -> None:
        """Work these off, the urgent first."""
        ranks = {"high": 0, "normal": 1, "low": 2}
        for person in sorted(people, key=lambda one: ranks[one.priority]):
            self._fresh.append(_Contact(person, contact_id(self.cast.campaign_id, person.reference)))

    def call(self, now: datetime) -> bool:
        """Place one call: a retry that is due, else the next contact. False when nobody is to be called."""
        contact = self._next(now)
        if contact is None:
            return False
        sender = self.cast.sender_ids[next(self._sender) % len(self.cast.sender_ids)]
        contact.attempts += 1
        contact.retry_at = None
        self._do(contact, PlaceCall(**self._of(contact), sender_id=sender), now)
        self._expect(contact, answer(self.seed, contact.person, contact.attempts, now, zone=ZONE), now)
        return True

    def until(self, now: datetime) -> None:
        """Whatever comes up to this moment: calls end, people ring back, timeouts pass."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, happen = heapq.heappop(self._agenda)
            happen(at)

    def _next(self, now: datetime) -> _Contact | None:
        while self._retries and self._retries[0][0] <= now:
            due_at, _, contact = heapq.heappop(self._retries)
            if contact.retry_at == due_at and not contact.over:
                return contact
        return self._fresh.popleft() if self._fresh else None

    def _expect(self, contact: _Contact, how: Answer, placed_at: datetime) -> None:
        attempt = contact.attempts
        conversation = uuid5(contact.contact_id, f"conversation:{attempt}")
        talks = MEANING[how.outcome].conversation
        picked_up_at = placed_at + timedelta(seconds=how.ring_seconds)
        ended_at = picked_up_at + timedelta(seconds=how.duration_seconds)
        if how.answered_by is not None:
            connected = ConnectCall(**self._of(contact), attempt=attempt, answered_by=how.answered_by)
            self._at(picked_up_at, contact, [connected])
        ended = EndCall(
            **self._of(contact),
            attempt=attempt,
            outcome=how.reported_wrongly_as or how.outcome,
            duration_seconds=how.duration_seconds,
            callback_at=_later(ended_at, how.callback_in_seconds),
            permanent=how.permanent,
            conversation_id=conversation if talks else None,
            summary=_SUMMARIES.get(how.outcome),
        )
        self._at(ended_at, contact, [ended])
        if talks:
            self._at(ended_at + timedelta(seconds=40), contact, self._judged(contact, how, conversation))
        self._afterwards(contact, how, attempt, conversation, ended_at)

    def _afterwards(
        self, contact: _Contact, how: Answer, attempt: int, conversation: UUID, ended_at: datetime
    ) -> None:
        if how.reported_wrongly_as is not None:
            corrected = CorrectOutcome(
                **self._of(contact),
                attempt=attempt,
                from_=how.reported_wrongly_as,
                to=how.outcome,
                duration_seconds=how.duration_seconds,
                conversation_id=conversation,
                reason="listened to the recording again",
            )
            self._at(ended_at + timedelta(minutes=25), contact, [corrected])
        if how.opts_out:
            self._at(ended_at + timedelta(minutes=2), contact, [OptOutContact(**self._of(contact))])
        rings_at = _later(ended_at, how.calls_back_in_seconds)
        if rings_at is not None:
            returned = uuid5(contact.contact_id, f"returned:{attempt}")
            sender = self.cast.sender_ids[attempt % len(self.cast.sender_ids)]
            received = ReceiveCall(
                **self._of(contact),
                conversation_id=returned,
                duration_seconds=90 + attempt * 20,
                sender_id=sender,
                summary="Returned our call after hearing the message.",
            )
            judged = self._judged(contact, how, returned)
            self._at(rings_at, contact, [received])
            self._at(rings_at + timedelta(minutes=4), contact, judged)

    def _judged(self, contact: _Contact, how: Answer, conversation: UUID) -> Iterable[Command]:
        for goal_id, result in ((self.cast.primary_goal_id, how.goal), (self.cast.side_goal_id, how.side_goal)):
            if result is not None:
                yield EvaluateGoal(
                    **self._of(contact), goal_id=goal_id, result=GoalResult(result), conversation_id=conversation
                )
        if how.interest is not None:
            yield AnswerAnalysis(
                **self._of(contact),
                analysis_id=self.cast.analysis_id,
                conversation_id=conversation,
                value=how.interest,
            )

    def _at(self, moment: datetime, contact: _Contact, commands: Iterable[Command]) -> None:
        def happen(now: datetime) -> None:
            for command in commands:
                self._do(contact, command, now)

        heapq.heappush(self._agenda, (moment, next(self._order), happen))

    def _do(self, contact: _Contact, command: Command, now: datetime) -> None:
        self._learn(contact, self.execute(command, now))

    def _learn(self, contact: _Contact, done: Done) -> None:
        for fact in done.facts:
            match fact:
                case ContactRetryScheduled(retry_at=retry_at):
                    contact.retry_at = retry_at
                    heapq.heappush(self._retries, (retry_at, next(self._order), contact))
                case ContactRetryCancelled():
                    contact.retry_at = None
                case ContactCallEnded() | ContactCallReceived():
                    self._wait(contact, fact.completion_due_at)
                case ContactFinished():
                    contact.over = True

    def _wait(self, contact: _Contact, due_at: datetime | None) -> None:
        contact.completion_due_at = due_at
        if due_at is None:
            return

        def finish(now: datetime) -> None:
            if contact.completion_due_at == now and not contact.over:
                self._learn(contact, self.time_out(FinishDue(**self._of(contact)), now))

        heapq.heappush(self._agenda, (due_at, next(self._order), finish))

    def _of(self, contact: _Contact) -> dict[str, UUID]:
        return {"campaign_id": self.cast.campaign_id, "contact_id": contact.contact_id}


def _later(moment: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else moment + timedelta(seconds=seconds)


_SUMMARIES = {
    CallOutcome.COMPLETED: "Talked through the trial and what to do next.",
    CallOutcome.USER_HUNG_UP: "Ended the call early.",
    CallOutcome.CALLBACK: "Asked to be called again later.",
    CallOutcome.MEETING_BOOKED: "Agreed to a date for a product tour.",
    CallOutcome.CALL_TRANSFERRED: "Wanted to talk to a person and was put through.",
}
