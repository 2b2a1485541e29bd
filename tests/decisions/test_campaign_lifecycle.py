"""A campaign's way from draft to its end: every verb of the table of mission §1."""

from collections.abc import Callable
from typing import Any

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.campaign.drafting import change_settings
from drumbeat.aggregates.campaign.ending import (
    archive_campaign,
    cancel_campaign,
    delete_campaign,
    reopen_campaign,
)
from drumbeat.aggregates.campaign.launching import (
    activate_campaign,
    launch_campaign,
    open_audience,
    start_campaign,
)
from drumbeat.aggregates.campaign.running import (
    close_window,
    complete_campaign,
    extend_campaign,
    finish_finalizing,
    mark_audience_processed,
    pause_campaign,
    resume_campaign,
    send_reminders,
)
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignArchived,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignCompleted,
    CampaignCompletionRequested,
    CampaignDeleted,
    CampaignEndExtended,
    CampaignLaunched,
    CampaignPaused,
    CampaignRemindersRequested,
    CampaignReopened,
    CampaignReportNotGenerated,
    CampaignReportRequested,
    CampaignResumed,
    CampaignScheduled,
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSettingsChanged,
    CampaignWindowClosed,
)
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.lifecycle import ALLOWED_FROM, NOT_FOR_AN_IMPORT
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    CompletionReason,
    GoalRole,
    PauseReason,
    WindowClosedBy,
)
from support.campaigns import DAY, END, GOAL, SENDER, START, campaign_in, drafted, ready, running_import
from support.given import NOW, given, in_seconds

S = CampaignStatus
DRAINED = in_seconds(3_600)

# -- launching


def test_a_ready_draft_launches_at_once() -> None:
    campaign_in(S.DRAFT).when(launch_campaign, now=NOW).then(CampaignLaunched(), CampaignActivated())


def test_a_start_that_lies_ahead_schedules_the_launch() -> None:
    campaign_in(S.DRAFT).when(launch_campaign, start_at=START, now=NOW).then(CampaignScheduled(start_at=START))


def test_a_blank_launch_of_a_draft_takes_the_start_of_its_settings() -> None:
    campaign_in(S.DRAFT, start_at=START).when(launch_campaign, now=NOW).then(CampaignScheduled(start_at=START))


def test_the_start_given_at_launch_replaces_the_setting() -> None:
    given_ = campaign_in(S.DRAFT, start_at=START).when(launch_campaign, start_at=in_seconds(60), now=NOW)
    after = given_.then(CampaignScheduled(start_at=in_seconds(60)))
    assert after.state is not None
    assert after.state.core.settings.start_at == in_seconds(60)


def test_a_start_in_the_past_launches_now() -> None:
    campaign_in(S.DRAFT).when(launch_campaign, start_at=in_seconds(-5), now=NOW).then(
        CampaignLaunched(start_at=in_seconds(-5)), CampaignActivated()
    )


def test_a_survey_stays_launching_until_its_first_invitations_are_out() -> None:
    launched = (
        campaign_in(S.DRAFT, kind=CampaignKind.SURVEY).when(launch_campaign, now=NOW).then(CampaignLaunched())
    )
    activated = launched.when(activate_campaign).then(CampaignActivated())
    activated.when(activate_campaign).then_nothing()


def test_launching_a_scheduled_campaign_again_moves_its_start() -> None:
    moved = campaign_in(S.SCHEDULED).when(launch_campaign, start_at=in_seconds(60), now=NOW)
    moved.then(CampaignScheduled(start_at=in_seconds(60)))


def test_launching_a_scheduled_campaign_without_a_start_starts_it_now() -> None:
    running = (
        campaign_in(S.SCHEDULED)
        .when(launch_campaign, now=NOW)
        .then(CampaignLaunched(start_at=NOW), CampaignActivated())
    )
    assert running.state is not None
    assert running.state.core.settings.start_at == NOW


def test_a_campaign_that_was_started_early_can_be_given_an_end_before_its_old_start() -> None:
    early = campaign_in(S.SCHEDULED).when(launch_campaign, now=NOW)
    running = early.then(CampaignLaunched(start_at=NOW), CampaignActivated())
    answer = running.when(change_settings, changes={"end_at": in_seconds(60).isoformat()}, now=NOW)
    assert answer.facts is not None
    assert [type(fact) for fact in answer.facts] == [CampaignSettingsChanged]


def test_scheduling_the_same_start_again_adds_nothing() -> None:
    campaign_in(S.SCHEDULED).when(launch_campaign, start_at=START, now=NOW).then_nothing()


def test_launching_without_an_audience_is_refused() -> None:
    draft, goal, sender, _audience = ready()
    given(CAMPAIGN, draft, goal, sender).when(launch_campaign, now=NOW).then_refused("no_audience")


def test_launching_without_a_sender_is_refused() -> None:
    draft, goal, _sender, audience = ready()
    given(CAMPAIGN, draft, goal, audience).when(launch_campaign, now=NOW).then_refused("no_sender")


def test_launching_with_disabled_senders_only_is_refused() -> None:
    campaign_in(S.DRAFT, CampaignSenderDisabled(sender_id=SENDER)).when(launch_campaign, now=NOW).then_refused(
        "no_sender"
    )


def test_launching_a_voice_agent_without_a_primary_goal_is_refused() -> None:
    secondary = CampaignGoalDefined(goal_id=GOAL, name="Any", role=GoalRole.SECONDARY)
    draft, _goal, sender, audience = ready()
    given(CAMPAIGN, draft, secondary, sender, audience).when(launch_campaign, now=NOW).then_refused(
        "no_primary_goal"
    )


def test_other_kinds_launch_without_a_primary_goal() -> None:
    given(
        CAMPAIGN,
        drafted(kind=CampaignKind.CALL),
        CampaignSenderAssigned(sender_id=SENDER),
        CampaignAudienceOpened(),
    ).when(launch_campaign, now=NOW).then(CampaignLaunched(), CampaignActivated())


def test_launching_a_survey_without_an_end_is_refused() -> None:
    survey = campaign_in(S.DRAFT, kind=CampaignKind.SURVEY, end_at=None)
    survey.when(launch_campaign, now=NOW).then_refused("invalid_settings", field="end_at")


def test_launching_with_an_end_that_has_passed_is_refused() -> None:
    campaign_in(S.DRAFT, end_at=in_seconds(-1)).when(launch_campaign, now=NOW).then_refused(
        "invalid_settings", field="end_at"
    )


def test_launching_with_a_start_at_the_end_is_refused() -> None:
    campaign_in(S.DRAFT, end_at=END).when(launch_campaign, start_at=END, now=NOW).then_refused("invalid_settings")


def test_the_clock_starts_a_scheduled_campaign_at_its_start_and_not_before() -> None:
    scheduled = campaign_in(S.SCHEDULED)
    scheduled.when(start_campaign, now=in_seconds(DAY - 1)).then_refused("not_yet")
    scheduled.when(start_campaign, now=START).then(CampaignLaunched(), CampaignActivated())


def test_a_start_that_comes_too_late_does_nothing() -> None:
    campaign_in(S.RUNNING).when(start_campaign, now=START).then_nothing()
    campaign_in(S.CANCELLED).when(start_campaign, now=START).then_nothing()


# -- pause and resume


@pytest.mark.parametrize("status", [S.SCHEDULED, S.LAUNCHING, S.RUNNING])
def test_pausing_names_its_reason_and_note(status: CampaignStatus) -> None:
    campaign_in(status).when(pause_campaign, pause_reason=PauseReason.COMPLIANCE, note=" ask legal ").then(
        CampaignPaused(pause_reason=PauseReason.COMPLIANCE, note="ask legal")
    )


@pytest.mark.parametrize(
    ("status", "back_to"), [(S.SCHEDULED, S.SCHEDULED), (S.LAUNCHING, S.LAUNCHING), (S.RUNNING, S.RUNNING)]
)
def test_resume_returns_to_what_the_pause_interrupted(status: CampaignStatus, back_to: CampaignStatus) -> None:
    paused = campaign_in(status, CampaignPaused(pause_reason=PauseReason.MANUAL))
    resumed = paused.when(resume_campaign, now=NOW).then(CampaignResumed())
    assert resumed.state is not None
    assert resumed.state.STATUS is back_to


def test_resume_launches_when_the_start_has_passed_meanwhile() -> None:
    paused = campaign_in(S.SCHEDULED, CampaignPaused(pause_reason=PauseReason.MANUAL))
    resumed = paused.when(resume_campaign, now=START)
    after = resumed.then(CampaignResumed(), CampaignLaunched(), CampaignActivated())
    assert after.state is not None
    assert after.state.STATUS is S.RUNNING


def test_resume_leads_to_finalizing_when_the_audience_was_processed_meanwhile() -> None:
    paused = campaign_in(S.PAUSED).when(mark_audience_processed, now=NOW).then(CampaignAudienceProcessed())
    after = paused.when(resume_campaign, now=NOW).then(CampaignResumed(drain_until=DRAINED))
    after.when(finish_finalizing, drained=True, now=NOW).then(
        CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED)
    )


def test_contacts_added_to_a_paused_processed_campaign_open_its_audience_again() -> None:
    processed = campaign_in(S.PAUSED, CampaignAudienceProcessed())
    again = processed.when(open_audience).then(CampaignAudienceOpened())
    again.when(resume_campaign, now=NOW).then(CampaignResumed())


def test_resume_is_refused_when_the_window_closed_and_was_not_extended() -> None:
    closed = campaign_in(S.PAUSED, CampaignWindowClosed(by=WindowClosedBy.CLOCK), end_at=END)
    closed.when(resume_campaign, now=END).then_refused("window_closed")


def test_resume_is_refused_when_the_end_has_passed_before_the_clock_said_so() -> None:
    campaign_in(S.PAUSED, end_at=END).when(resume_campaign, now=END).then_refused("window_closed")


# -- extend


@pytest.mark.parametrize("status", [S.RUNNING, S.PAUSED])
def test_extending_moves_the_end_out(status: CampaignStatus) -> None:
    later = in_seconds(20 * DAY)
    campaign_in(status, end_at=END).when(extend_campaign, end_at=later, now=NOW).then(
        CampaignEndExtended(before=END, after=later)
    )


def test_extending_opens_a_window_that_closed_while_paused() -> None:
    closed = campaign_in(S.PAUSED, CampaignWindowClosed(by=WindowClosedBy.CLOCK), end_at=END)
    later = in_seconds(20 * DAY)
    extended = closed.when(extend_campaign, end_at=later, now=END).then(
        CampaignEndExtended(before=END, after=later)
    )
    extended.when(resume_campaign, now=END).then(CampaignResumed())


@pytest.mark.parametrize("seconds", [10 * DAY, 5 * DAY])
def test_extending_to_an_end_that_is_not_later_is_refused(seconds: int) -> None:
    campaign_in(S.RUNNING, end_at=END).when(extend_campaign, end_at=in_seconds(seconds), now=NOW).then_refused(
        "end_not_later", field="end_at"
    )


def test_extending_to_an_end_that_is_later_than_the_old_one_but_past_is_refused() -> None:
    campaign_in(S.PAUSED, end_at=END).when(
        extend_campaign, end_at=in_seconds(11 * DAY), now=in_seconds(12 * DAY)
    ).then_refused("end_not_later")


def test_a_campaign_without_an_end_cannot_be_extended() -> None:
    campaign_in(S.RUNNING).when(extend_campaign, end_at=END, now=NOW).then_refused("no_end")


# -- the end of the work


@pytest.mark.parametrize("status", [S.RUNNING, S.PAUSED])
def test_completing_closes_the_window_by_hand_and_drains(status: CampaignStatus) -> None:
    closing = (
        campaign_in(status)
        .when(complete_campaign, now=NOW)
        .then(CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=DRAINED))
    )
    closing.when(finish_finalizing, drained=True, now=NOW).then(
        CampaignCompleted(completion_reason=CompletionReason.MANUAL)
    )


def test_completing_after_the_clock_closed_the_window_writes_no_second_window_closed() -> None:
    closed = campaign_in(S.PAUSED, CampaignWindowClosed(by=WindowClosedBy.CLOCK), end_at=END)
    asked = closed.when(complete_campaign, now=NOW).then(CampaignCompletionRequested(drain_until=DRAINED))
    asked.when(finish_finalizing, drained=True, now=NOW).then(
        CampaignCompleted(completion_reason=CompletionReason.MANUAL)
    )


def test_the_drain_deadline_is_a_setting() -> None:
    campaign_in(S.RUNNING, drain_deadline_seconds=60).when(complete_campaign, now=NOW).then(
        CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=in_seconds(60))
    )


def test_a_processed_audience_ends_a_running_campaign() -> None:
    campaign_in(S.RUNNING).when(mark_audience_processed, now=NOW).then(
        CampaignAudienceProcessed(drain_until=DRAINED)
    )


def test_a_processed_audience_is_noted_once_while_paused() -> None:
    noted = campaign_in(S.PAUSED).when(mark_audience_processed, now=NOW).then(CampaignAudienceProcessed())
    noted.when(mark_audience_processed, now=NOW).then_nothing()


def test_a_processed_audience_never_ends_a_survey() -> None:
    survey = campaign_in(S.RUNNING, kind=CampaignKind.SURVEY)
    survey.when(mark_audience_processed, now=NOW).then_nothing()


@pytest.mark.parametrize("status", sorted(set(S) - {S.RUNNING, S.PAUSED}))
def test_a_processed_audience_changes_nothing_elsewhere(status: CampaignStatus) -> None:
    campaign_in(status).when(mark_audience_processed, now=NOW).then_nothing()


def test_the_clock_closes_the_window_of_a_running_campaign_at_its_end() -> None:
    running = campaign_in(S.RUNNING, end_at=END)
    running.when(close_window, now=in_seconds(10 * DAY - 1)).then_refused("not_yet")
    closing = running.when(close_window, now=END).then(
        CampaignWindowClosed(by=WindowClosedBy.CLOCK, drain_until=in_seconds(10 * DAY + 3_600))
    )
    closing.when(finish_finalizing, drained=True, now=END).then(
        CampaignCompleted(completion_reason=CompletionReason.WINDOW_CLOSED)
    )


def test_the_window_of_a_paused_campaign_closes_and_it_stays_paused() -> None:
    closed = campaign_in(S.PAUSED, end_at=END).when(close_window, now=END)
    after = closed.then(CampaignWindowClosed(by=WindowClosedBy.CLOCK))
    assert after.state is not None
    assert after.state.STATUS is S.PAUSED
    after.when(close_window, now=END).then_nothing()


def test_a_window_without_an_end_never_closes_by_the_clock() -> None:
    campaign_in(S.RUNNING).when(close_window, now=END).then_nothing()


def test_finalizing_ends_when_drained_or_at_the_deadline() -> None:
    finalizing = campaign_in(S.FINALIZING)
    finalizing.when(finish_finalizing, drained=False, now=NOW).then_refused("not_yet")
    completed = CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED)
    finalizing.when(finish_finalizing, drained=True, now=NOW).then(completed)
    finalizing.when(finish_finalizing, drained=False, now=DRAINED).then(completed)
    campaign_in(S.COMPLETED).when(finish_finalizing, drained=True, now=NOW).then_nothing()


@pytest.mark.parametrize(("have", "need"), [(2, 3), (0, 1)])
def test_a_survey_with_too_few_sessions_is_completed_without_a_report(have: int, need: int) -> None:
    survey = campaign_in(S.FINALIZING, kind=CampaignKind.SURVEY, min_sessions_for_report=need)
    survey.when(finish_finalizing, drained=True, completed_sessions=have, now=NOW).then(
        CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED),
        CampaignReportNotGenerated(reason="insufficient_sessions", have=have, need=need),
    )


def test_a_survey_with_enough_sessions_asks_for_its_report() -> None:
    survey = campaign_in(S.FINALIZING, kind=CampaignKind.SURVEY)
    survey.when(finish_finalizing, drained=True, completed_sessions=3, now=NOW).then(
        CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED), CampaignReportRequested()
    )


def test_reminders_are_for_running_surveys() -> None:
    campaign_in(S.RUNNING, kind=CampaignKind.SURVEY).when(send_reminders).then(CampaignRemindersRequested())
    campaign_in(S.PAUSED, kind=CampaignKind.SURVEY).when(send_reminders).then_refused("wrong_state")
    campaign_in(S.RUNNING).when(send_reminders).then_refused("not_for_this_kind")


# -- cancel, reopen, archive, delete


def test_cancelling_gives_its_reason() -> None:
    campaign_in(S.RUNNING).when(cancel_campaign, reason="budget").then(CampaignCancelled(reason="budget"))
    campaign_in(S.RUNNING).when(cancel_campaign, reason="  ").then_refused("out_of_range", field="reason")


def test_a_reopened_campaign_is_paused_and_judged_again_only_after_it_was_resumed() -> None:
    reopened = campaign_in(S.COMPLETED).when(reopen_campaign, now=NOW).then(CampaignReopened())
    reopened.when(mark_audience_processed, now=NOW).then_nothing()
    resumed = reopened.when(resume_campaign, now=NOW).then(CampaignResumed())
    resumed.when(mark_audience_processed, now=NOW).then(CampaignAudienceProcessed(drain_until=DRAINED))


def test_reopening_after_the_end_needs_a_new_one() -> None:
    over = campaign_in(S.COMPLETED, end_at=END)
    late = in_seconds(11 * DAY)
    over.when(reopen_campaign, now=END).then_refused("end_passed", field="end_at")
    over.when(reopen_campaign, end_at=END, now=late).then_refused("end_not_later")
    reopened = over.when(reopen_campaign, end_at=in_seconds(12 * DAY), now=late)
    after = reopened.then(CampaignReopened(end=in_seconds(12 * DAY)))
    after.when(resume_campaign, now=late).then(CampaignResumed())


@pytest.mark.parametrize("status", [S.SCHEDULED, S.RUNNING, S.PAUSED])
def test_archiving_a_live_campaign_cancels_it_first(status: CampaignStatus) -> None:
    campaign_in(status).when(archive_campaign).then(CampaignCancelled(reason="archived"), CampaignArchived())


@pytest.mark.parametrize("status", [S.DRAFT, S.COMPLETED, S.CANCELLED])
def test_archiving_a_campaign_at_rest_only_archives_it(status: CampaignStatus) -> None:
    archived = campaign_in(status).when(archive_campaign).then(CampaignArchived())
    archived.when(archive_campaign).then_nothing()


@pytest.mark.parametrize("status", [S.LAUNCHING, S.FINALIZING])
def test_archiving_waits_for_launching_and_finalizing(status: CampaignStatus) -> None:
    campaign_in(status).when(archive_campaign).then_refused("wrong_state")


@pytest.mark.parametrize("status", [S.DRAFT, S.COMPLETED, S.CANCELLED, S.ARCHIVED])
def test_deleting_leaves_a_tombstone(status: CampaignStatus) -> None:
    campaign_in(status).when(delete_campaign).then(CampaignDeleted())


# -- the table of states

VERBS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "launch_campaign": (launch_campaign, {"now": NOW}),
    "pause_campaign": (pause_campaign, {}),
    "resume_campaign": (resume_campaign, {"now": NOW}),
    "complete_campaign": (complete_campaign, {"now": NOW}),
    "extend_campaign": (extend_campaign, {"end_at": in_seconds(20 * DAY), "now": NOW}),
    "cancel_campaign": (cancel_campaign, {"reason": "budget"}),
    "reopen_campaign": (reopen_campaign, {"now": NOW}),
    "delete_campaign": (delete_campaign, {}),
}


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("verb", list(VERBS))
def test_each_verb_is_refused_from_the_states_that_the_table_leaves_out(verb: str, status: CampaignStatus) -> None:
    decide, arguments = VERBS[verb]
    answer = campaign_in(status, end_at=END).when(decide, **arguments)
    if status is S.DELETED:
        answer.then_refused("deleted")
    elif status in ALLOWED_FROM[verb]:
        assert answer.facts
    else:
        answer.then_refused("wrong_state")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb in NOT_FOR_AN_IMPORT])
def test_an_import_is_never_worked_on(verb: str) -> None:
    decide, arguments = VERBS[verb]
    running_import().when(decide, **arguments).then_refused("not_for_an_import")


def test_no_timer_and_no_policy_touches_an_import() -> None:
    history = given(
        CAMPAIGN,
        drafted(source=CampaignSource.IMPORT, end_at=END),
        CampaignLaunched(),
        CampaignActivated(),
    )
    history.when(close_window, now=END).then_nothing()
    history.when(mark_audience_processed, now=END).then_nothing()


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_campaign_that_does_not_exist_refuses_each_verb(verb: str) -> None:
    decide, arguments = VERBS[verb]
    given(CAMPAIGN).when(decide, **arguments).then_refused("unknown_stream")


def test_enrolling_opens_the_audience_once_and_not_from_finalizing_on() -> None:
    opened = given(CAMPAIGN, drafted()).when(open_audience).then(CampaignAudienceOpened())
    opened.when(open_audience).then_nothing()
    given(CAMPAIGN, drafted(), CampaignArchived()).when(open_audience).then_refused("wrong_state")
    given(CAMPAIGN, drafted(), CampaignDeleted()).when(open_audience).then_refused("deleted")
