"""Policies: what follows by itself, when the clock moves and when other streams change."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import (
    ChangeSettings,
    CompleteCampaign,
    ExtendCampaign,
    LaunchCampaign,
    PauseCampaign,
    ReopenCampaign,
    ResumeCampaign,
)
from drumbeat.commands.command import Command, Done
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.senders import AssignSender, ReinstateSender, ReportSpamScore
from drumbeat.commands.suppressions import AddSuppression
from drumbeat.events import Principal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, Channel
from drumbeat.policies.clock import Clock
from drumbeat.projections import timers
from support.given import NOW, uid
from support.whole import Whole, whole_system

pytestmark = pytest.mark.postgres


@pytest.fixture
def system(database_url: str) -> Iterator[Whole]:
    with whole_system(database_url) as whole:
        yield whole


def status(system: Whole, campaign_id: UUID) -> str:
    system.project()
    return str(system.rows("SELECT status FROM live.campaigns WHERE campaign_id = %s", campaign_id)[0][0])


def contact(system: Whole, campaign_id: UUID, reference: str) -> tuple[str, str]:
    system.project()
    found = system.rows(
        "SELECT status, substatus FROM live.contacts WHERE contact_id = %s", contact_id(campaign_id, reference)
    )
    return found[0][0], found[0][1]


def test_the_last_processed_contact_completes_its_campaign_after_the_completion_timeout(system: Whole) -> None:
    campaign = system.running_campaign("a", "b", completion_timeout_seconds=3600)
    system.call(campaign, "a", CallOutcome.COMPLETED)
    system.call(campaign, "b", CallOutcome.COMPLETED)
    system.settle()
    assert contact(system, campaign, "a") == ("in_progress", "awaiting_next_step")
    assert status(system, campaign) == "running"
    system.pass_time(minutes=59)
    assert status(system, campaign) == "running"
    system.pass_time(minutes=1)
    assert contact(system, campaign, "b") == ("finished", "completed")
    assert status(system, campaign) == "completed"
    assert system.types(campaign)[-2:] == ["campaign.audience_processed", "campaign.completed"]


def test_a_scheduled_campaign_starts_when_its_start_has_come(system: Whole) -> None:
    campaign = system.running_campaign("a", start_at=(NOW + timedelta(hours=2)).isoformat())
    system.settle()
    assert status(system, campaign) == "scheduled"
    system.pass_time(hours=2)
    assert status(system, campaign) == "running"
    assert system.types(campaign)[-2:] == ["campaign.launched", "campaign.activated"]


def test_a_rescheduled_campaign_starts_at_its_new_time_only(system: Whole) -> None:
    campaign = system.running_campaign("a", start_at=(NOW + timedelta(hours=2)).isoformat())
    system.do(LaunchCampaign(campaign_id=campaign, start_at=NOW + timedelta(hours=5)))
    system.pass_time(hours=3)
    assert status(system, campaign) == "scheduled"
    system.pass_time(hours=2)
    assert status(system, campaign) == "running"


def test_a_call_without_an_end_is_given_up_and_the_real_outcome_corrects_it(system: Whole) -> None:
    campaign = system.running_campaign("a", max_retries=0)
    person = contact_id(campaign, "a")
    system.do(PlaceCall(campaign_id=campaign, contact_id=person))
    system.pass_time(seconds=30 + 3600 - 1)
    assert contact(system, campaign, "a") == ("in_progress", "dialing")
    system.pass_time(seconds=1)
    assert system.types(person)[-1] == "contact.call_ended"
    system.do(
        EndCall(
            campaign_id=campaign,
            contact_id=person,
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=90,
            conversation_id=uid("talk"),
        )
    )
    assert "contact.call_outcome_corrected" in system.types(person)
    system.pass_time(hours=2)
    assert contact(system, campaign, "a") == ("finished", "completed")


def test_the_window_closes_at_the_end_and_the_campaign_completes_when_nothing_is_in_flight(system: Whole) -> None:
    campaign = system.running_campaign("a", end_at=(NOW + timedelta(days=1)).isoformat())
    person = contact_id(campaign, "a")
    system.now += timedelta(hours=23, minutes=59)
    system.do(PlaceCall(campaign_id=campaign, contact_id=person))
    system.pass_time(minutes=2)
    assert status(system, campaign) == "finalizing"
    system.do(EndCall(campaign_id=campaign, contact_id=person, attempt=1, outcome=CallOutcome.NO_ANSWER))
    system.settle()
    system.pass_time(hours=1)
    assert status(system, campaign) == "completed"
    reason = system.rows("SELECT completion_reason FROM live.campaigns WHERE campaign_id = %s", campaign)
    assert reason == [("window_closed",)]


def test_finalizing_ends_at_the_drain_deadline_whatever_is_in_flight(system: Whole) -> None:
    campaign = system.running_campaign("a", drain_deadline_seconds=600)
    system.do(PlaceCall(campaign_id=campaign, contact_id=contact_id(campaign, "a")))
    system.do(CompleteCampaign(campaign_id=campaign))
    system.pass_time(minutes=9)
    assert status(system, campaign) == "finalizing"
    system.pass_time(minutes=1)
    assert status(system, campaign) == "completed"


def test_a_window_that_closes_while_paused_leaves_the_campaign_paused_until_it_is_extended(system: Whole) -> None:
    campaign = system.running_campaign("a", end_at=(NOW + timedelta(days=1)).isoformat())
    system.do(PauseCampaign(campaign_id=campaign))
    system.pass_time(days=2)
    assert status(system, campaign) == "paused"
    assert system.types(campaign)[-1] == "campaign.window_closed"
    system.do(ExtendCampaign(campaign_id=campaign, end_at=NOW + timedelta(days=5)))
    system.do(ResumeCampaign(campaign_id=campaign))
    system.settle()
    assert status(system, campaign) == "running"
    system.pass_time(days=3)
    assert status(system, campaign) == "completed"


def test_an_audience_processed_while_paused_is_finalized_by_the_resume(system: Whole) -> None:
    campaign = system.running_campaign("a", completion_timeout_seconds=0)
    person = contact_id(campaign, "a")
    system.do(PlaceCall(campaign_id=campaign, contact_id=person))
    system.do(PauseCampaign(campaign_id=campaign))
    system.do(
        EndCall(
            campaign_id=campaign, contact_id=person, attempt=1, outcome=CallOutcome.COMPLETED, duration_seconds=5
        )
    )
    system.settle()
    assert status(system, campaign) == "paused"
    assert system.types(campaign)[-1] == "campaign.audience_processed"
    system.do(ResumeCampaign(campaign_id=campaign))
    system.settle()
    assert status(system, campaign) == "completed"


def test_a_reopened_campaign_is_completed_again_only_after_a_contact_moved(system: Whole) -> None:
    campaign = system.running_campaign("a", completion_timeout_seconds=0)
    system.call(campaign, "a", CallOutcome.COMPLETED)
    system.settle()
    assert status(system, campaign) == "completed"
    system.do(ReopenCampaign(campaign_id=campaign))
    system.do(ResumeCampaign(campaign_id=campaign))
    system.settle()
    assert status(system, campaign) == "running"
    system.enrol(campaign, "b")
    system.settle()
    assert status(system, campaign) == "running"
    system.call(campaign, "b", CallOutcome.COMPLETED)
    system.settle()
    assert status(system, campaign) == "completed"


def test_a_suppressed_address_finishes_its_contact_in_every_campaign_that_is_not_over(system: Whole) -> None:
    spring = system.running_campaign("x", name="spring")
    summer = system.running_campaign("x", name="summer")
    for campaign in (spring, summer):
        system.enrol(campaign, "a", phone=lambda _reference: "+351 912 345 678")
    system.settle()
    system.do(AddSuppression(channel=Channel.PHONE, address="+351912345678", reason="asked", source="call"))
    system.settle()
    for campaign in (spring, summer):
        assert contact(system, campaign, "a") == ("finished", "suppressed")
        assert contact(system, campaign, "x") == ("not_started", "queued")


def test_an_enrolment_that_crossed_the_end_of_its_campaign_is_finished(system: Whole) -> None:
    campaign = system.running_campaign("a", completion_timeout_seconds=0)
    system.call(campaign, "a", CallOutcome.COMPLETED)
    system.project()
    # The policy looked when every contact was processed; the enrolment comes before its command is carried out.
    late = Clock(_EnrolsFirst(system, campaign))
    late.tick(system.connection, system.now)
    system.settle()
    assert status(system, campaign) == "completed"
    assert contact(system, campaign, "late") == ("finished", "campaign_over")


class _EnrolsFirst:
    def __init__(self, system: Whole, campaign_id: UUID) -> None:
        self._system = system
        self._campaign_id = campaign_id

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        self._system.enrol(self._campaign_id, "late")
        return self._system.commands.execute(command, principal, now=now, idempotency=idempotency)


def test_a_number_is_excluded_when_its_score_reaches_the_threshold_and_comes_back_by_command_only(
    system: Whole,
) -> None:
    campaign = system.running_campaign("a", spam_threshold=7)
    number = uid("number")

    def standing() -> str:
        system.settle()
        found = system.rows("SELECT standing FROM live.campaign_senders WHERE campaign_id = %s", campaign)
        return str(found[0][0])

    system.do(ReportSpamScore(sender_id=number, score=6, source="carrier"))
    assert standing() == "active"
    system.do(ReportSpamScore(sender_id=number, score=7, source="carrier"))
    assert standing() == "excluded"
    system.do(ReportSpamScore(sender_id=number, score=1, source="carrier"))
    assert standing() == "excluded"
    system.do(ReportSpamScore(sender_id=number, score=9, source="carrier"))
    system.do(ReinstateSender(campaign_id=campaign, sender_id=number))
    assert standing() == "active"
    system.do(ReportSpamScore(sender_id=number, score=8, source="carrier"))
    assert standing() == "excluded"
    system.do(ReinstateSender(campaign_id=campaign, sender_id=number))
    system.do(ChangeSettings(campaign_id=campaign, changes={"spam_threshold": 9}))
    system.do(AssignSender(campaign_id=campaign, sender_id=number, weight=5))
    assert standing() == "active"


def test_a_clock_that_died_after_its_command_repeats_nothing(system: Whole) -> None:
    campaign = system.running_campaign("a", completion_timeout_seconds=0)
    system.call(campaign, "a", CallOutcome.COMPLETED)
    system.project()
    before = system.ledger.head()
    assert system.policies.tick(system.connection, system.now).effective == 1
    # The read models have not seen the effect yet, and this clock remembers nothing.
    reborn = Clock(system.commands).tick(system.connection, system.now)
    assert (reborn.taken, reborn.effective) == (1, 0)
    assert system.types(campaign).count("campaign.audience_processed") == 1
    assert system.ledger.head() == before + 1


def test_two_clocks_never_hold_the_same_timer(system: Whole) -> None:
    campaign = system.running_campaign("a", "b", "c", completion_timeout_seconds=60)
    for reference in "abc":
        system.call(campaign, reference, CallOutcome.COMPLETED)
    system.project()
    later = system.now + timedelta(hours=1)
    with psycopg.connect(system.url) as one, psycopg.connect(system.url) as other:
        first = timers.due(one, later, 2)
        second = timers.due(other, later, 2)
        assert len(first) == 2
        assert len(second) == 1
        assert not {t.stream_id for t in first} & {t.stream_id for t in second}


def test_a_timer_that_leads_to_nothing_does_not_hide_those_behind_it(system: Whole) -> None:
    campaign = system.running_campaign("a", "b", "c", completion_timeout_seconds=60)
    for reference in "abc":
        system.call(campaign, reference, CallOutcome.COMPLETED)
    system.project()
    system.now += timedelta(hours=1)
    clock = Clock(_DoesNothingFor(system, contact_id(campaign, "a")), limit=1)
    for _ in range(4):
        system.project()
        clock.tick(system.connection, system.now)
    assert contact(system, campaign, "a") == ("in_progress", "awaiting_next_step")
    assert contact(system, campaign, "b") == ("finished", "completed")
    assert contact(system, campaign, "c") == ("finished", "completed")


class _DoesNothingFor:
    def __init__(self, system: Whole, contact_id: UUID) -> None:
        self._system = system
        self._contact_id = contact_id

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        if getattr(command, "contact_id", None) == self._contact_id:
            return Done(stream_id=self._contact_id, version=1, position=1)
        return self._system.commands.execute(command, principal, now=now, idempotency=idempotency)
