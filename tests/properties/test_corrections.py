"""A correction leads to where the right report would have led, and revives nobody who wants no contact."""

from copy import copy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact import calls, control, correction
from drumbeat.aggregates.contact.state import Contact, status_of
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events.values import CallOutcome, CampaignStatus
from support.contact_stories import (
    Change,
    Story,
    any_status,
    anything,
    calling,
    dial,
    outcomes,
    stories,
)

FAILURES = {CallOutcome.FAILED, CallOutcome.ISSUE_DIALING}


def reported(outcome: CallOutcome, *, permanent: bool) -> Change:
    return lambda c, t, now: calls.end_call(
        c, terms=t, attempt=len(c.attempts) if c else 1, outcome=outcome, permanent=permanent, now=now
    )


def corrected(was: CallOutcome, to: CallOutcome, *, permanent: bool) -> Change:
    return lambda c, t, now: correction.correct_outcome(
        c,
        terms=t,
        attempt=len(c.attempts) if c else 1,
        from_=was,
        to=to,
        permanent=permanent,
        reason="misheard",
        now=now,
    )


@settings(max_examples=400)
@given(
    told=stories(calling, st.just(CampaignStatus.RUNNING)),
    status=any_status,
    wrong=outcomes,
    right=outcomes,
    wrongly_permanent=st.booleans(),
    permanent=st.booleans(),
)
def test_a_wrong_report_that_is_corrected_equals_the_right_one(
    told: tuple[Story, Terms],
    status: CampaignStatus,
    wrong: CallOutcome,
    right: CallOutcome,
    wrongly_permanent: bool,
    permanent: bool,
) -> None:
    story, under = told
    # A pause by hand would end with a contact that is finished for a moment.
    story.command(lambda c, t, _: control.resume_contact(c, terms=t), under)
    # Another try, where there is one, so that most stories end with a call.
    story.command(lambda c, _, now: control.finish_due(c, now=now), under)
    story.command(lambda c, t, now: control.retry_contact(c, terms=t, suppressed=False, now=now), under)
    story.command(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now), under)
    contact = story.state
    if not isinstance(contact, Contact) or not contact.in_flight:
        return
    under = replace(under, status=status)
    permanent = permanent and right in FAILURES
    straight, around = copy(story), copy(story)
    straight.command(reported(right, permanent=permanent), under)
    around.command(reported(wrong, permanent=wrongly_permanent and wrong in FAILURES), under)
    around.command(corrected(wrong, right, permanent=permanent), under)
    assert isinstance(straight.state, Contact)
    assert isinstance(around.state, Contact)
    assert status_of(around.state) == status_of(straight.state)
    assert around.state.stage == straight.state.stage
    assert around.state.attempts[-1].report == straight.state.attempts[-1].report


@settings(max_examples=300)
@given(stories(anything, any_status, first=(dial(),)))
def test_nobody_who_opted_out_is_worked_on(told: tuple[Story, Terms]) -> None:
    contact = told[0].state
    assert isinstance(contact, Contact)
    assert not contact.opted_out or contact.over
