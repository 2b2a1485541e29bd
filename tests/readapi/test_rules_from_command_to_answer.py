"""The rules of calling, from a command to the answer that people read: what calls, corrections, ends come to."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.calls import ReceiveCall
from drumbeat.commands.campaign import (
    ArchiveCampaign,
    CancelCampaign,
    CompleteCampaign,
    DeleteCampaign,
    DraftCampaign,
    PauseCampaign,
    ReopenCampaign,
    ResumeCampaign,
)
from drumbeat.commands.contacts import OptOutContact, PauseContact, RemoveContact, RetryContact
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.goals import ArchiveGoal, ChangePrimaryGoal, DefineGoal
from drumbeat.commands.suppressions import AddSuppression
from drumbeat.events.ids import contact_id
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, CampaignKind, Channel, GoalResult, GoalRole
from support.given import NOW, uid
from support.postgres import TestServer
from support.reading import Reading
from support.seen import GOAL, Seen, holds_together
from support.whole import whole_system

pytestmark = pytest.mark.postgres

HOUR = timedelta(hours=1)
OUTCOMES = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]


@pytest.fixture(scope="module")
def seen(postgres_server: TestServer) -> Iterator[Seen]:
    with postgres_server.fresh_database() as url, whole_system(url) as system:
        reading = Reading(url, now=NOW)
        with reading.client() as client:
            yield Seen(system, client, reading)


def test_time_in_calls_follows_the_table_of_outcomes_for_campaign_and_contact(seen: Seen) -> None:
    campaign = seen.system.running_campaign(*OUTCOMES, name="times", max_retries=0)
    for outcome in OUTCOMES:
        seen.system.call(campaign, outcome, outcome, seconds=60)
    for outcome in OUTCOMES:
        person, meaning = seen.contact(campaign, outcome), MEANING[outcome]
        assert person["talk_time_seconds"] == (60 if meaning.conversation else 0), outcome
        assert person["total_time_seconds"] == (60 if meaning.counts_in_total_time else 0), outcome
    shown = seen.get(campaign, "dashboard")
    assert shown["talk_time"]["value"] == 60 * 5
    assert shown["total_time_spent"]["value"] == 60 * 9
    assert shown["answer_rate"]["value"] == pytest.approx(100 * 6 / 12)
    holds_together(seen, campaign)
    seen.system.pass_time(hours=2)
    assert seen.labels(campaign) == {"Completed": 5, "No Conversation": 3, "Failed": 4}
    holds_together(seen, campaign)


def test_a_conversation_that_never_was_leaves_no_trace_in_any_number(seen: Seen) -> None:
    campaign = seen.system.running_campaign(
        "a", "b", name="never was", max_retries=0, completion_timeout_seconds=0
    )
    talk = uid("talk that never was")
    seen.place(campaign, "a")
    seen.end(campaign, "a", CallOutcome.COMPLETED, duration_seconds=90, conversation_id=talk)
    seen.judge(campaign, "a", GoalResult.ACHIEVED, conversation_id=talk)
    assert seen.get(campaign, "dashboard")["goal_achievement"]["value"] == 50
    assert seen.labels(campaign) == {"Completed": 1, "Pending": 1}
    seen.correct(campaign, "a", CallOutcome.COMPLETED, CallOutcome.NO_ANSWER)
    shown = seen.get(campaign, "dashboard")
    assert shown["goal_achievement"]["value"] == shown["conversations"]["value"] == 0
    assert (shown["talk_time"]["value"], shown["total_time_spent"]["value"]) == (0, 90)
    assert seen.labels(campaign) == {"Failed": 1, "Pending": 1}
    person = seen.contact(campaign, "a")
    assert (person["primary_goal"], person["goal_score"]) == ("not_evaluated", None)
    assert seen.get(campaign, "heatmap")["total"]["rate"]["value"] == 0
    (change,) = seen.rows(campaign, "history?stream=contact")
    assert (change["before"]["outcome"], change["after"]["outcome"]) == ("completed", "no_answer")
    assert change["reason"] == "listened again"
    holds_together(seen, campaign)


def test_a_correction_during_a_later_call_counts_at_once_and_its_end_says_what_follows(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", name="two calls")
    seen.system.call(campaign, "a", CallOutcome.NO_ANSWER, seconds=20)
    seen.system.pass_time(hours=1)
    seen.place(campaign, "a")
    seen.correct(campaign, "a", CallOutcome.NO_ANSWER, CallOutcome.USER_HUNG_UP)
    person = seen.contact(campaign, "a")
    assert (person["status_label"], person["conversations"], person["in_flight_attempt"]) == ("Dialing", 1, 2)
    seen.end(campaign, "a", CallOutcome.BUSY, attempt=2)
    assert seen.label(campaign, "a") == "Called"
    seen.system.pass_time(hours=1)
    assert seen.label(campaign, "a") == "Completed"
    assert seen.get(campaign)["status"] == "completed"


def test_a_call_received_is_a_conversation_and_no_attempt_in_any_number(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", name="called back")
    seen.system.call(campaign, "a", CallOutcome.NO_ANSWER, seconds=20)
    seen.system.do(
        ReceiveCall(
            campaign_id=campaign,
            contact_id=contact_id(campaign, "a"),
            conversation_id=uid("call back"),
            duration_seconds=30,
        )
    )
    person = seen.contact(campaign, "a")
    assert (person["status_label"], person["attempts"], person["conversations"]) == ("Called", 1, 1)
    assert (person["retry_at"], person["attempts_left"]) == (None, None)
    shown = seen.get(campaign, "dashboard")
    assert (shown["attempts"]["value"], shown["calls_received"]["value"]) == (1, 1)
    assert (shown["conversations"]["value"], shown["talk_time"]["value"]) == (1, 30)
    assert shown["answer_rate"]["value"] == 0
    holds_together(seen, campaign)
    seen.system.pass_time(hours=1)
    assert seen.label(campaign, "a") == "Completed"


def test_a_removed_contact_leaves_the_contacts_and_its_calls_are_still_reported_and_corrected(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", "b", name="removed", max_retries=5)
    removed = contact_id(campaign, "a")
    seen.place(campaign, "a")
    seen.judge(campaign, "a", GoalResult.ACHIEVED)
    seen.system.do(RemoveContact(campaign_id=campaign, contact_id=removed, reason="moved away"))
    assert seen.labels(campaign) == {"Pending": 1}
    assert seen.get(campaign, "dashboard")["goal_achievement"]["value"] == 0
    seen.end(campaign, "a", CallOutcome.NO_ANSWER, duration_seconds=25)
    seen.correct(campaign, "a", CallOutcome.NO_ANSWER, CallOutcome.COMPLETED, duration_seconds=80)
    seen.system.pass_time(days=3)
    shown = seen.get(campaign, "dashboard")
    assert (shown["contacts"]["value"], shown["attempts"]["value"]) == (1, 1)
    assert (shown["answer_rate"]["value"], shown["talk_time"]["value"]) == (100, 80)
    (call,) = seen.rows(campaign, "attempts")
    assert (call["removed"], call["corrected"], call["outcome"]) == (True, True, "completed")
    assert [row["contact_id"] for row in seen.rows(campaign, "contacts?removed=true")] == [str(removed)]
    holds_together(seen, campaign)
    again = seen.system.enrol(campaign, "a").results
    assert [row["reason"] for row in again] == ["removed"]


def test_a_paused_campaign_takes_reports_and_shows_its_pause_on_open_contacts_only(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", "b", "c", "d", name="paused", completion_timeout_seconds=0)
    seen.system.call(campaign, "a", CallOutcome.COMPLETED)
    seen.place(campaign, "b")
    seen.place(campaign, "c")
    seen.system.do(PauseContact(campaign_id=campaign, contact_id=contact_id(campaign, "d")))
    seen.system.do(PauseCampaign(campaign_id=campaign))
    seen.end(campaign, "b", CallOutcome.BUSY)
    shown = {row["reference"]: row for row in seen.rows(campaign, "contacts")}
    assert {name: row["status_label"] for name, row in shown.items()} == {
        "a": "Completed",
        "b": "Retry",
        "c": "Dialing",
        "d": "Pending",
    }
    assert {name: row["paused_by"] for name, row in shown.items()} == {
        "a": None,
        "b": "campaign",
        "c": "campaign",
        "d": "hand",
    }
    assert shown["b"]["retry_at"] is not None
    with pytest.raises(Refused, match="the campaign is paused"):
        seen.place(campaign, "d")
    seen.system.do(ResumeCampaign(campaign_id=campaign))
    resumed = {row["reference"]: row for row in seen.rows(campaign, "contacts")}
    assert resumed["b"]["retry_at"] == shown["b"]["retry_at"], "a pause moves no retry"
    assert {name: row["paused_by"] for name, row in resumed.items()} == {
        "a": None,
        "b": None,
        "c": None,
        "d": "hand",
    }


@pytest.mark.parametrize("ending", [CompleteCampaign, CancelCampaign])
def test_an_end_while_calls_are_out_voids_retries_and_lets_the_calls_drain(seen: Seen, ending: Any) -> None:
    campaign = seen.system.running_campaign("a", "b", "c", name=f"ended by {ending.NAME}")
    seen.system.call(campaign, "a", CallOutcome.NO_ANSWER)
    seen.place(campaign, "b")
    assert seen.contact(campaign, "a")["retry_at"] is not None
    reason = {"reason": "budget"} if ending is CancelCampaign else {}
    seen.system.do(ending(campaign_id=campaign, **reason))
    waiting = seen.contact(campaign, "a")
    assert (waiting["status_label"], waiting["retry_at"], waiting["attempts_left"]) == ("Retry", None, None)
    seen.end(campaign, "b", CallOutcome.NO_ANSWER)
    assert seen.label(campaign, "b") == "Called", "nothing is retried any more"
    assert seen.label(campaign, "c") == "Pending"
    seen.system.pass_time(hours=1)
    assert seen.label(campaign, "b") == "Failed"
    over = seen.get(campaign)
    assert over["status"] == ("cancelled" if ending is CancelCampaign else "completed")
    assert over["completion_reason"] == (None if ending is CancelCampaign else "manual")
    seen.correct(campaign, "b", CallOutcome.NO_ANSWER, CallOutcome.LEFT_MESSAGE)
    assert seen.label(campaign, "b") == "No Conversation"
    assert seen.get(campaign)["status"] == over["status"]
    holds_together(seen, campaign)


def test_a_reopened_campaign_shows_its_retries_again_and_takes_another_try(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", "b", name="reopened", completion_timeout_seconds=0)
    seen.system.call(campaign, "a", CallOutcome.NO_ANSWER)
    seen.system.call(campaign, "b", CallOutcome.COMPLETED)
    seen.system.do(CompleteCampaign(campaign_id=campaign))
    assert seen.get(campaign)["status"] == "completed"
    seen.system.do(ReopenCampaign(campaign_id=campaign))
    card = seen.get(campaign)
    assert (card["status"], card["completion_reason"], card["pause"]["by"]) == ("paused", None, "ada")
    assert (card["pause"]["reason"], card["pause"]["note"]) == (None, None)
    assert seen.contact(campaign, "a")["retry_at"] is not None
    seen.system.do(RetryContact(campaign_id=campaign, contact_id=contact_id(campaign, "b")))
    seen.system.do(ResumeCampaign(campaign_id=campaign))
    assert seen.labels(campaign) == {"Retry": 2}
    seen.system.pass_time(hours=1)
    seen.system.call(campaign, "b", CallOutcome.NO_ANSWER, attempt=2)
    seen.system.call(campaign, "a", CallOutcome.COMPLETED, attempt=2)
    person = seen.contact(campaign, "b")
    assert (person["status_label"], person["attempts_left"]) == ("Retry", 2)
    assert seen.get(campaign)["status"] == "running"


def test_numbers_follow_the_goal_that_is_primary_now_and_the_goals_that_count(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", "b", "c", "d", name="goals")
    side = uid("side goal")
    role = GoalRole.SECONDARY
    seen.system.do(DefineGoal(campaign_id=campaign, goal_id=side, name="Newsletter", role=role))
    for reference, main, beside in (
        ("a", GoalResult.ACHIEVED, GoalResult.NOT_ACHIEVED),
        ("b", GoalResult.PARTIALLY_ACHIEVED, GoalResult.ACHIEVED),
        ("c", GoalResult.UNKNOWN, GoalResult.ACHIEVED),
    ):
        seen.judge(campaign, reference, main)
        seen.judge(campaign, reference, beside, goal_id=side)
    scores = {row["reference"]: row["goal_score"] for row in seen.rows(campaign, "contacts")}
    assert scores == {"a": 50, "b": 75, "c": 100, "d": None}
    assert seen.get(campaign, "dashboard")["goal_achievement"]["value"] == 25
    seen.system.do(ChangePrimaryGoal(campaign_id=campaign, goal_id=side))
    assert seen.get(campaign, "dashboard")["goal_achievement"]["value"] == 50
    assert seen.contact(campaign, "b")["primary_goal"] == "achieved"
    seen.system.do(ArchiveGoal(campaign_id=campaign, goal_id=GOAL))
    scores = {row["reference"]: row["goal_score"] for row in seen.rows(campaign, "contacts")}
    assert scores == {"a": 0, "b": 100, "c": 100, "d": None}
    holds_together(seen, campaign)


def test_callbacks_are_dialled_or_shown_and_on_the_last_attempt_the_contact_is_called(seen: Seen) -> None:
    asked = seen.system.now + timedelta(days=2)
    by_setting = {"auto": "Retry", "manual": "Called"}
    for setting, label in by_setting.items():
        campaign = seen.system.running_campaign("a", name=f"callbacks {setting}", callback_retry=setting)
        seen.place(campaign, "a")
        seen.end(campaign, "a", CallOutcome.CALLBACK, duration_seconds=30, callback_at=asked)
        assert seen.label(campaign, "a") == label
        (call,) = seen.rows(campaign, "attempts")
        assert call["callback_at"] == asked.isoformat().replace("+00:00", "Z")
    last = seen.system.running_campaign("a", name="last callback", max_retries=0)
    seen.place(last, "a")
    seen.end(last, "a", CallOutcome.CALLBACK, duration_seconds=30, callback_at=asked)
    assert seen.label(last, "a") == "Called"
    seen.system.pass_time(hours=1)
    assert seen.label(last, "a") == "Completed"


def test_who_opted_out_or_is_suppressed_is_other_and_is_not_asked_again(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", "x", name="other", completion_timeout_seconds=0)
    seen.system.enrol(campaign, "b", phone=lambda _reference: "+351 910 000 042")
    out = contact_id(campaign, "a")
    seen.system.call(campaign, "a", CallOutcome.COMPLETED)
    seen.system.do(OptOutContact(campaign_id=campaign, contact_id=out))
    assert seen.label(campaign, "a") == "Completed", "what it came to stays"
    seen.place(campaign, "b")
    seen.system.do(AddSuppression(channel=Channel.PHONE, address="+351910000042", reason="asked", source="letter"))
    assert seen.label(campaign, "b") == "Other"
    seen.end(campaign, "b", CallOutcome.COMPLETED, duration_seconds=40)
    person = seen.contact(campaign, "b")
    assert (person["substatus"], person["conversations"], person["talk_time_seconds"]) == ("suppressed", 1, 40)
    for reference, why in (("a", "opted_out"), ("b", "suppressed")):
        with pytest.raises(Refused) as refused:
            seen.system.do(RetryContact(campaign_id=campaign, contact_id=contact_id(campaign, reference)))
        assert refused.value.code == why
    holds_together(seen, campaign)


def test_refused_enrolments_are_told_once_and_duplicates_never(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", name="enrolments")
    number = "+351 910 000 077"
    seen.system.do(AddSuppression(channel=Channel.PHONE, address=number, reason="asked", source="letter"))
    rows = (ContactRow(reference="a"), ContactRow(reference="listed", phone=number))
    for _ in range(2):
        results = seen.system.do(EnrolContacts(campaign_id=campaign, rows=rows)).results
        assert [row["result"] for row in results] == ["already_enrolled", "refused"]
    (told,) = seen.rows(campaign, "activity?action=enrolment_refused")
    assert told["code"] == "suppressed"
    assert seen.value(campaign, "contacts") == 1


def test_a_live_campaign_that_is_archived_was_cancelled_first_and_a_deleted_one_is_gone(seen: Seen) -> None:
    campaign = seen.system.running_campaign("a", name="archived")
    seen.place(campaign, "a")
    seen.system.do(ArchiveCampaign(campaign_id=campaign))
    card = seen.get(campaign)
    assert (card["status"], card["cancel_reason"]) == ("archived", "archived")
    assert seen.system.types(campaign)[-2:] == ["campaign.cancelled", "campaign.archived"]
    seen.system.do(DeleteCampaign(campaign_id=campaign))
    seen.end(campaign, "a", CallOutcome.COMPLETED, duration_seconds=9)
    assert "contact.call_ended" in seen.system.types(contact_id(campaign, "a")), "late reports are recorded"
    for question in ("", "dashboard", "heatmap", "contacts", "attempts", "senders", "activity"):
        assert seen.status_code(campaign, question) == 410
    assert seen.rows(campaign, "history")[0]["type"] == "campaign.deleted.v1"


def test_a_campaign_that_does_not_call_counts_its_contacts_by_label_too(seen: Seen) -> None:
    survey = uid("survey")
    seen.system.do(
        DraftCampaign(
            campaign_id=survey,
            kind=CampaignKind.SURVEY,
            name="survey",
            settings={"end_at": (seen.system.now + timedelta(days=9)).isoformat()},
        )
    )
    seen.system.enrol(survey, "a", "b")
    assert seen.labels(survey) == {"Pending": 2}
    holds_together(seen, survey)
