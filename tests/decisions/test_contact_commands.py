"""Commands on contacts, carried out on a ledger in memory."""

from uuid import uuid4

import pytest

from drumbeat.commands.calls import ConnectCall, CorrectOutcome, EndCall, LoseCall, PlaceCall, ReceiveCall
from drumbeat.commands.campaign import DeleteCampaign, DraftCampaign
from drumbeat.commands.contacts import (
    ChangeProfile,
    FinishCampaignOver,
    FinishDue,
    FinishSuppressed,
    OptOutContact,
    PauseContact,
    RemoveContact,
    RequestReminder,
    ResumeContact,
    RetryContact,
)
from drumbeat.commands.enrolment import EnrolContacts
from drumbeat.commands.evaluations import AnswerAnalysis, EvaluateGoal
from drumbeat.commands.goals import DefineAnalysis
from drumbeat.commands.on_contact import OfContact
from drumbeat.commands.senders import DisconnectSender
from drumbeat.commands.suppressions import AddSuppression, LiftSuppression
from drumbeat.events.contact import ContactFinished
from drumbeat.events.goals import AnalysisText
from drumbeat.events.values import (
    AnsweredBy,
    CallOutcome,
    CampaignKind,
    Channel,
    FinishOutcome,
    GoalResult,
    Question,
)
from support.commanding import CAMPAIGN, GOAL, SENDER, World, contact, row, running
from support.given import NOW, in_seconds, uid

ME = {"campaign_id": CAMPAIGN, "contact_id": contact()}
TALK = uid("talk")
DIAL = PlaceCall(**ME, sender_id=SENDER)


def spoke(world: World) -> None:
    world.do(DIAL)
    world.do(ConnectCall(**ME, attempt=1, answered_by=AnsweredBy.HUMAN))
    world.do(
        EndCall(
            **ME,
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=60,
            conversation_id=TALK,
            summary="will think about it",
        )
    )


def types(world: World) -> list[str]:
    return [fact.TYPE.split(".")[1] for fact in world.facts(contact())]


def test_a_contacts_whole_life_from_queue_to_goal() -> None:
    world = running()
    analysis = uid("analysis")
    world.do(
        DefineAnalysis(
            campaign_id=CAMPAIGN,
            analysis_id=analysis,
            text=AnalysisText(name="Interested?", question=Question.YES_NO),
        )
    )
    spoke(world)
    world.do(EvaluateGoal(**ME, goal_id=GOAL, result=GoalResult.ACHIEVED, conversation_id=TALK))
    world.do(AnswerAnalysis(**ME, analysis_id=analysis, conversation_id=TALK, value=True))
    assert world.do(FinishDue(**ME)).facts == ()
    world.later(3600)
    world.do(FinishDue(**ME))
    assert types(world) == [
        "enrolled",
        "call_placed",
        "call_connected",
        "call_ended",
        "goal_evaluated",
        "goal_achieved",
        "analysis_answered",
        "evaluation_due",
        "finished",
    ]
    assert {event.campaign_id for event in world.events(contact())} == {CAMPAIGN}


def test_placing_a_call_answers_its_number_also_when_it_is_asked_twice() -> None:
    world = running()
    first = world.do(DIAL, key="dial-1")
    again = world.do(DIAL, key="dial-1")
    assert first.results == ({"attempt": 1, "lost_at": in_seconds(3630).isoformat()},)
    assert (again.results, again.repeated) == (first.results, True)
    assert len(world.facts(contact())) == 2


def test_a_number_on_the_list_is_not_dialled_from_that_moment_on() -> None:
    world = running()
    world.do(AddSuppression(channel=Channel.PHONE, address="00351 91 000 0001", reason="asked to"))
    world.refused(DIAL, "suppressed")
    world.do(LiftSuppression(channel=Channel.PHONE, address="+351910000001", reason="asked again"))
    world.do(DIAL)


def test_suppression_finishes_those_whose_number_it_is_and_is_checked_anew() -> None:
    world = running(contacts=2)
    assert world.do(FinishSuppressed(**ME)).facts == ()
    world.do(AddSuppression(channel=Channel.PHONE, address="+351910000001", reason="asked to"))
    world.do(FinishSuppressed(**ME))
    assert world.facts(contact())[-1] == ContactFinished(outcome=FinishOutcome.SUPPRESSED)
    assert world.do(FinishSuppressed(campaign_id=CAMPAIGN, contact_id=contact(2))).facts == ()
    world.refused(RetryContact(**ME), "suppressed")


def test_a_suppressed_mailbox_does_not_bind_a_campaign_of_calls() -> None:
    world = running()
    world.do(ChangeProfile(**ME, phone="+351910000001", email="Ada@Example.org"))
    world.do(AddSuppression(channel=Channel.EMAIL, address="ada@example.org", reason="asked to"))
    assert world.do(FinishSuppressed(**ME)).facts == ()
    world.do(DIAL)


def test_a_sender_that_is_gone_is_not_used() -> None:
    world = running()
    world.do(DisconnectSender(sender_id=SENDER, cause="carrier"))
    world.refused(DIAL, "sender_not_usable")
    world.do(PlaceCall(**ME))


def test_people_correct_pause_retry_and_remove() -> None:
    world = running()
    spoke(world)
    body = '{"from": "completed", "to": "no_answer", "attempt": 1, "reason": "misheard"}'
    given = CorrectOutcome.model_validate_json(
        body[:-1] + f', "campaign_id": "{CAMPAIGN}", "contact_id": "{contact()}"}}'
    )
    world.do(given)
    assert types(world)[-2:] == ["call_outcome_corrected", "retry_scheduled"]
    world.do(PauseContact(**ME))
    world.refused(DIAL, "contact_paused")
    world.do(ResumeContact(**ME))
    world.refused(DIAL, "retry_not_due")
    world.do(RetryContact(**ME))
    world.do(DIAL)
    world.do(RemoveContact(**ME, reason="asked to"))
    world.do(EndCall(**ME, attempt=2, outcome=CallOutcome.BUSY))
    assert types(world)[-2:] == ["removed", "call_ended"]


def test_policies_commands_that_come_too_late_do_nothing() -> None:
    world = running()
    for command in (
        LoseCall(**ME, attempt=1),
        FinishDue(**ME),
        FinishSuppressed(**ME),
        FinishCampaignOver(**ME),
    ):
        assert world.do(command).facts == ()


def test_a_call_back_and_a_lost_call() -> None:
    world = running()
    world.do(DIAL)
    world.later(3630)
    world.do(LoseCall(**ME, attempt=1))
    world.do(ReceiveCall(**ME, conversation_id=TALK, duration_seconds=30, occurred=in_seconds(3600)))
    assert types(world)[2:] == ["call_ended", "retry_scheduled", "call_received", "retry_cancelled"]


def test_an_opt_out_is_taken_at_once() -> None:
    world = running()
    world.do(OptOutContact(**ME))
    world.refused(DIAL, "opted_out")
    world.refused(RequestReminder(**ME), "not_for_this_kind")


@pytest.mark.parametrize("command", [PauseContact, FinishDue, RetryContact])
def test_unknown_ids_and_those_of_other_workspaces_are_refused_alike(command: type[OfContact]) -> None:
    world = running()
    nobody = command(campaign_id=CAMPAIGN, contact_id=uuid4())
    if command is FinishDue:  # a timer that finds nobody has nothing to do
        assert world.do(nobody).facts == ()
        assert world.elsewhere().do(command(**ME)).facts == ()
        return
    world.refused(nobody, "unknown_stream")
    world.elsewhere().refused(command(**ME), "unknown_stream")


def test_a_contact_is_addressed_through_its_own_campaign() -> None:
    world = running()
    other = uid("other campaign")
    world.do(DraftCampaign(campaign_id=other, kind=CampaignKind.VOICE_AGENT, name="Other"))
    world.refused(PauseContact(campaign_id=other, contact_id=contact()), "unknown_stream")
    world.refused(PauseContact(campaign_id=uuid4(), contact_id=contact()), "unknown_stream")


def test_the_caller_can_insist_on_a_version() -> None:
    world = running()
    world.refused(PauseContact(**ME, expected_version=7), "stale_version")
    world.refused(ChangeProfile(**ME, expected_version=7), "stale_version")
    assert world.do(PauseContact(**ME, expected_version=1)).version == 2


def test_texts_that_are_too_long_are_refused_without_being_repeated() -> None:
    world = running()
    world.do(DIAL)
    refused = world.refused(
        EndCall(**ME, attempt=1, outcome=CallOutcome.COMPLETED, summary="x" * 20_001), "out_of_range"
    )
    assert (refused.field, refused.value) == ("summary", 20_001)
    world.refused(RemoveContact(**ME, reason=" "), "out_of_range")
    world.refused(ChangeProfile(**ME, phone="no number"), "out_of_range")


def test_a_deleted_campaign_still_takes_reports_and_nothing_else() -> None:
    world = running()
    draft = uid("draft")
    world.do(DraftCampaign(campaign_id=draft, kind=CampaignKind.VOICE_AGENT, name="Draft"))
    world.do(EnrolContacts(campaign_id=draft, rows=(row(9),)))
    me = {"campaign_id": draft, "contact_id": world.ledger.log[-1].stream_id}
    world.do(DeleteCampaign(campaign_id=draft))
    world.refused(PauseContact(**me), "deleted")
    world.do(OptOutContact(**me))
    world.do(ReceiveCall(**me, conversation_id=TALK, duration_seconds=5))
    assert world.now == NOW
