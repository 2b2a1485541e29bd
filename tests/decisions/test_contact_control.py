"""Pausing, another try, opting out, and the ends that policies command."""

import pytest

from drumbeat.aggregates.contact.control import (
    finish_campaign_over,
    finish_due,
    finish_suppressed,
    opt_out,
    pause_contact,
    request_reminder,
    resume_contact,
    retry_contact,
)
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.state import status_of
from drumbeat.events.calls import ContactRetryCancelled
from drumbeat.events.contact import (
    ContactEnrolmentRefused,
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactReminderRequested,
    ContactRemoved,
    ContactReopened,
    ContactResumed,
)
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    Channel,
    FinishOutcome,
)
from support.contacts import HOUR, RUNNING, ended, enrolled, no_answers, placed, retry, terms
from support.given import NOW, given, in_seconds

QUEUED = given(CONTACT, enrolled())
RETRYING = given(CONTACT, *no_answers(1))
DIALING = given(CONTACT, enrolled(), placed())
REMOVED = given(CONTACT, enrolled(), ContactRemoved(reason="x"))
EXHAUSTED = given(CONTACT, *no_answers(3), ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED))
OPTED_OUT = (ContactOptedOut(channel=Channel.PHONE), ContactFinished(outcome=FinishOutcome.OPTED_OUT))
OVER = ("finalizing", "completed", "cancelled", "archived")


def test_a_pause_by_hand_shows_as_paused_and_keeps_what_it_interrupted() -> None:
    paused = RETRYING.when(pause_contact, terms=RUNNING, reason="on holiday").then(
        ContactPaused(reason="on holiday")
    )
    assert paused.state is not None
    assert status_of(paused.state) == ("paused", "retry_scheduled")
    paused.when(pause_contact, terms=RUNNING, reason="again").then_nothing()
    resumed = paused.when(resume_contact, terms=RUNNING).then(ContactResumed())
    assert resumed.state is not None
    assert status_of(resumed.state) == ("in_progress", "retry_scheduled")
    resumed.when(resume_contact, terms=RUNNING).then_nothing()


def test_who_cannot_be_paused() -> None:
    given(CONTACT).when(pause_contact, terms=RUNNING).then_refused("unknown_stream")
    REMOVED.when(pause_contact, terms=RUNNING).then_refused("removed")
    EXHAUSTED.when(pause_contact, terms=RUNNING).then_refused("wrong_state")
    QUEUED.when(pause_contact, terms=terms(CampaignStatus.DELETED)).then_refused("deleted")
    QUEUED.when(pause_contact, terms=terms(source=CampaignSource.IMPORT)).then_refused("not_for_an_import")
    for status in OVER:
        QUEUED.when(pause_contact, terms=terms(CampaignStatus(status))).then_refused("campaign_over")
    REMOVED.when(resume_contact, terms=RUNNING).then_refused("removed")


def test_a_pause_ends_with_the_contact() -> None:
    finished = QUEUED.and_given(ContactPaused(), ContactFinished(outcome=FinishOutcome.SUPPRESSED))
    assert finished.state is not None
    assert status_of(finished.state) == ("finished", "suppressed")
    finished.when(resume_contact, terms=RUNNING).then_nothing()


def test_opting_out_ends_everything_at_once_and_happens_once() -> None:
    out = RETRYING.when(opt_out, channel=Channel.PHONE).then(ContactRetryCancelled(reason="opted_out"), *OPTED_OUT)
    out.when(opt_out, channel=Channel.PHONE).then_nothing()
    DIALING.when(opt_out, channel=Channel.PHONE).then(*OPTED_OUT)


def test_opting_out_leaves_what_a_finished_or_removed_contact_came_to() -> None:
    EXHAUSTED.when(opt_out, channel=Channel.EMAIL).then(ContactOptedOut(channel=Channel.EMAIL))
    REMOVED.when(opt_out, channel=Channel.PHONE).then(ContactOptedOut(channel=Channel.PHONE))
    given(CONTACT).when(opt_out, channel=Channel.PHONE).then_refused("unknown_stream")


@pytest.mark.parametrize("status", [CampaignStatus.RUNNING, CampaignStatus.PAUSED])
def test_another_try_is_one_attempt_beyond_the_limit_due_now(status: CampaignStatus) -> None:
    wish = {"terms": terms(status), "suppressed": False, "now": NOW}
    EXHAUSTED.when(retry_contact, **wish).then(ContactReopened(extra_attempts=1), retry(NOW, left=1))
    RETRYING.when(retry_contact, **wish).then(ContactReopened(extra_attempts=1), retry(NOW, left=3))


def test_a_limit_lowered_since_does_not_swallow_the_other_try() -> None:
    EXHAUSTED.when(retry_contact, terms=terms(max_retries=0), suppressed=False, now=NOW).then(
        ContactReopened(extra_attempts=3), retry(NOW, left=1)
    )


def test_who_gets_no_other_try() -> None:
    wish = {"terms": RUNNING, "suppressed": False, "now": NOW}
    given(CONTACT).when(retry_contact, **wish).then_refused("unknown_stream")
    REMOVED.when(retry_contact, **wish).then_refused("removed")
    QUEUED.when(retry_contact, **wish).then_refused("wrong_state")
    DIALING.when(retry_contact, **wish).then_refused("call_in_flight")
    given(CONTACT, *no_answers(3)).when(retry_contact, **wish).then_refused("wrong_state")
    QUEUED.and_given(*OPTED_OUT).when(retry_contact, **wish).then_refused("opted_out")
    suppressed = QUEUED.and_given(ContactFinished(outcome=FinishOutcome.SUPPRESSED))
    suppressed.when(retry_contact, **wish).then_refused("suppressed")
    EXHAUSTED.when(retry_contact, **(wish | {"suppressed": True})).then_refused("suppressed")
    EXHAUSTED.when(retry_contact, **(wish | {"terms": terms(source=CampaignSource.IMPORT)})).then_refused(
        "not_for_an_import"
    )
    EXHAUSTED.when(retry_contact, **(wish | {"terms": terms(kind=CampaignKind.MESSAGE)})).then_refused(
        "not_for_this_kind"
    )
    for status in ("draft", "scheduled", "launching", "deleted", *OVER):
        EXHAUSTED.when(retry_contact, **(wish | {"terms": terms(CampaignStatus(status))})).then_refused(
            "campaign_not_running"
        )


def test_a_completion_timer_that_no_longer_fits_is_nothing() -> None:
    for story in (given(CONTACT), QUEUED, DIALING, RETRYING, EXHAUSTED, REMOVED):
        story.when(finish_due, now=in_seconds(10**6)).then_nothing()


def test_a_suppressed_contact_is_finished_even_with_a_call_in_flight() -> None:
    finished = ContactFinished(outcome=FinishOutcome.SUPPRESSED)
    QUEUED.when(finish_suppressed, terms=RUNNING).then(finished)
    RETRYING.when(finish_suppressed, terms=RUNNING).then(ContactRetryCancelled(reason="suppressed"), finished)
    DIALING.when(finish_suppressed, terms=terms(CampaignStatus.FINALIZING)).then(finished)


def test_suppression_touches_nobody_who_is_through_and_no_campaign_that_is_over() -> None:
    for story in (given(CONTACT), EXHAUSTED, REMOVED, given(CONTACT, ContactEnrolmentRefused(reason="x"))):
        story.when(finish_suppressed, terms=RUNNING).then_nothing()
    for status in ("completed", "cancelled", "archived", "deleted"):
        QUEUED.when(finish_suppressed, terms=terms(CampaignStatus(status))).then_nothing()
    QUEUED.when(finish_suppressed, terms=terms(source=CampaignSource.IMPORT)).then_nothing()


def test_an_enrolment_that_crossed_the_end_of_its_campaign_is_finished() -> None:
    for status in (*OVER, "deleted"):
        QUEUED.when(finish_campaign_over, terms=terms(CampaignStatus(status))).then(
            ContactFinished(outcome=FinishOutcome.CAMPAIGN_OVER)
        )
    QUEUED.when(finish_campaign_over, terms=RUNNING).then_nothing()
    RETRYING.when(finish_campaign_over, terms=terms(CampaignStatus.COMPLETED)).then_nothing()
    given(CONTACT).when(finish_campaign_over, terms=terms(CampaignStatus.COMPLETED)).then_nothing()


def test_reminders_are_for_survey_participants_who_have_not_responded() -> None:
    survey = terms(kind=CampaignKind.SURVEY)
    QUEUED.when(request_reminder, terms=survey).then(ContactReminderRequested())
    QUEUED.when(request_reminder, terms=RUNNING).then_refused("not_for_this_kind")
    paused = QUEUED.and_given(ContactPaused())
    for story in (given(CONTACT), REMOVED, EXHAUSTED, paused):
        story.when(request_reminder, terms=survey).then_nothing()
    QUEUED.when(request_reminder, terms=terms(CampaignStatus.PAUSED, kind=CampaignKind.SURVEY)).then_nothing()


def test_every_stage_has_its_status() -> None:
    called = given(CONTACT, enrolled(), placed(), ended(CallOutcome.COMPLETED, completion_due_at=NOW + HOUR))
    expected = {
        QUEUED: ("not_started", "queued"),
        DIALING: ("in_progress", "dialing"),
        RETRYING: ("in_progress", "retry_scheduled"),
        called: ("in_progress", "awaiting_next_step"),
        EXHAUSTED: ("finished", "attempts_exhausted"),
        REMOVED: None,
    }
    for story, status in expected.items():
        assert story.state is not None
        assert status_of(story.state) == status
