"""What holds for a contact whatever is commanded in whatever order."""

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact import control, correction
from drumbeat.aggregates.contact.evolve import AGGREGATE
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
from drumbeat.events.evaluations import ContactGoalAchieved, ContactGoalAchievementWithdrawn
from drumbeat.events.values import CallOutcome, CampaignStatus, FinishOutcome, GoalResult
from support.contact_stories import MAX_RETRIES, Change, Story, calling, dial, end, outcomes, stories
from support.contacts import GOAL
from support.given import event, events

BY_ITS_CALLS = {FinishOutcome.COMPLETED, FinishOutcome.NO_CONVERSATION, FinishOutcome.ATTEMPTS_EXHAUSTED}


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
    # Ids that only the envelopes have.
    assert msgspec.structs.replace(state, campaign_id=None, person_id=None) == story.state


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
