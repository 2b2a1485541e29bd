"""The campaign list and card: one row a campaign."""

from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest

from drumbeat.events import FACTS, Fact
from drumbeat.events import campaign as facts
from drumbeat.events.goals import (
    AnalysisText,
    CampaignAnalysisActivated,
    CampaignAnalysisArchived,
    CampaignAnalysisDeactivated,
    CampaignAnalysisDefined,
    CampaignAnalysisEdited,
    CampaignAnalysisRestored,
    CampaignGoalArchived,
    CampaignGoalDefined,
    CampaignGoalEdited,
    CampaignGoalRestored,
    CampaignPrimaryGoalChanged,
    GoalText,
)
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CompletionReason,
    GoalRole,
    PauseReason,
    Question,
    Step,
    StepChannel,
    Vocabulary,
    WindowClosedBy,
)
from drumbeat.projections import campaigns
from support.projecting import CAMPAIGN, EPOCH, ListLog, project, rows_of
from support.rebuilding import same_again_and_from_zero

pytestmark = pytest.mark.postgres

LATER = EPOCH + timedelta(days=1)
LAUNCH = (facts.CampaignLaunched(), facts.CampaignActivated())
SALE, TALK, MOOD = uuid5(CAMPAIGN, "sale"), uuid5(CAMPAIGN, "talk"), uuid5(CAMPAIGN, "mood")


def drafted(name: str = "Spring", vocabulary: Vocabulary = Vocabulary.CALL, **settings: Any) -> Fact:
    return facts.CampaignDrafted(
        kind=CampaignKind.VOICE_AGENT,
        name=name,
        vocabulary=vocabulary,
        settings=CampaignSettings(**settings),
        source=CampaignSource.API,
    )


def row_after(database_url: str, *told: Fact) -> dict[str, Any]:
    """The row of a campaign with this history; and the same row comes again, and from zero."""
    log = ListLog()
    log.tell(CAMPAIGN, *told)
    same_again_and_from_zero(log, database_url, [campaigns.PROJECTION])
    (row,) = rows_of(database_url, "campaigns")
    assert (row["version"], row["position"]) == (len(told), len(told))
    return row


def test_a_drafted_campaign_has_its_settings_and_nothing_else(database_url: str) -> None:
    schedule_id = uuid5(CAMPAIGN, "hours")
    row = row_after(
        database_url, drafted("Straße", agent="Ada", zone="Europe/Berlin", schedule_id=schedule_id, end_at=LATER)
    )
    assert (row["name"], row["name_key"], row["kind"], row["source"]) == (
        "Straße",
        "strasse",
        "voice_agent",
        "api",
    )
    assert (row["status"], row["status_label"]) == ("draft", "Not Started")
    assert (row["agent"], row["zone"], row["schedule_id"]) == ("Ada", "Europe/Berlin", schedule_id)
    assert (row["start_at"], row["end_at"], row["settings_version"]) == (None, LATER, 1)
    assert row["settings"]["max_retries"] == 2
    assert row["created_at"] == row["status_since"] == EPOCH + timedelta(seconds=1)
    assert (row["goals"], row["analyses"], row["steps"], row["deleted"]) == ([], [], [], False)


def test_a_paused_campaign_says_by_whom_and_why_until_it_is_resumed(database_url: str) -> None:
    pause = facts.CampaignPaused(pause_reason=PauseReason.COMPLIANCE, note="a complaint")
    row = row_after(database_url, drafted(), *LAUNCH, pause)
    assert (row["status"], row["status_label"], row["interrupted"]) == ("paused", "Paused", "running")
    assert (row["paused_by"], row["pause_reason"], row["pause_note"]) == ("tester", "compliance", "a complaint")
    assert row["paused_at"] == row["status_since"] == EPOCH + timedelta(seconds=4)
    assert row["launched_at"] == EPOCH + timedelta(seconds=2)


def test_resuming_ends_what_the_pause_said(database_url: str) -> None:
    pause = facts.CampaignPaused(pause_reason=PauseReason.MANUAL)
    row = row_after(database_url, drafted(), *LAUNCH, pause, facts.CampaignResumed())
    assert (row["status"], row["interrupted"], row["paused_by"], row["paused_at"]) == ("running", None, None, None)


def test_a_campaign_that_was_started_early_shows_the_start_it_had(database_url: str) -> None:
    early = facts.CampaignLaunched(start_at=EPOCH)
    row = row_after(database_url, drafted(start_at=LATER), facts.CampaignScheduled(start_at=LATER), early)
    assert (row["status"], row["start_at"]) == ("launching", EPOCH)
    assert row["settings"]["start_at"] == "2026-03-02T09:00:00Z"


def test_a_pause_before_the_start_leads_back_to_scheduled(database_url: str) -> None:
    scheduled = facts.CampaignScheduled(start_at=LATER)
    pause = facts.CampaignPaused(pause_reason=PauseReason.MANUAL)
    row = row_after(database_url, drafted(), scheduled, pause, facts.CampaignResumed())
    assert (row["status"], row["start_at"]) == ("scheduled", LATER)
    assert row["settings"]["start_at"] == "2026-03-03T09:00:00Z"


@pytest.mark.parametrize(
    ("ending", "reason", "while_finalizing", "afterwards"),
    [
        (facts.CampaignAudienceProcessed(drain_until=LATER), "all_processed", "Started", "Complete"),
        (
            facts.CampaignWindowClosed(by=WindowClosedBy.CLOCK, drain_until=LATER),
            "window_closed",
            "Started",
            "Complete",
        ),
        (facts.CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=LATER), "manual", "Ended", "Ended"),
        (facts.CampaignCompletionRequested(drain_until=LATER), "manual", "Ended", "Ended"),
    ],
)
def test_what_ends_a_campaign_labels_it_from_finalizing_on(
    database_url: str, ending: Fact, reason: str, while_finalizing: str, afterwards: str
) -> None:
    log = ListLog()
    log.tell(CAMPAIGN, drafted(), *LAUNCH, ending)
    project(log, database_url, [campaigns.PROJECTION])
    (row,) = rows_of(database_url, "campaigns")
    assert (row["status"], row["status_label"]) == ("finalizing", while_finalizing)
    assert (row["completion_reason"], row["drain_until"]) == (reason, LATER)
    log.tell(CAMPAIGN, facts.CampaignCompleted(completion_reason=CompletionReason(reason)))
    project(log, database_url, [campaigns.PROJECTION])
    (row,) = rows_of(database_url, "campaigns")
    assert (row["status"], row["status_label"], row["drain_until"]) == ("completed", afterwards, None)
    assert row["completed_at"] == EPOCH + timedelta(seconds=5)


def test_a_window_that_closes_while_paused_leaves_the_campaign_paused_until_it_is_extended(
    database_url: str,
) -> None:
    pause = facts.CampaignPaused(pause_reason=PauseReason.MANUAL)
    closed = facts.CampaignWindowClosed(by=WindowClosedBy.CLOCK)
    extended = facts.CampaignEndExtended(before=EPOCH, after=LATER)
    log = ListLog()
    log.tell(CAMPAIGN, drafted(end_at=EPOCH), *LAUNCH, pause, closed)
    project(log, database_url, [campaigns.PROJECTION])
    (row,) = rows_of(database_url, "campaigns")
    assert (row["status"], row["window_closed_by"], row["completion_reason"]) == ("paused", "clock", None)
    log.tell(CAMPAIGN, extended)
    project(log, database_url, [campaigns.PROJECTION])
    (row,) = rows_of(database_url, "campaigns")
    assert (row["status"], row["window_closed_by"], row["end_at"]) == ("paused", None, LATER)
    assert row["settings"]["end_at"] == "2026-03-03T09:00:00Z"


def test_an_audience_processed_while_paused_leads_to_finalizing_on_resume(database_url: str) -> None:
    pause = facts.CampaignPaused(pause_reason=PauseReason.MANUAL)
    resumed = facts.CampaignResumed(drain_until=LATER)
    row = row_after(database_url, drafted(), *LAUNCH, pause, facts.CampaignAudienceProcessed(), resumed)
    assert (row["status"], row["completion_reason"], row["drain_until"]) == ("finalizing", "all_processed", LATER)


def test_a_reopened_campaign_is_paused_and_was_never_completed(database_url: str) -> None:
    told = (
        drafted(),
        facts.CampaignAudienceOpened(),
        *LAUNCH,
        facts.CampaignAudienceProcessed(drain_until=LATER),
        facts.CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED),
        facts.CampaignReportNotGenerated(reason="insufficient_sessions", have=2, need=3),
        facts.CampaignReopened(end=LATER),
    )
    row = row_after(database_url, *told)
    assert (row["status"], row["interrupted"], row["reopened"]) == ("paused", "running", True)
    assert (row["audience_open"], row["audience_processed"], row["end_at"]) == (True, False, LATER)
    assert (row["completed_at"], row["completion_reason"], row["report"]) == (None, None, None)


def test_settings_names_and_ends_follow_their_events(database_url: str) -> None:
    changed = facts.CampaignSettingsChanged(
        settings_version=2,
        before=CampaignSettings(),
        after=CampaignSettings(agent="Bo", max_retries=5, start_at=EPOCH, end_at=LATER, zone="Asia/Tokyo"),
    )
    renamed = facts.CampaignRenamed(before="Spring", after="Summer")
    row = row_after(database_url, drafted(), changed, renamed)
    assert (row["name"], row["name_key"], row["agent"], row["zone"]) == ("Summer", "summer", "Bo", "Asia/Tokyo")
    assert (row["start_at"], row["end_at"], row["settings_version"]) == (EPOCH, LATER, 2)
    assert row["settings"]["max_retries"] == 5


def test_goals_keep_the_order_in_which_they_were_defined(database_url: str) -> None:
    row = row_after(
        database_url,
        drafted(),
        CampaignGoalDefined(goal_id=SALE, name="Sale", role=GoalRole.PRIMARY),
        CampaignGoalDefined(goal_id=TALK, name="Talk", description="a word", role=GoalRole.SECONDARY),
        CampaignPrimaryGoalChanged(from_=SALE, to=TALK),
        CampaignGoalArchived(goal_id=SALE),
        CampaignGoalEdited(goal_id=TALK, before=GoalText(name="Talk"), after=GoalText(name="A talk")),
    )
    assert row["goals"] == [
        {"id": str(SALE), "name": "Sale", "description": "", "role": "secondary", "archived": True},
        {"id": str(TALK), "name": "A talk", "description": "", "role": "primary", "archived": False},
    ]


def test_a_restored_goal_counts_again(database_url: str) -> None:
    defined = CampaignGoalDefined(goal_id=SALE, name="Sale", role=GoalRole.SECONDARY)
    row = row_after(
        database_url, drafted(), defined, CampaignGoalArchived(goal_id=SALE), CampaignGoalRestored(goal_id=SALE)
    )
    assert [goal["archived"] for goal in row["goals"]] == [False]


def test_analyses_say_what_they_ask_and_whether_they_are_asked(database_url: str) -> None:
    text = AnalysisText(name="Mood", question=Question.SINGLE_CHOICE, options=("good", "bad"))
    defined = CampaignAnalysisDefined(analysis_id=MOOD, name="Temper", question=Question.OPEN)
    edited = CampaignAnalysisEdited(
        analysis_id=MOOD, before=AnalysisText(name="Temper", question=Question.OPEN), after=text
    )
    seen = []
    steps: list[tuple[Fact, ...]] = [
        (drafted(), defined),
        (edited, CampaignAnalysisDeactivated(analysis_id=MOOD)),
        (CampaignAnalysisActivated(analysis_id=MOOD),),
        (CampaignAnalysisArchived(analysis_id=MOOD),),
        (CampaignAnalysisRestored(analysis_id=MOOD),),
    ]
    log = ListLog()
    for step in steps:
        log.tell(CAMPAIGN, *step)
        project(log, database_url, [campaigns.PROJECTION])
        ((analysis,),) = [row["analyses"] for row in rows_of(database_url, "campaigns")]
        seen.append((analysis["name"], analysis["active"], analysis["archived"]))
    assert analysis == {
        "id": str(MOOD),
        "name": "Mood",
        "description": "",
        "question": "single_choice",
        "options": ["good", "bad"],
        "scale": None,
        "active": False,
        "archived": False,
    }
    assert seen == [
        ("Temper", True, False),
        ("Mood", False, False),
        ("Mood", True, False),
        ("Mood", False, True),
        ("Mood", False, False),
    ]


def test_an_import_shows_how_far_it_is(database_url: str) -> None:
    started = facts.CampaignImportStarted(file_hash="f", mapping_hash="m", rows=3)
    finished = facts.CampaignImportFinished(accepted=2, refused=1)
    row = row_after(database_url, drafted(), started, finished)
    assert row["import_progress"] == {
        "state": "finished",
        "file_hash": "f",
        "mapping_hash": "m",
        "rows": 3,
        "accepted": 2,
        "refused": 1,
    }


@pytest.mark.parametrize(
    ("told", "report"),
    [
        (facts.CampaignReportRequested(), {"status": "requested"}),
        (facts.CampaignReportGenerated(), {"status": "generated"}),
        (facts.CampaignReportFailed(reason="timeout"), {"status": "failed", "reason": "timeout"}),
        (
            facts.CampaignReportNotGenerated(reason="insufficient_sessions", have=2, need=3),
            {"status": "not_generated", "reason": "insufficient_sessions", "have": 2, "need": 3},
        ),
    ],
)
def test_a_report_says_what_became_of_it(database_url: str, told: Fact, report: dict[str, Any]) -> None:
    assert row_after(database_url, drafted(), told)["report"] == report


def test_cancelled_archived_and_deleted_each_leave_their_mark(database_url: str) -> None:
    step = Step(step_id=MOOD, name="Hello", channel=StepChannel.EMAIL, action="send", delay_seconds=0)
    row = row_after(
        database_url,
        drafted(),
        facts.CampaignSequenceDefined(steps=(step,)),
        *LAUNCH,
        facts.CampaignCancelled(reason="budget"),
        facts.CampaignArchived(),
        facts.CampaignDeleted(),
    )
    assert (row["status"], row["deleted"], row["cancel_reason"]) == ("deleted", True, "budget")
    assert row["cancelled_at"] < row["archived_at"] < row["changed_at"]
    assert [found["name"] for found in row["steps"]] == ["Hello"]


def test_every_fact_of_a_campaign_is_folded() -> None:
    written = {cls for name, cls in FACTS.items() if name.startswith("campaign.")}
    assert set(campaigns.CAMPAIGN_ROWS.folds) == written


def test_a_campaign_belongs_to_its_workspace(database_url: str) -> None:
    log = ListLog()
    for workspace in ("ours", "theirs"):
        log.tell(uuid5(CAMPAIGN, workspace), drafted(workspace), workspace_id=workspace)
    project(log, database_url, [campaigns.PROJECTION])
    assert {(row["workspace_id"], row["name"]) for row in rows_of(database_url, "campaigns")} == {
        ("ours", "ours"),
        ("theirs", "theirs"),
    }
