"""Calls to and from a contact, short of what their outcome leads to."""

from datetime import timedelta

import pytest

from drumbeat.aggregates.contact.calls import connect_call, end_call, lose_call, place_call, receive_call
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.events.calls import (
    ContactCallConnected,
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallReceived,
    ContactRetryCancelled,
)
from drumbeat.events.contact import (
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactRemoved,
    ContactReopened,
)
from drumbeat.events.evaluations import ContactEvaluationDue
from drumbeat.events.values import (
    AnsweredBy,
    CallOutcome,
    CallPrivate,
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    Channel,
    FinishOutcome,
    Occurred,
    SenderStanding,
    ZoneSource,
)
from support.contacts import (
    HOUR,
    RUNNING,
    SECOND_TALK,
    SENDER,
    TALK,
    ended,
    enrolled,
    no_answers,
    placed,
    retry,
    terms,
)
from support.given import NOW, given, in_seconds, uid

QUEUED = given(CONTACT, enrolled())
DIALING = given(CONTACT, enrolled(), placed())
DIAL = {"terms": RUNNING, "suppressed": False, "now": NOW}
NO_ANSWER = {"terms": RUNNING, "attempt": 1, "outcome": CallOutcome.NO_ANSWER, "now": NOW}


def test_a_call_records_what_it_ran_under_and_where_the_contact_was() -> None:
    somewhere = given(CONTACT, enrolled(zone="Asia/Kolkata"))
    somewhere.when(place_call, **DIAL, sender_id=SENDER).then(
        placed(
            sender_id=SENDER,
            occurred=Occurred(
                year=2026,
                month=3,
                day=2,
                weekday=1,
                hour=14,
                minute=30,
                instant=NOW,
                zone="Asia/Kolkata",
                zone_source=ZoneSource.CONTACT,
            ),
            lost_at=in_seconds(30 + 3600),
        )
    )


def test_without_a_zone_of_its_own_a_contact_is_told_in_the_campaigns() -> None:
    lisbon = terms(zone="Europe/Lisbon", ring_timeout_seconds=60, max_call_duration_seconds=600)
    answer = QUEUED.when(place_call, terms=lisbon, suppressed=False, now=NOW)
    assert answer.facts is not None
    (call,) = answer.facts
    occurred = getattr(call, "occurred")  # noqa: B009  the fact's class is of no interest here
    assert (occurred.zone, occurred.zone_source, occurred.hour) == ("Europe/Lisbon", ZoneSource.CAMPAIGN, 9)
    assert getattr(call, "lost_at") == in_seconds(660)  # noqa: B009  see above


@pytest.mark.parametrize("status", [s for s in CampaignStatus if s is not CampaignStatus.RUNNING])
def test_nobody_is_called_unless_the_campaign_runs(status: CampaignStatus) -> None:
    QUEUED.when(place_call, terms=terms(status), suppressed=False, now=NOW).then_refused("campaign_not_running")


def test_who_may_not_be_called_and_why() -> None:
    def refused(code: str, *facts: object, **changes: object) -> None:
        given(CONTACT, *facts).when(place_call, **(DIAL | changes)).then_refused(code)  # type: ignore[arg-type]

    done = (ended(CallOutcome.COMPLETED, completion_due_at=NOW + HOUR),)
    refused("unknown_stream")
    refused("removed", enrolled(), ContactRemoved(reason="x"))
    refused("suppressed", enrolled(), suppressed=True)
    refused("suppressed", enrolled(), ContactFinished(outcome=FinishOutcome.SUPPRESSED))
    refused(
        "opted_out",
        enrolled(),
        ContactOptedOut(channel=Channel.PHONE),
        ContactFinished(outcome=FinishOutcome.OPTED_OUT),
    )
    refused("contact_paused", enrolled(), ContactPaused())
    refused("call_in_flight", enrolled(), placed())
    refused("retry_not_due", *no_answers(1))
    refused("no_attempts_left", *no_answers(3))
    refused("wrong_state", enrolled(), placed(), *done)
    refused("wrong_state", enrolled(), ContactFinished(outcome=FinishOutcome.CAMPAIGN_OVER))
    refused("not_for_this_kind", enrolled(), terms=terms(kind=CampaignKind.SURVEY))
    refused("not_for_an_import", enrolled(), terms=terms(source=CampaignSource.IMPORT))


def test_a_sender_must_be_assigned_active_and_connected() -> None:
    QUEUED.when(place_call, **DIAL, sender_id=uid("stranger")).then_refused("unknown_sender", field="sender_id")
    QUEUED.when(place_call, **DIAL, sender_id=SENDER, sender_connected=False).then_refused("sender_not_usable")
    for standing in (SenderStanding.DISABLED, SenderStanding.EXCLUDED):
        idle = terms()
        object.__setattr__(idle, "senders", {SENDER: standing})
        QUEUED.when(place_call, terms=idle, suppressed=False, now=NOW, sender_id=SENDER).then_refused(
            "sender_not_usable"
        )


def test_a_retry_is_called_when_it_is_due_whatever_the_limit_is_now() -> None:
    waiting = given(CONTACT, *no_answers(1))
    waiting.when(place_call, **(DIAL | {"now": NOW + HOUR - timedelta(seconds=1)})).then_refused("retry_not_due")
    waiting.when(place_call, terms=terms(max_retries=0), suppressed=False, now=NOW + HOUR).then(
        placed(2, at=NOW + HOUR)
    )


def test_who_picked_up_is_told_while_the_call_lasts() -> None:
    human = {"attempt": 1, "answered_by": AnsweredBy.HUMAN}
    machine = ContactCallConnected(attempt=1, answered_by=AnsweredBy.MACHINE)
    QUEUED.when(connect_call, **human).then_refused("unknown_attempt")
    connected = DIALING.when(connect_call, **human).then(
        ContactCallConnected(attempt=1, answered_by=AnsweredBy.HUMAN)
    )
    connected.when(connect_call, **human).then_nothing()
    connected.when(connect_call, attempt=1, answered_by=AnsweredBy.MACHINE).then(machine)
    over = connected.and_given(ended(CallOutcome.COMPLETED))
    over.when(connect_call, **human).then_nothing()
    over.when(connect_call, attempt=1, answered_by=AnsweredBy.MACHINE).then_refused("no_call_in_flight")


def test_a_report_repeated_adds_nothing_and_another_one_is_refused() -> None:
    once = DIALING.when(end_call, **NO_ANSWER, duration_seconds=20).then(
        ended(CallOutcome.NO_ANSWER, duration_seconds=20), retry()
    )
    once.when(end_call, **NO_ANSWER, duration_seconds=20).then_nothing()
    once.when(end_call, **NO_ANSWER, duration_seconds=21).then_refused("already_ended")
    once.when(end_call, **(NO_ANSWER | {"outcome": CallOutcome.BUSY})).then_refused("already_ended")
    corrected = once.and_given(
        ContactCallOutcomeCorrected(
            attempt=1, from_=CallOutcome.NO_ANSWER, to=CallOutcome.BUSY, duration_seconds=20, reason="x"
        )
    )
    corrected.when(end_call, **NO_ANSWER, duration_seconds=20).then_nothing()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"outcome": CallOutcome.NOT_RECORDED}, "outcome"),
        ({"callback_at": NOW}, "callback_at"),
        ({"permanent": True}, "permanent"),
    ],
)
def test_a_report_out_of_range_names_its_field(changes: dict[str, object], field: str) -> None:
    DIALING.when(end_call, **(NO_ANSWER | changes)).then_refused("out_of_range", field=field)


def test_a_report_is_about_a_call_that_was_placed() -> None:
    given(CONTACT).when(end_call, **NO_ANSWER).then_refused("unknown_stream")
    QUEUED.when(end_call, **NO_ANSWER).then_refused("unknown_attempt", field="attempt")


def test_a_conversation_belongs_to_one_call() -> None:
    second = given(
        CONTACT,
        enrolled(),
        placed(),
        ended(CallOutcome.CALLBACK, conversation_id=TALK),
        retry(NOW),
        placed(2),
    )
    second.when(
        end_call, terms=RUNNING, attempt=2, outcome=CallOutcome.COMPLETED, conversation_id=TALK, now=NOW
    ).then_refused("out_of_range", field="conversation_id")


def test_a_call_in_flight_counts_for_a_contact_that_was_finished_or_removed_meanwhile() -> None:
    reported = ended(CallOutcome.NO_ANSWER)
    for fact in (ContactFinished(outcome=FinishOutcome.SUPPRESSED), ContactRemoved(reason="x")):
        after = DIALING.and_given(fact).when(end_call, **NO_ANSWER).then(reported)
        assert after.state is not None
        assert after.state.over
        assert not after.state.in_flight


def test_a_call_without_an_end_is_lost_when_its_time_is_over() -> None:
    DIALING.when(lose_call, terms=RUNNING, attempt=1, now=in_seconds(3629)).then_nothing()
    at = in_seconds(3630)
    lost = DIALING.when(lose_call, terms=RUNNING, attempt=1, now=at).then(
        ended(CallOutcome.FAILED, detail="lost"), retry(at + HOUR)
    )
    lost.when(lose_call, terms=RUNNING, attempt=1, now=at).then_nothing()
    lost.when(lose_call, terms=RUNNING, attempt=2, now=at).then_nothing()
    given(CONTACT).when(lose_call, terms=RUNNING, attempt=1, now=at).then_nothing()


def test_the_real_outcome_of_a_lost_call_that_comes_late_is_a_correction() -> None:
    at = in_seconds(3630)
    late = {
        "terms": RUNNING,
        "attempt": 1,
        "outcome": CallOutcome.COMPLETED,
        "duration_seconds": 90,
        "conversation_id": TALK,
        "private": CallPrivate(summary="spoke"),
        "now": at + timedelta(seconds=60),
    }
    corrected = (
        DIALING.when(lose_call, terms=RUNNING, attempt=1, now=at)
        .then(ended(CallOutcome.FAILED, detail="lost"), retry(at + HOUR))
        .when(end_call, **late)
        .then(
            ContactCallOutcomeCorrected(
                attempt=1,
                from_=CallOutcome.FAILED,
                to=CallOutcome.COMPLETED,
                duration_seconds=90,
                conversation_id=TALK,
                completion_due_at=at + HOUR,
                reason="reported after the call had been given up as lost",
                private=CallPrivate(summary="spoke"),
            ),
            ContactRetryCancelled(reason="outcome_corrected"),
        )
    )
    corrected.when(end_call, **late).then_nothing()
    corrected.when(end_call, **(late | {"outcome": CallOutcome.BUSY})).then_refused("already_ended")


def received(due: int | None = 3600, **changes: object) -> ContactCallReceived:
    fields = {
        "sender_id": SENDER,
        "occurred": placed().occurred,
        "duration_seconds": 40,
        "conversation_id": TALK,
        "completion_due_at": None if due is None else in_seconds(due),
    }
    return ContactCallReceived.model_validate(fields | changes)


CALLED_BACK = {
    "terms": RUNNING,
    "sender_id": SENDER,
    "duration_seconds": 40,
    "conversation_id": TALK,
    "now": NOW,
}


def test_a_call_back_cancels_the_pending_retry_and_starts_the_wait_again() -> None:
    (
        given(CONTACT, *no_answers(1))
        .when(receive_call, **CALLED_BACK)
        .then(received(), ContactRetryCancelled(reason="call_received"))
        .when(receive_call, **CALLED_BACK)
        .then_nothing()
        .when(receive_call, **(CALLED_BACK | {"now": in_seconds(600), "conversation_id": SECOND_TALK}))
        .then(
            received(
                4200,
                conversation_id=SECOND_TALK,
                occurred=placed(at=in_seconds(600)).occurred,
            )
        )
    )


def test_a_call_received_before_any_attempt_leaves_nothing_to_dial() -> None:
    QUEUED.when(receive_call, **CALLED_BACK).then(received()).when(place_call, **DIAL).then_refused("wrong_state")


def test_a_call_received_while_dialing_leaves_nothing_to_retry() -> None:
    (
        DIALING.when(receive_call, **CALLED_BACK)
        .then(received(None))
        .when(end_call, **(NO_ANSWER | {"outcome": CallOutcome.BUSY}))
        .then(ended(CallOutcome.BUSY, completion_due_at=NOW + HOUR))
    )


def test_a_finished_contact_that_calls_is_completed_by_it() -> None:
    for outcome in (FinishOutcome.NO_CONVERSATION, FinishOutcome.ATTEMPTS_EXHAUSTED):
        given(CONTACT, *no_answers(3), ContactFinished(outcome=outcome)).when(receive_call, **CALLED_BACK).then(
            received(None), ContactEvaluationDue(), ContactFinished(outcome=FinishOutcome.COMPLETED)
        )
    given(CONTACT, *no_answers(3), ContactFinished(outcome=FinishOutcome.COMPLETED)).when(
        receive_call, **CALLED_BACK
    ).then(received(None), ContactEvaluationDue())
    given(CONTACT, enrolled(), ContactFinished(outcome=FinishOutcome.SUPPRESSED)).when(
        receive_call, **CALLED_BACK
    ).then(received(None))


def test_with_a_completion_timeout_of_zero_a_call_back_finishes_at_once() -> None:
    given(CONTACT, *no_answers(1)).when(
        receive_call, **(CALLED_BACK | {"terms": terms(completion_timeout_seconds=0)})
    ).then(
        received(0),
        ContactRetryCancelled(reason="call_received"),
        ContactEvaluationDue(),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )


def test_a_received_call_is_refused_for_strangers_imports_and_known_conversations() -> None:
    given(CONTACT).when(receive_call, **CALLED_BACK).then_refused("unknown_stream")
    history = terms(source=CampaignSource.IMPORT)
    QUEUED.when(receive_call, **(CALLED_BACK | {"terms": history})).then_refused("not_for_an_import")
    known = DIALING.and_given(ended(CallOutcome.COMPLETED, conversation_id=TALK))
    known.when(receive_call, **CALLED_BACK).then_refused("out_of_range", field="conversation_id")
    QUEUED.when(receive_call, **(CALLED_BACK | {"duration_seconds": -1})).then_refused("out_of_range")


def test_a_lost_call_can_be_reopened_and_called_again() -> None:
    again = given(CONTACT, *no_answers(3), ContactFinished(outcome=FinishOutcome.ATTEMPTS_EXHAUSTED)).and_given(
        ContactReopened(extra_attempts=1), retry(NOW, left=1)
    )
    again.when(place_call, **DIAL).then(placed(4))


def test_the_end_of_a_call_keeps_what_was_said_with_its_event() -> None:
    said = CallPrivate(summary="wants a call in May")
    answer = DIALING.when(end_call, **NO_ANSWER, private=said)
    assert answer.facts is not None
    assert isinstance(answer.facts[0], ContactCallEnded)
    assert answer.facts[0].private == said
