"""Activity: what was done in a campaign, one row an action."""

from typing import Any
from uuid import UUID, uuid5

import pytest

from drumbeat.events import FACTS, Fact, calls, campaign, contact, evaluations
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    AnsweredBy,
    CallOutcome,
    CampaignKind,
    CampaignSource,
    Channel,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
    GoalRole,
    PauseReason,
    Vocabulary,
)
from drumbeat.projections import activity
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.rebuilding import same_again_and_from_zero

pytestmark = pytest.mark.postgres

ANN, GOAL, NUMBER = uuid5(CAMPAIGN, "ann"), uuid5(CAMPAIGN, "goal"), uuid5(CAMPAIGN, "number")
COMPLETED = calls.ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED)


def enrolled(source: CampaignSource = CampaignSource.API) -> Fact:
    return contact.ContactEnrolled(reference="r", source=source, private=ContactPrivate(name="Ann"))


def actions_after(database_url: str, *told: tuple[UUID, Fact]) -> list[tuple[Any, ...]]:
    log = ListLog()
    for stream_id, fact in told:
        log.tell(stream_id, fact)
    same_again_and_from_zero(log, database_url, [activity.PROJECTION])
    rows = sorted(rows_of(database_url, "activity"), key=lambda row: row["position"])
    assert {(row["workspace_id"], row["campaign_id"], row["actor"], row["cause"]) for row in rows} == {
        ("default", CAMPAIGN, "tester", "user")
    }
    return [
        (row["position"], row["contact_id"], row["action"], row["code"], row["number"], row["subject_id"])
        for row in rows
    ]


def test_a_call_is_one_row_when_it_ended(database_url: str) -> None:
    placed = calls.ContactCallPlaced(attempt=1, settings_version=1, sender_id=NUMBER)
    connected = calls.ContactCallConnected(attempt=1, answered_by=AnsweredBy.HUMAN)
    corrected = calls.ContactCallOutcomeCorrected(
        attempt=1, from_=CallOutcome.COMPLETED, to=CallOutcome.BUSY, reason="misheard"
    )
    told = [(ANN, fact) for fact in (enrolled(), placed, connected, COMPLETED, corrected)]
    assert actions_after(database_url, *told) == [
        (1, ANN, "contact_enrolled", None, None, None),
        (4, ANN, "call_ended", "completed", 1, None),
        (5, ANN, "call_outcome_corrected", "busy", 1, None),
    ]


def test_what_calls_achieve_is_there_and_how_it_was_judged_is_not(database_url: str) -> None:
    told: list[Fact] = [
        evaluations.ContactEvaluationDue(),
        evaluations.ContactGoalEvaluated(goal_id=GOAL, result=GoalResult.ACHIEVED),
        evaluations.ContactGoalAchieved(goal_id=GOAL),
        evaluations.ContactGoalAchievementWithdrawn(goal_id=GOAL),
    ]
    assert actions_after(database_url, *[(ANN, fact) for fact in told]) == [
        (3, ANN, "goal_achieved", None, None, GOAL),
        (4, ANN, "goal_achievement_withdrawn", None, None, GOAL),
    ]


def test_an_import_shows_calls_and_goals_and_not_every_enrolment(database_url: str) -> None:
    told: list[tuple[UUID, Fact]] = [
        (CAMPAIGN, campaign.CampaignImportStarted(file_hash="f", mapping_hash="m")),
        (ANN, enrolled(CampaignSource.IMPORT)),
        (ANN, COMPLETED),
        (ANN, contact.ContactFinished(outcome=FinishOutcome.COMPLETED)),
        (CAMPAIGN, campaign.CampaignImportFinished(accepted=1, refused=0)),
    ]
    assert actions_after(database_url, *told) == [
        (1, None, "campaign_import_started", None, None, None),
        (3, ANN, "call_ended", "completed", 1, None),
        (5, None, "campaign_import_finished", None, 1, None),
    ]


def test_what_people_and_policies_do_to_a_contact_is_there(database_url: str) -> None:
    told: list[Fact] = [
        contact.ContactPaused(),
        contact.ContactResumed(),
        contact.ContactOptedOut(channel=Channel.PHONE),
        contact.ContactFinished(outcome=FinishOutcome.OPTED_OUT),
        contact.ContactReopened(extra_attempts=1),
        contact.ContactFinished(outcome=FinishOutcome.SUPPRESSED),
        contact.ContactRemoved(reason="asked"),
        contact.ContactEnrolmentRefused(reason="removed"),
    ]
    assert actions_after(database_url, *[(ANN, fact) for fact in told]) == [
        (1, ANN, "contact_paused", None, None, None),
        (2, ANN, "contact_resumed", None, None, None),
        (3, ANN, "opted_out", "phone", None, None),
        (5, ANN, "contact_reopened", None, None, None),
        (6, ANN, "contact_finished", "suppressed", None, None),
        (7, ANN, "contact_removed", None, None, None),
        (8, ANN, "enrolment_refused", "removed", None, None),
    ]


def test_a_campaigns_own_actions_name_what_they_are_about(database_url: str) -> None:
    told: list[Fact] = [
        CampaignGoalDefined(goal_id=GOAL, name="Sale", role=GoalRole.PRIMARY),
        campaign.CampaignSenderExcluded(sender_id=NUMBER, score=8, threshold=7),
        campaign.CampaignPaused(pause_reason=PauseReason.REVIEW, note="wait"),
        campaign.CampaignSettingsChanged(settings_version=4, before=CampaignSettings(), after=CampaignSettings()),
    ]
    assert actions_after(database_url, *[(CAMPAIGN, fact) for fact in told]) == [
        (1, None, "campaign_goal_defined", None, None, GOAL),
        (2, None, "campaign_sender_excluded", None, 8, NUMBER),
        (3, None, "campaign_paused", "review", None, None),
        (4, None, "campaign_settings_changed", None, 4, None),
    ]


def test_every_fact_of_a_campaign_is_an_action_with_a_name_of_its_own() -> None:
    names = [action.name for action in activity.ACTIONS.values()]
    assert len(names) == len(set(names)) == len(activity.action_names())
    assert {cls for name, cls in FACTS.items() if name.startswith("campaign.")} <= set(activity.ACTIONS)


def test_one_workspaces_actions_are_not_anothers(database_url: str) -> None:
    log = ListLog()
    drafted = campaign.CampaignDrafted(
        kind=CampaignKind.VOICE_AGENT,
        name="Spring",
        vocabulary=Vocabulary.VOICE_AGENT,
        settings=CampaignSettings(),
        source=CampaignSource.API,
    )
    for workspace in ("ours", "theirs"):
        log.tell(uuid5(CAMPAIGN, workspace), drafted, workspace_id=workspace, campaign_id=None)
    project(log, database_url, [activity.PROJECTION])
    assert {(row["workspace_id"], row["campaign_id"]) for row in rows_of(database_url, "activity")} == {
        (workspace, uuid5(CAMPAIGN, workspace)) for workspace in ("ours", "theirs")
    }
