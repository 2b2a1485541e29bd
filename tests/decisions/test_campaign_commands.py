"""Commands on campaigns, goals, senders, schedules and suppressions, from message to written events."""

from typing import Any

import pytest
from pydantic import ValidationError

from drumbeat.aggregates.campaign import CAMPAIGN as CAMPAIGN_STREAM
from drumbeat.aggregates.campaign.state import Scheduled
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import (
    ArchiveCampaign,
    CancelCampaign,
    ChangeSettings,
    CompleteCampaign,
    DeleteCampaign,
    DraftCampaign,
    DuplicateCampaign,
    FinishFinalizing,
    LaunchCampaign,
    MarkAudienceProcessed,
    PauseCampaign,
    RenameCampaign,
    ResumeCampaign,
    StartCampaign,
)
from drumbeat.commands.command import Command
from drumbeat.commands.contacts import RetryContact
from drumbeat.commands.dispatch import HANDLERS
from drumbeat.commands.goals import ArchiveGoal, DefineAnalysis, DefineGoal
from drumbeat.commands.reports import RequestReport
from drumbeat.commands.schedules import ChangeSchedule, DefineSchedule
from drumbeat.commands.senders import (
    AssignSender,
    DisableSender,
    JudgeSpamScore,
    RegisterSender,
    ReinstateSender,
    RenameSender,
    ReportSpamScore,
    RetireSender,
)
from drumbeat.commands.suppressions import AddSuppression, LiftSuppression
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCompleted,
    CampaignDrafted,
    CampaignLaunched,
    CampaignRenamed,
    CampaignResumed,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSettingsChanged,
    CampaignWindowClosed,
)
from drumbeat.events.goals import AnalysisText, CampaignAnalysisDefined, CampaignGoalDefined
from drumbeat.events.ids import suppression_id
from drumbeat.events.lifecycle import ALLOWED_FROM
from drumbeat.events.schedule import Hours
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    Channel,
    CompletionReason,
    GoalRole,
    Question,
    WeeklyHours,
)
from support.commanding import CAMPAIGN, GOAL, SENDER, FixedKeys, World, contact, drafted, running
from support.given import in_seconds, uid

NOBODY = uid("nobody")
OFFICE = Hours(zone="Europe/Lisbon", weekly_hours=(WeeklyHours(weekday=1, opens_minute=540, closes_minute=1_020),))


def test_every_command_of_the_table_of_states_is_dispatched_under_its_name() -> None:
    names = [command.NAME for command in HANDLERS]
    assert len(set(names)) == len(names)
    assert set(ALLOWED_FROM) <= set(names)


@pytest.mark.parametrize("command", list(HANDLERS), ids=lambda command: command.__name__)
def test_a_command_is_named_like_its_class_and_refuses_unknown_fields(command: type[Command]) -> None:
    assert command.NAME.replace("_", "") == command.__name__.lower()
    with pytest.raises(ValidationError) as caught:
        command.model_validate({"no_such_field": 1})
    assert ("no_such_field",) in [error["loc"] for error in caught.value.errors()]


def test_a_draft_without_an_id_gets_one_and_its_events_belong_to_it() -> None:
    world = World()
    done = world.do(DraftCampaign(kind=CampaignKind.CALL, name="Spring"))
    (event,) = world.events(done.stream_id)
    assert isinstance(event.fact, CampaignDrafted)
    assert (event.campaign_id, event.workspace_id, event.actor) == (done.stream_id, "default", "ada")
    assert (done.version, done.position) == (1, 1)


def test_a_campaign_runs_from_draft_to_completed() -> None:
    world = running()
    assert [type(fact) for fact in world.facts(CAMPAIGN)][-2:] == [CampaignLaunched, CampaignActivated]
    world.do(PauseCampaign(campaign_id=CAMPAIGN))
    world.do(ResumeCampaign(campaign_id=CAMPAIGN))
    (closed,) = world.do(CompleteCampaign(campaign_id=CAMPAIGN)).facts
    assert isinstance(closed, CampaignWindowClosed)
    done = world.do(FinishFinalizing(campaign_id=CAMPAIGN, drained=True))
    assert done.facts == (CampaignCompleted(completion_reason=CompletionReason.MANUAL),)
    world.do(ArchiveCampaign(campaign_id=CAMPAIGN))
    world.do(DeleteCampaign(campaign_id=CAMPAIGN))
    world.refused(CancelCampaign(campaign_id=CAMPAIGN, reason="x"), "deleted")


def test_launching_needs_audience_number_and_primary_goal() -> None:
    world = World()
    world.do(DraftCampaign(campaign_id=CAMPAIGN, kind=CampaignKind.VOICE_AGENT, name="Spring"))
    world.refused(LaunchCampaign(campaign_id=CAMPAIGN), "no_audience")


def test_a_scheduled_campaign_is_started_by_the_clock() -> None:
    world = running(start_at=in_seconds(3_600))
    state = world.ledger.load(CAMPAIGN_STREAM, CAMPAIGN).state
    assert isinstance(state, Scheduled)
    world.refused(StartCampaign(campaign_id=CAMPAIGN), "not_yet")
    world.later(3_600)
    assert world.do(StartCampaign(campaign_id=CAMPAIGN)).facts == (CampaignLaunched(), CampaignActivated())
    assert world.do(StartCampaign(campaign_id=CAMPAIGN)).facts == ()


def test_a_stale_expected_version_is_refused_and_told() -> None:
    world = drafted()
    refused = world.refused(RenameCampaign(campaign_id=CAMPAIGN, name="x", expected_version=1), "stale_version")
    assert (refused.field, refused.value, refused.allowed) == ("expected_version", 1, "3")
    assert world.do(RenameCampaign(campaign_id=CAMPAIGN, name="x", expected_version=3)).version == 4


@pytest.mark.parametrize(
    "command",
    [
        LaunchCampaign(campaign_id=NOBODY),
        ChangeSettings(campaign_id=NOBODY, changes={"spam_threshold": 3}),
        DuplicateCampaign(campaign_id=NOBODY),
        AssignSender(campaign_id=NOBODY, sender_id=SENDER),
        ArchiveGoal(campaign_id=NOBODY, goal_id=GOAL),
        RequestReport(campaign_id=NOBODY, completed_sessions=3),
        RenameSender(sender_id=NOBODY, friendly_name="x"),
        ChangeSchedule(schedule_id=NOBODY, hours=OFFICE),
        LiftSuppression(channel=Channel.PHONE, address="+351210000009", reason="x"),
    ],
    ids=lambda command: command.NAME,
)
def test_an_unknown_id_is_refused(command: Command) -> None:
    drafted().refused(command, "unknown_stream")


def test_another_workspaces_campaign_is_as_if_it_were_not_there() -> None:
    other = drafted().elsewhere()
    other.refused(RenameCampaign(campaign_id=CAMPAIGN, name="mine"), "unknown_stream")
    other.refused(AssignSender(campaign_id=CAMPAIGN, sender_id=SENDER), "unknown_stream")
    other.refused(DuplicateCampaign(campaign_id=CAMPAIGN), "unknown_stream")


def test_the_same_command_under_its_key_has_one_effect_and_one_answer() -> None:
    world = World()
    draft = DraftCampaign(kind=CampaignKind.CALL, name="Spring")
    first = world.do(draft, key="k-1")
    again = world.do(draft, key="k-1")
    assert (again.stream_id, again.version, again.repeated) == (first.stream_id, first.version, True)
    assert len(world.ledger.log) == 1
    world.refused(DraftCampaign(kind=CampaignKind.CALL, name="Autumn"), "idempotency_key_reused", key="k-1")


def test_renaming_to_the_same_name_writes_nothing() -> None:
    world = drafted()
    assert world.do(RenameCampaign(campaign_id=CAMPAIGN, name="Spring")).facts == ()
    assert world.do(RenameCampaign(campaign_id=CAMPAIGN, name="Autumn")).facts == (
        CampaignRenamed(before="Spring", after="Autumn"),
    )


def test_a_schedule_that_a_setting_names_must_be_there() -> None:
    world = drafted()
    changes: dict[str, Any] = {"schedule_id": str(uid("office"))}
    change = ChangeSettings(campaign_id=CAMPAIGN, changes=changes)
    assert world.refused(change, "unknown_stream").field == "schedule_id"
    world.refused(DraftCampaign(kind=CampaignKind.CALL, name="x", settings=changes), "unknown_stream")
    world.do(DefineSchedule(schedule_id=uid("office"), name="Office", hours=OFFICE))
    assert isinstance(world.do(change).facts[0], CampaignSettingsChanged)


def test_a_duplicate_gets_an_id_of_its_own_and_once_made_is_not_made_again() -> None:
    world = running()
    done = world.do(DuplicateCampaign(campaign_id=CAMPAIGN, copy_id=uid("copy")))
    drafted_fact = done.facts[0]
    assert isinstance(drafted_fact, CampaignDrafted)
    assert drafted_fact.copied_from == CAMPAIGN
    assert {event.campaign_id for event in world.events(uid("copy"))} == {uid("copy")}
    assert world.do(DuplicateCampaign(campaign_id=CAMPAIGN, copy_id=uid("copy"))).facts == ()
    assert world.do(DuplicateCampaign(campaign_id=CAMPAIGN)).stream_id not in {CAMPAIGN, uid("copy")}


def test_goals_and_analyses_get_ids_when_none_are_given() -> None:
    world = drafted()
    (goal,) = world.do(DefineGoal(campaign_id=CAMPAIGN, name="Email")).facts
    text = AnalysisText(name="Mood", question=Question.RATING, scale=5)
    (analysis,) = world.do(DefineAnalysis(campaign_id=CAMPAIGN, text=text)).facts
    assert isinstance(goal, CampaignGoalDefined)
    assert isinstance(analysis, CampaignAnalysisDefined)
    assert goal.goal_id != analysis.analysis_id
    assert goal.role is GoalRole.SECONDARY


def test_a_contact_tried_again_while_paused_keeps_its_campaign_from_finalizing_at_resume() -> None:
    world = running(completion_timeout_seconds=0)
    world.do(PlaceCall(campaign_id=CAMPAIGN, contact_id=contact(), sender_id=SENDER))
    world.do(EndCall(campaign_id=CAMPAIGN, contact_id=contact(), attempt=1, outcome=CallOutcome.COMPLETED))
    world.do(PauseCampaign(campaign_id=CAMPAIGN))
    noted = MarkAudienceProcessed(campaign_id=CAMPAIGN)
    assert world.do(noted).facts == (CampaignAudienceProcessed(),)
    world.do(RetryContact(campaign_id=CAMPAIGN, contact_id=contact()))
    assert world.facts(CAMPAIGN)[-1] == CampaignAudienceOpened()
    assert world.do(ResumeCampaign(campaign_id=CAMPAIGN)).facts == (CampaignResumed(),)


# -- senders


def test_a_sender_that_is_not_there_cannot_be_assigned() -> None:
    drafted().refused(AssignSender(campaign_id=CAMPAIGN, sender_id=NOBODY), "unknown_sender")


def test_a_retired_sender_or_a_mailbox_cannot_be_given_to_a_calling_campaign() -> None:
    world = drafted()
    mailbox = world.do(
        RegisterSender(channel=Channel.EMAIL, friendly_name="Info", address="info@example.com")
    ).stream_id
    world.refused(AssignSender(campaign_id=CAMPAIGN, sender_id=mailbox), "sender_not_usable")
    world.do(RetireSender(sender_id=SENDER))
    world.refused(AssignSender(campaign_id=CAMPAIGN, sender_id=SENDER), "sender_not_usable")


def test_a_sender_with_an_unknown_schedule_is_refused() -> None:
    World().refused(
        RegisterSender(channel=Channel.PHONE, friendly_name="x", address="+351210000001", schedule_id=uid("none")),
        "unknown_stream",
    )


def test_a_number_is_excluded_by_its_score_and_reinstated_by_command_only() -> None:
    world = running()
    judge = JudgeSpamScore(campaign_id=CAMPAIGN, sender_id=SENDER)
    report = ReportSpamScore(sender_id=SENDER, score=7, source="carrier_feed")
    assert world.do(judge).facts == ()
    world.do(report)
    excluded = CampaignSenderExcluded(sender_id=SENDER, score=7, threshold=7)
    assert world.do(judge).facts == (excluded,)
    world.refused(DisableSender(campaign_id=CAMPAIGN, sender_id=SENDER), "sender_not_usable")
    reinstated = world.do(ReinstateSender(campaign_id=CAMPAIGN, sender_id=SENDER))
    assert reinstated.facts == (CampaignSenderReinstated(sender_id=SENDER, report_version=2),)
    assert world.do(judge).facts == ()
    assert len(world.do(ChangeSettings(campaign_id=CAMPAIGN, changes={"spam_threshold": 1})).facts) == 1
    world.do(report)
    assert world.do(judge).facts == (CampaignSenderExcluded(sender_id=SENDER, score=7, threshold=1),)


def test_a_lower_threshold_is_judged_in_the_same_append() -> None:
    world = running()
    world.do(ReportSpamScore(sender_id=SENDER, score=4, source="carrier_feed"))
    changed, excluded = world.do(ChangeSettings(campaign_id=CAMPAIGN, changes={"spam_threshold": 4})).facts
    assert isinstance(changed, CampaignSettingsChanged)
    assert excluded == CampaignSenderExcluded(sender_id=SENDER, score=4, threshold=4)


# -- suppressions


def test_spellings_of_an_address_are_suppressed_as_one_and_the_address_stands_nowhere() -> None:
    world = World()
    add = AddSuppression(channel=Channel.PHONE, address="+351 210 000 009", reason="asked")
    done = world.do(add)
    assert done.stream_id == suppression_id(FixedKeys().key("default"), "phone", "+351210000009")
    assert done.facts == (SuppressionAdded(reason="asked", source="api"),)
    assert world.do(add.model_copy(update={"address": "00351210000009"})).facts == ()
    lifted = world.do(LiftSuppression(channel=Channel.PHONE, address="+351210000009", reason="asked again"))
    assert lifted.facts == (SuppressionLifted(reason="asked again"),)
    assert "210000009" not in repr(world.ledger.log)


def test_a_text_that_is_no_address_is_not_suppressed() -> None:
    World().refused(AddSuppression(channel=Channel.EMAIL, address="ada", reason="x"), "out_of_range")
