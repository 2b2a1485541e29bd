"""What holds for a contact whatever is commanded in whatever order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact import calls, control, correction, enrolment, evaluations
from drumbeat.aggregates.contact.evolve import AGGREGATE, apply
from drumbeat.aggregates.contact.goal_results import goal_result
from drumbeat.aggregates.contact.next_step import finish_outcome
from drumbeat.aggregates.contact.state import (
    AwaitingNextStep,
    Contact,
    Dialing,
    Finished,
    Queued,
    RetryScheduled,
    status_of,
)
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import Refused
from drumbeat.events import Fact
from drumbeat.events.evaluations import ContactGoalAchieved, ContactGoalAchievementWithdrawn
from drumbeat.events.values import (
    CallOutcome,
    CampaignStatus,
    Channel,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
)
from support.contacts import GOAL, terms
from support.given import NOW, event, events, uid

Change = Callable[[Contact | None, Terms, datetime], Sequence[Fact]]
OUTCOMES = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]
MAX_RETRIES = 3
BY_ITS_CALLS = {FinishOutcome.COMPLETED, FinishOutcome.NO_CONVERSATION, FinishOutcome.ATTEMPTS_EXHAUSTED}

outcomes = st.sampled_from(OUTCOMES)
numbers = st.integers(1, 6)
talks = st.sampled_from([uid(f"talk {n}") for n in range(4)])


def _permanent(outcome: CallOutcome, wish: bool) -> bool:
    return wish and outcome in {CallOutcome.FAILED, CallOutcome.ISSUE_DIALING}


def enrol() -> st.SearchStrategy[Change]:
    return st.just(lambda c, t, _: enrolment.enrol(c, terms=t, reference="r", private=ContactPrivate()))


def dial() -> st.SearchStrategy[Change]:
    return st.just(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now))


def end() -> st.SearchStrategy[Change]:
    def change(outcome: CallOutcome, permanent: bool, talk: Any, earlier: bool) -> Change:
        def decide(c: Contact | None, t: Terms, now: datetime) -> Sequence[Fact]:
            return calls.end_call(
                c,
                terms=t,
                attempt=max(1, len(c.attempts) - earlier) if c else 1,
                outcome=outcome,
                permanent=_permanent(outcome, permanent),
                conversation_id=talk,
                now=now,
            )

        return decide

    return st.builds(change, outcomes, st.booleans(), st.none() | talks, st.booleans())


def correct() -> st.SearchStrategy[Change]:
    def change(attempt: int, to: CallOutcome, permanent: bool) -> Change:
        def decide(c: Contact | None, t: Terms, now: datetime) -> Sequence[Fact]:
            return correction.correct_outcome(
                c,
                terms=t,
                attempt=attempt,
                from_=_recorded(c, attempt),
                to=to,
                permanent=_permanent(to, permanent),
                reason="misheard",
                now=now,
            )

        return decide

    return st.builds(change, numbers, outcomes, st.booleans())


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


@settings(max_examples=300)
@given(stories())
def test_attempts_stay_within_what_is_allowed_and_one_call_at_most_is_in_flight(told: tuple[Story, Terms]) -> None:
    story, _ = told
    assert story.state is not None
    assert len(story.state.attempts) <= 1 + MAX_RETRIES + story.state.extra_attempts
    assert [a.report is None for a in story.state.attempts[:-1]] == [False] * (len(story.state.attempts[:-1]))


@settings(max_examples=300)
@given(stories())
def test_the_stage_agrees_with_the_calls(told: tuple[Story, Terms]) -> None:
    contact = told[0].state
    assert contact is not None
    match contact.stage:
        case Queued():
            assert contact.attempts == ()
        case Dialing():
            assert contact.in_flight
        case RetryScheduled():
            assert not contact.in_flight
            assert len(contact.attempts) < 1 + MAX_RETRIES + contact.extra_attempts
        case AwaitingNextStep(due):
            assert not contact.in_flight
            assert due is not None
        case Finished(outcome) if outcome in BY_ITS_CALLS:
            assert outcome is finish_outcome(contact)
            assert not contact.in_flight
            assert not contact.paused


@settings(max_examples=300)
@given(stories())
def test_achievements_in_the_history_agree_with_the_contacts_result(told: tuple[Story, Terms]) -> None:
    story, _ = told
    assert story.state is not None
    balance = sum(isinstance(fact, ContactGoalAchieved) for fact, _ in story.facts) - sum(
        isinstance(fact, ContactGoalAchievementWithdrawn) for fact, _ in story.facts
    )
    assert balance == (goal_result(story.state, GOAL) is GoalResult.ACHIEVED)
    removed = status_of(story.state) is None
    judged = {e.conversation_id for e in story.state.evaluations if e.conversation_id is not None}
    assert removed or judged <= story.state.conversations()


@settings(max_examples=200)
@given(stories())
def test_every_history_replays_to_the_same_state_and_survives_a_snapshot(told: tuple[Story, Terms]) -> None:
    story, _ = told
    state: Contact | None = None
    for version, (fact, time) in enumerate(story.facts, start=1):
        state = AGGREGATE.evolve(state, event(fact, version=version, time=time))
        kept = msgspec.json.decode(msgspec.json.encode(state), type=AGGREGATE.state_type)
        assert kept == state
        state = kept
    assert state is not None
    assert msgspec.structs.replace(state, campaign_id=None) == story.state


@settings(max_examples=300)
@given(stories(calling, st.just(CampaignStatus.RUNNING), first=(dial(), end())), st.data())
def test_a_correction_and_back_gives_the_same_status(told: tuple[Story, Terms], data: st.DataObject) -> None:
    story, under = told
    # Whatever is due is done first; a pause would end with a contact that is finished for a moment.
    story.command(lambda c, _, now: control.finish_due(c, now=now), under)
    story.command(lambda c, t, _: control.resume_contact(c, terms=t), under)
    before = story.state
    assert before is not None
    ended = [n for n, a in enumerate(before.attempts, start=1) if a.report is not None]
    assume(ended)
    attempt = data.draw(st.sampled_from(ended))
    was = before.attempts[attempt - 1].report
    assert was is not None
    to = data.draw(outcomes)
    story.command(_correcting(attempt, was.outcome, to, permanent=False), under)
    story.command(_correcting(attempt, to, was.outcome, permanent=was.permanent), under)
    assert story.state is not None
    assert status_of(story.state) == status_of(before)
    again = story.state.attempts[attempt - 1].report
    assert again is not None
    assert (again.outcome, again.permanent) == (was.outcome, was.permanent)


def _correcting(attempt: int, from_: CallOutcome, to: CallOutcome, *, permanent: bool) -> Change:
    return lambda c, t, now: correction.correct_outcome(
        c, terms=t, attempt=attempt, from_=from_, to=to, permanent=permanent, reason="x", now=now
    )


@settings(max_examples=200)
@given(stories(), st.permutations(range(12)))
def test_evolve_takes_any_facts_in_any_order(told: tuple[Story, Terms], order: list[int]) -> None:
    story, _ = told
    facts = [fact for fact, _ in story.facts]
    shuffled = [facts[i] for i in order if i < len(facts)]
    state: Contact | None = None
    for recorded in events(*shuffled):
        state = AGGREGATE.evolve(state, recorded)
    assert not shuffled or state is not None
