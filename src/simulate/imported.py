"""The replay of an import: history that was recorded elsewhere, where no limit and no timer applied.

A variant that limits attempts has those made that the limit allows, as if the campaign had been dialled here; a
recorded later attempt counts as the retry having been due, whatever the outcome before it was. A contact goes on
as recorded until an attempt is not allowed, and its state is then the one that it really had at that moment.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from msgspec.structs import replace

from drumbeat.aggregates.contact.next_step import Retry, attempts_left, finish_outcome, next_step, retryable
from drumbeat.aggregates.contact.state import Contact, RetryScheduled
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallOutcomeCorrected, ContactCallPlaced
from drumbeat.events.contact import ContactFinished
from drumbeat.events.evaluations import ContactGoalEvaluated
from drumbeat.events.values import FinishOutcome
from drumbeat.simulate.course import Course
from drumbeat.simulate.live import judged
from drumbeat.simulate.timeline import Point

_FINISHED: Final = {outcome: ContactFinished(outcome=outcome) for outcome in FinishOutcome}


def replay(
    courses: Sequence[Course], before: Contact | None, after: Contact, fact: Fact, at: int, now: datetime
) -> None:
    """Take one fact that was recorded at `now`, and really led from `before` to `after`, under every variant.

    `at`: which of the points of each variant it was recorded under.
    """
    # By kind first: most facts lead most variants from one shared state to the next.
    kind = type(fact)
    if kind is ContactCallPlaced:
        for course in courses:
            if _allowed(course, course.under.points[at]):
                course.state = after
            else:
                course.not_made += 1
        return
    for course in courses:
        if course.state is not before:
            _apart(course, fact, course.under.points[at], now)
        elif kind is ContactFinished and before is not None and _goes_on(course, course.under.points[at]):
            course.state = replace(before, stage=RetryScheduled(now))
        else:
            course.state = after


def _allowed(course: Course, at: Point) -> bool:
    """Whether an attempt is made. Once one was not, none is: what an import records after it follows from it."""
    known = course.state
    if known is None or not known.attempts or not course.under.variant.limited:
        return True
    return not course.not_made and attempts_left(known, at.worked) > 0


def _goes_on(course: Course, at: Point) -> bool:
    """Whether another attempt would be due, of which the source says nothing."""
    known = course.state
    if known is None or not known.attempts or not course.under.variant.limited:
        return False
    # The last outcome first: it answers for most, and at once.
    return retryable(known.attempts[-1], at.worked) and isinstance(next_step(known, at.worked), Retry)


def _apart(course: Course, fact: Fact, at: Point, now: datetime) -> None:
    """A fact of a contact that is no longer as it really was."""
    known, kind = course.state, type(fact)
    if known is None:
        return
    if kind is ContactCallEnded or kind is ContactCallOutcomeCorrected:
        # Of one that was not made nothing is taken.
        if cast("ContactCallEnded | ContactCallOutcomeCorrected", fact).attempt <= len(known.attempts):
            course.take((fact,), now)
    elif kind is ContactGoalEvaluated:
        judged(course, cast("ContactGoalEvaluated", fact), at, now)
    elif kind is ContactFinished:
        if not known.over and not isinstance(known.stage, RetryScheduled):
            course.take((_FINISHED[finish_outcome(known)],), now)
    else:
        course.take((fact,), now)


def dates(contact: Contact, instants: Sequence[datetime | None]) -> tuple[datetime | None, datetime | None]:
    """When the contact's first attempt was placed and its last one ended, by the source; None: it does not say.

    `instants` are those of all recorded attempts, in their order: the contact has the first of them, or all.
    """
    if not contact.attempts:
        return None, None
    last, report = instants[len(contact.attempts) - 1], contact.attempts[-1].report
    seconds = report.duration_seconds if report is not None else None
    return instants[0], None if last is None else last + timedelta(seconds=seconds or 0)
