"""The replay of a campaign that was worked: every recorded fact is asked of the decisions again.

What people and the world did stands as recorded; what followed from it is decided anew. A recorded later attempt
counts as the retry having been due. A wait that runs as it really ran ends when it really ended, any other when it
is due.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from drumbeat.aggregates.contact import calls, control, enrolment, evaluations
from drumbeat.aggregates.contact.correction import correct
from drumbeat.aggregates.contact.evolve import LOST
from drumbeat.aggregates.contact.next_step import BY_ITS_CALLS
from drumbeat.aggregates.contact.state import AwaitingNextStep, Contact, Report, RetryScheduled
from drumbeat.aggregates.refusals import Refused
from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
)
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactEnrolmentRefused,
    ContactErased,
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactProfileChanged,
    ContactReminderRequested,
    ContactRemoved,
    ContactReopened,
    ContactResumed,
)
from drumbeat.events.evaluations import ContactGoalEvaluated
from drumbeat.events.values import FinishOutcome
from drumbeat.simulate.course import Course
from drumbeat.simulate.timeline import Point


def replay(course: Course, really: Contact | None, fact: Fact, at: Point, now: datetime) -> None:
    """Take one fact that was recorded at `now`. `really` is the contact as it really was before it."""
    pass_time(course, really, now)
    handle = _HANDLERS.get(type(fact))
    if handle is not None:
        handle(course, fact, at, now)


def pass_time(course: Course, really: Contact | None, until: datetime) -> None:
    """End a wait that is due by then, unless the contact really waited for the same moment."""
    stage = course.state.stage if course.state is not None else None
    if not isinstance(stage, AwaitingNextStep):
        return
    due = stage.completion_due_at
    if due is None or due > until or (really is not None and really.stage == stage):
        return
    course.take(control.finish_due(course.state, now=due), due)


def _as_recorded(course: Course, fact: Fact, _at: Point, now: datetime) -> None:
    course.take((fact,), now)


def _decided(course: Course, now: datetime, decide: Callable[[], Sequence[Fact]]) -> bool:
    # What is refused here does not happen here.
    try:
        facts = decide()
    except Refused:
        return False
    course.take(facts, now)
    return True


def _placed(course: Course, fact: ContactCallPlaced, at: Point, now: datetime) -> None:
    known = course.state
    if known is not None and isinstance(known.stage, RetryScheduled) and known.stage.retry_at > now:
        known = replace(known, stage=RetryScheduled(now))
    try:
        calls.place_call(known, terms=at.worked, suppressed=False, now=now)
    except Refused:
        course.not_made += 1
        return
    if known is not course.state:
        course.early = True
    course.made.append(fact.attempt)
    course.started_at = course.started_at or now
    course.take((fact,), now)


def _ended(course: Course, fact: ContactCallEnded, at: Point, now: datetime) -> None:
    number = course.number_of(fact.attempt)
    if number is None:
        return
    if fact.detail == LOST:
        course.take(calls.lose_call(course.state, terms=at.terms, attempt=number, now=now), now)
        return
    _decided(
        course,
        now,
        lambda: calls.end_call(
            course.state,
            terms=at.terms,
            attempt=number,
            outcome=fact.outcome,
            duration_seconds=fact.duration_seconds,
            callback_at=fact.callback_at,
            permanent=fact.permanent,
            conversation_id=fact.conversation_id,
            now=now,
        ),
    )


def _corrected(course: Course, fact: ContactCallOutcomeCorrected, at: Point, now: datetime) -> None:
    number, known = course.number_of(fact.attempt), course.state
    if number is None or known is None or known.attempts[number - 1].report is None:
        return
    report = Report(fact.to, fact.duration_seconds, fact.callback_at, fact.conversation_id, fact.permanent)
    _decided(
        course,
        now,
        lambda: correct(known, at.terms, attempt=number, report=report, reason=fact.reason, private=None, now=now),
    )


def _received(course: Course, fact: ContactCallReceived, at: Point, now: datetime) -> None:
    if course.not_made:
        course.left_out = True
        return
    _decided(
        course,
        now,
        lambda: calls.receive_call(
            course.state,
            terms=at.terms,
            conversation_id=fact.conversation_id,
            duration_seconds=fact.duration_seconds,
            sender_id=fact.sender_id,
            occurred=fact.occurred.instant,
            now=now,
        ),
    )


def _finished(course: Course, fact: ContactFinished, at: Point, now: datetime) -> None:
    known = course.state
    if fact.outcome in BY_ITS_CALLS:
        course.take(control.finish_due(known, now=now), now)
    elif fact.outcome is FinishOutcome.SUPPRESSED:
        course.take(control.finish_suppressed(known, terms=at.terms), now)
    elif fact.outcome is FinishOutcome.CAMPAIGN_OVER:
        course.take(control.finish_campaign_over(known, terms=at.terms), now)


def _reopened(course: Course, fact: ContactReopened, at: Point, now: datetime) -> None:
    if fact.extra_attempts:  # a person asked for another try; else it followed from a correction
        _decided(
            course,
            now,
            lambda: control.retry_contact(course.state, terms=at.terms, suppressed=False, now=now),
        )


def judged(course: Course, fact: ContactGoalEvaluated, at: Point, now: datetime) -> None:
    """A judgement of a conversation that took place here too, or over all when all attempts until then did."""
    if fact.conversation_id is None and course.not_made:
        course.left_out = True
        return
    _decided(
        course,
        now,
        lambda: evaluations.evaluate_goal(
            course.state,
            terms=at.terms,
            goal_id=fact.goal_id,
            result=fact.result,
            conversation_id=fact.conversation_id,
            now=now,
        ),
    )


def _opted_out(course: Course, fact: ContactOptedOut, _at: Point, now: datetime) -> None:
    _decided(course, now, lambda: control.opt_out(course.state, channel=fact.channel))


def _paused(course: Course, fact: ContactPaused, at: Point, now: datetime) -> None:
    _decided(course, now, lambda: control.pause_contact(course.state, terms=at.terms, reason=fact.reason))


def _resumed(course: Course, _fact: ContactResumed, at: Point, now: datetime) -> None:
    _decided(course, now, lambda: control.resume_contact(course.state, terms=at.terms))


def _removed(course: Course, fact: ContactRemoved, at: Point, now: datetime) -> None:
    _decided(course, now, lambda: enrolment.remove_contact(course.state, terms=at.worked, reason=fact.reason))


_HANDLERS: Final[dict[type[Fact], Callable[[Course, Any, Point, datetime], None]]] = {
    ContactEnrolled: _as_recorded,
    ContactEnrolmentRefused: _as_recorded,
    ContactProfileChanged: _as_recorded,
    ContactReminderRequested: _as_recorded,
    ContactErased: _as_recorded,
    ContactCallPlaced: _placed,
    ContactCallEnded: _ended,
    ContactCallOutcomeCorrected: _corrected,
    ContactCallReceived: _received,
    ContactFinished: _finished,
    ContactReopened: _reopened,
    ContactGoalEvaluated: judged,
    ContactOptedOut: _opted_out,
    ContactPaused: _paused,
    ContactResumed: _resumed,
    ContactRemoved: _removed,
}
"""Every other fact follows from one of these, or changes no measure."""
