"""Random stories of contacts: this and that is commanded while the campaign and time move on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from drumbeat.aggregates.contact import calls, control, correction, enrolment, evaluations
from drumbeat.aggregates.contact.evolve import apply
from drumbeat.aggregates.contact.state import (
    Contact,
    RetryScheduled,
)
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import Refused
from drumbeat.events import Fact
from drumbeat.events.values import (
    CallOutcome,
    CampaignStatus,
    Channel,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
)
from support.contacts import GOAL, terms
from support.given import NOW, uid

Change = Callable[[Contact | None, Terms, datetime], Sequence[Fact]]
OUTCOMES = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]
MAX_RETRIES = 3
BY_ITS_CALLS = {FinishOutcome.COMPLETED, FinishOutcome.NO_CONVERSATION, FinishOutcome.ATTEMPTS_EXHAUSTED}

outcomes = st.sampled_from(OUTCOMES)
numbers = st.integers(1, 6)
durations = st.none() | st.integers(0, 600)
talks = st.sampled_from([uid(f"talk {n}") for n in range(4)])


def _permanent(outcome: CallOutcome, wish: bool) -> bool:
    return wish and outcome in {CallOutcome.FAILED, CallOutcome.ISSUE_DIALING}


def enrol() -> st.SearchStrategy[Change]:
    return st.just(lambda c, t, _: enrolment.enrol(c, terms=t, reference="r", private=ContactPrivate()))


def dial() -> st.SearchStrategy[Change]:
    return st.just(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now))


def end() -> st.SearchStrategy[Change]:
    def change(outcome: CallOutcome, permanent: bool, talk: Any, earlier: bool, seconds: int | None) -> Change:
        def decide(c: Contact | None, t: Terms, now: datetime) -> Sequence[Fact]:
            return calls.end_call(
                c,
                terms=t,
                attempt=max(1, len(c.attempts) - earlier) if c else 1,
                outcome=outcome,
                permanent=_permanent(outcome, permanent),
                conversation_id=talk,
                duration_seconds=seconds,
                now=now,
            )

        return decide

    return st.builds(change, outcomes, st.booleans(), st.none() | talks, st.booleans(), durations)


def correct() -> st.SearchStrategy[Change]:
    def change(attempt: int, to: CallOutcome, permanent: bool, seconds: int | None) -> Change:
        def decide(c: Contact | None, t: Terms, now: datetime) -> Sequence[Fact]:
            return correction.correct_outcome(
                c,
                terms=t,
                attempt=attempt,
                from_=_recorded(c, attempt),
                to=to,
                permanent=_permanent(to, permanent),
                duration_seconds=seconds,
                reason="misheard",
                now=now,
            )

        return decide

    return st.builds(change, numbers, outcomes, st.booleans(), durations)


def _recorded(contact: Contact | None, attempt: int) -> CallOutcome:
    if contact is None or attempt > len(contact.attempts):
        return CallOutcome.BUSY
    report = contact.attempts[attempt - 1].report
    return CallOutcome.BUSY if report is None else report.outcome


def receive() -> st.SearchStrategy[Change]:
    return talks.map(
        lambda talk: (
            lambda c, t, now: calls.receive_call(c, terms=t, conversation_id=talk, duration_seconds=9, now=now)
        )
    )


def judge() -> st.SearchStrategy[Change]:
    return st.tuples(st.sampled_from(GoalResult), st.none() | talks).map(
        lambda drawn: (
            lambda c, t, now: evaluations.evaluate_goal(
                c, terms=t, goal_id=GOAL, result=drawn[0], conversation_id=drawn[1], now=now
            )
        )
    )


def others() -> st.SearchStrategy[Change]:
    return st.sampled_from(
        [
            lambda c, t, now: calls.lose_call(c, terms=t, attempt=len(c.attempts) if c else 1, now=now),
            lambda c, _, now: control.finish_due(c, now=now),
            lambda c, t, _: control.pause_contact(c, terms=t),
            lambda c, t, _: control.resume_contact(c, terms=t),
            lambda c, t, now: control.retry_contact(c, terms=t, suppressed=False, now=now),
            lambda c, t, _: control.finish_campaign_over(c, terms=t),
        ]
    )


def ends() -> st.SearchStrategy[Change]:
    return st.sampled_from(
        [
            lambda c, _t, _now: control.opt_out(c, channel=Channel.PHONE),
            lambda c, t, _: control.finish_suppressed(c, terms=t),
            lambda c, t, _: enrolment.remove_contact(c, terms=t, reason="x"),
        ]
    )


calling = st.one_of(enrol(), correct(), receive(), judge(), others(), *[dial(), end()] * 4)
anything = st.one_of(calling, calling, calling, ends())
any_status = st.sampled_from([CampaignStatus.RUNNING] * 6 + [CampaignStatus.PAUSED, CampaignStatus.FINALIZING])
pauses_seconds = st.sampled_from([0, 60, 1800, 3600, 4000, 90_000])


@dataclass
class Story:
    """A contact that is commanded this and that, and everything that was recorded of it."""

    state: Contact | None = None
    now: datetime = NOW
    facts: list[tuple[Fact, datetime]] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    """Under which each of the facts was decided."""
    refused: int = 0

    def command(self, change: Change, under: Terms) -> None:
        try:
            answer = tuple(change(self.state, under, self.now))
        except Refused:
            self.refused += 1
            return
        for fact in answer:
            self.state = apply(self.state, fact, self.now)
            self.facts.append((fact, self.now))
            self.terms.append(under)


@st.composite
def stories(
    draw: st.DrawFn,
    changes: st.SearchStrategy[Change] = anything,
    statuses: st.SearchStrategy[CampaignStatus] = any_status,
    first: Sequence[st.SearchStrategy[Change]] = (),
) -> tuple[Story, Terms]:
    """A random story, the campaign moving a little, time moving on; and the terms at its end."""
    story = Story()
    timeout = draw(st.sampled_from([0, 3600]))
    under = terms(max_retries=MAX_RETRIES, completion_timeout_seconds=timeout)
    for opening in (enrol(), *first):
        story.command(draw(opening), under)
    for change in draw(st.lists(changes, min_size=1, max_size=25)):
        under = terms(draw(statuses), max_retries=MAX_RETRIES, completion_timeout_seconds=timeout)
        story.command(change, under)
        story.now += timedelta(seconds=draw(pauses_seconds))
        if (
            isinstance(story.state, Contact)
            and isinstance(story.state.stage, RetryScheduled)
            and draw(st.booleans())
        ):
            story.now = max(story.now, story.state.stage.retry_at)
    return story, under
