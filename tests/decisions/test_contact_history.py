"""Recording what already happened: an impossible order is refused, and nothing else."""

import pytest

from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.history import finish_history, record_call, record_evaluation
from drumbeat.aggregates.contact.state import status_of
from drumbeat.events.contact import ContactFinished, ContactRemoved
from drumbeat.events.evaluations import ContactGoalAchieved, ContactGoalEvaluated
from drumbeat.events.values import (
    CallOutcome,
    CampaignSource,
    CampaignStatus,
    FinishOutcome,
    GoalResult,
    Occurred,
    ZoneSource,
)
from support.contacts import GOAL, IMPORT, RUNNING, ended, enrolled, placed, terms
from support.given import NOW, given

ADDED = given(CONTACT, enrolled(source=CampaignSource.IMPORT))
A_MONDAY_IN_MAY = Occurred(year=2008, month=5, weekday=1, zone="UTC", zone_source=ZoneSource.CAMPAIGN)
RECORDED = {"terms": IMPORT, "outcome": CallOutcome.COMPLETED, "duration_seconds": 261}


def recorded_end(outcome: CallOutcome, attempt: int = 1, **changes: object) -> object:
    return ended(outcome, attempt, attempts_allowed=None, **changes)


def test_a_call_is_recorded_as_far_as_it_is_known() -> None:
    ADDED.when(record_call, **RECORDED, occurred=A_MONDAY_IN_MAY).then(
        placed(occurred=A_MONDAY_IN_MAY, lost_at=None),
        recorded_end(CallOutcome.COMPLETED, duration_seconds=261),  # type: ignore[arg-type]
    )


def test_no_limit_refuses_what_did_happen() -> None:
    story = ADDED
    for attempt in range(1, 57):
        story = story.when(record_call, terms=IMPORT, attempt=attempt, outcome=CallOutcome.NOT_RECORDED).then(
            placed(attempt, occurred=None, lost_at=None),
            recorded_end(CallOutcome.NOT_RECORDED, attempt),  # type: ignore[arg-type]
        )
    assert story.state is not None
    assert len(story.state.attempts) == 56


def test_the_same_call_again_adds_nothing_and_another_under_its_number_is_impossible() -> None:
    once = ADDED.and_given(placed(lost_at=None), ended(CallOutcome.COMPLETED, duration_seconds=261))
    once.when(record_call, **RECORDED, attempt=1).then_nothing()
    once.when(record_call, terms=IMPORT, outcome=CallOutcome.BUSY, attempt=1).then_refused("impossible_order")
    once.when(record_call, **RECORDED, attempt=3).then_refused("impossible_order", field="attempt")
    once.when(record_call, **RECORDED, attempt=0).then_refused("impossible_order", field="attempt")


def test_a_contact_is_enrolled_first_and_finished_last() -> None:
    given(CONTACT).when(record_call, **RECORDED).then_refused("impossible_order")
    over = ADDED.and_given(ContactFinished(outcome=FinishOutcome.OUTCOME_NOT_RECORDED))
    over.when(record_call, **RECORDED).then_refused("impossible_order")


def test_history_is_recorded_in_an_import_while_it_runs() -> None:
    ADDED.when(record_call, **(RECORDED | {"terms": RUNNING})).then_refused("wrong_state")
    closed = terms(CampaignStatus.COMPLETED, source=CampaignSource.IMPORT)
    ADDED.when(record_call, **(RECORDED | {"terms": closed})).then_refused("impossible_order")
    ADDED.when(finish_history, terms=RUNNING).then_refused("wrong_state")
    ADDED.when(record_evaluation, terms=closed, goal_id=GOAL, result=GoalResult.ACHIEVED, now=NOW).then_refused(
        "impossible_order"
    )


def test_nonsense_is_refused_even_in_history() -> None:
    ADDED.when(record_call, **(RECORDED | {"duration_seconds": -1})).then_refused("out_of_range")
    ADDED.when(record_call, **RECORDED, callback_at=NOW).then_refused("out_of_range", field="callback_at")


def test_a_judgement_is_recorded_with_its_achievement() -> None:
    ADDED.when(record_evaluation, terms=IMPORT, goal_id=GOAL, result=GoalResult.ACHIEVED, now=NOW).then(
        ContactGoalEvaluated(goal_id=GOAL, result=GoalResult.ACHIEVED), ContactGoalAchieved(goal_id=GOAL)
    )


@pytest.mark.parametrize(
    ("outcomes", "finish"),
    [
        ((CallOutcome.NOT_RECORDED, CallOutcome.COMPLETED), FinishOutcome.COMPLETED),
        ((CallOutcome.COMPLETED, CallOutcome.NOT_RECORDED), FinishOutcome.COMPLETED),
        ((CallOutcome.LEFT_MESSAGE, CallOutcome.NOT_RECORDED), FinishOutcome.OUTCOME_NOT_RECORDED),
        ((CallOutcome.LEFT_MESSAGE, CallOutcome.NO_ANSWER), FinishOutcome.NO_CONVERSATION),
        ((CallOutcome.NOT_RECORDED, CallOutcome.NO_ANSWER), FinishOutcome.ATTEMPTS_EXHAUSTED),
        ((), FinishOutcome.OUTCOME_NOT_RECORDED),
    ],
)
def test_at_the_end_contacts_are_finished_as_if_no_attempts_were_left(
    outcomes: tuple[CallOutcome, ...], finish: FinishOutcome
) -> None:
    story = ADDED
    for attempt, outcome in enumerate(outcomes, start=1):
        story = story.and_given(placed(attempt, lost_at=None), ended(outcome, attempt))
        assert story.state is not None
        assert status_of(story.state) == ("in_progress", "awaiting_next_step")
    story = story.when(finish_history, terms=IMPORT).then(ContactFinished(outcome=finish))
    story.when(finish_history, terms=IMPORT).then_nothing()


def test_a_removed_contact_is_not_finished() -> None:
    ADDED.and_given(ContactRemoved(reason="x")).when(finish_history, terms=IMPORT).then_nothing()
