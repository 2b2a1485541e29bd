"""Settings E-20 … E-25: every one with its range and default; drafting, renaming, duplicating, sequences."""

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.campaign.drafting import (
    change_settings,
    define_sequence,
    draft_campaign,
    duplicate_campaign,
    rename_campaign,
)
from drumbeat.aggregates.campaign.durations import duration_seconds, spoken_duration
from drumbeat.aggregates.campaign.senders import SpamReport
from drumbeat.aggregates.campaign.settings_rules import RULES, default_settings, described_settings, read_settings
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.campaign import (
    CampaignDrafted,
    CampaignRenamed,
    CampaignScheduled,
    CampaignSenderAssigned,
    CampaignSenderExcluded,
    CampaignSequenceDefined,
    CampaignSettingsChanged,
    CampaignWindowClosed,
)
from drumbeat.events.goals import (
    CampaignAnalysisDefined,
    CampaignGoalArchived,
    CampaignGoalDefined,
)
from drumbeat.events.settings import CallbackRetry, CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    GoalRole,
    Question,
    Step,
    StepChannel,
    Vocabulary,
    WindowClosedBy,
)
from support.campaigns import DAY, END, GOAL, SENDER, START, campaign_in, drafted, settings
from support.given import NOW, given, in_seconds, uid

S = CampaignStatus
MONTH = 30 * DAY

# field, accepted values (the bounds first), refused values (just outside first)
BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("agent", [None, "", "a" * 200], ["a" * 201, 5]),
    ("start_at", [None, NOW, "2026-03-02T09:00:00Z"], ["2026-03-02T09:00:00", "soon", 5]),
    ("end_at", [None, NOW, "2026-03-02T09:00:00+02:00"], ["2026-03-02", datetime(2026, 3, 2), True]),  # noqa: DTZ001  refused for want of a zone
    ("zone", ["UTC", "Europe/Lisbon", "America/Argentina/Buenos_Aires"], ["Mars/Olympus", "", "../etc", 0]),
    ("schedule_id", [None, uid("schedule"), str(uid("schedule"))], ["nine to five", 1]),
    ("notes", ["", "n" * 10_000], ["n" * 10_001, None]),
    ("rotation", ["round_robin", "lowest_spam", "least_used_today", "weighted"], ["random", "", None, 1]),
    ("spam_threshold", [1, 9], [0, 10, None, "7", 7.0, True]),
    ("max_calls_per_number_and_day", [1, 1_000], [0, 1_001, None]),
    (
        "call_interval_seconds",
        [5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800],
        [4, 6, 0, 1_801, 3_600, None, 10.0, True],
    ),
    ("ring_timeout_seconds", [10, 15, 20, 25, 30, 45, 60], [9, 11, 35, 61, 0, None]),
    ("max_call_duration_seconds", [60, DAY], [59, DAY + 1, None]),
    ("machine_detection", ["text", "ml"], ["none", None]),
    ("max_retries", [0, 10], [-1, 11, None, 2.5]),
    ("retry_interval_seconds", [60, MONTH], [59, MONTH + 1, 0, None]),
    ("completion_timeout_seconds", [0, MONTH], [-1, MONTH + 1, None]),
    ("drain_deadline_seconds", [0, MONTH], [-1, MONTH + 1, None]),
    ("callback_retry", ["auto", "manual"], ["never", None]),
    ("unique_address", [True, False], [1, "true", None]),
    ("target", [None, 1, 10_000_000], [0, 10_000_001, "many"]),
    ("min_sessions_for_report", [1, 1_000_000], [0, 1_000_001, None]),
]


def test_every_setting_has_a_rule_a_default_and_bounds_tested_here() -> None:
    assert list(RULES) == list(CampaignSettings.model_fields)
    assert [field for field, _, _ in BOUNDS] == list(RULES)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, accepted, _ in BOUNDS for value in accepted]
)
def test_a_setting_accepts_its_bounds_and_what_lies_between(field: str, value: Any) -> None:
    after = read_settings(CampaignSettings(), {field: value})
    assert after == CampaignSettings.model_validate({field: value})


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, _, refused in BOUNDS for value in refused])
def test_a_setting_refuses_what_lies_outside_and_says_what_is_allowed(field: str, value: Any) -> None:
    refused = given(CAMPAIGN, drafted()).when(change_settings, changes={field: value}, now=NOW)
    refused.then_refused("out_of_range", field=field, allowed=RULES[field].allowed)


def test_the_defaults_are_those_of_the_requirements() -> None:
    defaults = dict(default_settings(CampaignKind.VOICE_AGENT))
    assert (
        defaults
        | {
            "rotation": "round_robin",
            "spam_threshold": 7,
            "max_calls_per_number_and_day": 100,
            "call_interval_seconds": 10,
            "ring_timeout_seconds": 30,
            "machine_detection": "ml",
            "max_retries": 2,
            "retry_interval_seconds": 3_600,
            "completion_timeout_seconds": 3_600,
            "drain_deadline_seconds": 3_600,
            "max_call_duration_seconds": 3_600,
            "callback_retry": "auto",
            "min_sessions_for_report": 3,
            "unique_address": False,
        }
        == defaults
    )
    assert default_settings(CampaignKind.CALL).callback_retry is CallbackRetry.MANUAL


def test_every_default_passes_its_own_rule() -> None:
    given_values = dict(CampaignSettings())
    assert read_settings(CampaignSettings(), given_values) == CampaignSettings()
    assert [row[0] for row in described_settings()] == list(RULES)


@pytest.mark.parametrize(
    ("spoken", "seconds"),
    [("90 minutes", 5_400), ("1h", 3_600), ("30 days", MONTH), ("1 minute", 60), ("2 HOURS", 7_200), ("1 d", DAY)],
)
def test_the_retry_interval_is_given_in_minutes_hours_or_days(spoken: str, seconds: int) -> None:
    assert read_settings(CampaignSettings(), {"retry_interval": spoken}).retry_interval_seconds == seconds


@pytest.mark.parametrize(
    "spoken", ["", "90", "an hour", "-1 h", "1.5 h", "31 days", "59 s", "5 fortnights", 3_600]
)
def test_a_duration_that_is_none_or_out_of_range_is_refused_under_its_spoken_name(spoken: object) -> None:
    given(CAMPAIGN, drafted()).when(change_settings, changes={"retry_interval": spoken}, now=NOW).then_refused(
        "out_of_range", field="retry_interval", allowed="1 min to 30 d"
    )


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (45, "45 s"), (5_400, "90 min"), (7_200, "2 h")])
def test_a_duration_is_told_in_its_largest_exact_unit(seconds: int, text: str) -> None:
    assert spoken_duration(seconds) == text
    assert duration_seconds(text) == seconds


def test_a_setting_given_twice_or_unknown_is_refused() -> None:
    draft = given(CAMPAIGN, drafted())
    twice = {"retry_interval": "1 h", "retry_interval_seconds": 60}
    draft.when(change_settings, changes=twice, now=NOW).then_refused("invalid_settings")
    refused = draft.when(change_settings, changes={"ring_time": 5}, now=NOW).then_refused("invalid_settings")
    assert refused.field == "ring_time"


def test_an_end_before_the_start_is_refused() -> None:
    given(CAMPAIGN, drafted()).when(
        change_settings, changes={"start_at": END, "end_at": START}, now=NOW
    ).then_refused("out_of_range", field="end_at")


def test_instants_are_kept_in_utc() -> None:
    local = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=2)))
    assert str(read_settings(CampaignSettings(), {"start_at": local}).start_at) == "2026-03-02 07:00:00+00:00"


# -- changing settings


def test_changed_settings_are_versioned_with_before_and_after() -> None:
    changed = campaign_in(S.RUNNING).when(change_settings, changes={"max_retries": 5}, now=NOW)
    first = CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(max_retries=5))
    again = changed.then(first).when(change_settings, changes={"max_retries": 1}, now=NOW)
    again.then(
        CampaignSettingsChanged(settings_version=3, before=settings(max_retries=5), after=settings(max_retries=1))
    )


def test_settings_that_stay_the_same_add_nothing() -> None:
    campaign_in(S.RUNNING).when(change_settings, changes={"max_retries": 2}, now=NOW).then_nothing()


@pytest.mark.parametrize("status", [S.FINALIZING, S.COMPLETED, S.CANCELLED, S.ARCHIVED])
def test_settings_of_a_campaign_that_is_over_are_refused(status: CampaignStatus) -> None:
    campaign_in(status).when(change_settings, changes={"max_retries": 5}, now=NOW).then_refused("wrong_state")


def test_a_changed_start_of_a_scheduled_campaign_schedules_it_anew() -> None:
    later = in_seconds(2 * DAY)
    campaign_in(S.SCHEDULED).when(change_settings, changes={"start_at": later}, now=NOW).then(
        CampaignSettingsChanged(
            settings_version=2, before=settings(start_at=START), after=settings(start_at=later)
        ),
        CampaignScheduled(start_at=later),
    )


@pytest.mark.parametrize("start", [None, NOW])
def test_a_scheduled_campaign_is_not_started_by_its_settings(start: datetime | None) -> None:
    campaign_in(S.SCHEDULED).when(change_settings, changes={"start_at": start}, now=NOW).then_refused(
        "out_of_range"
    )


def test_the_start_of_a_launched_campaign_is_locked() -> None:
    campaign_in(S.RUNNING).when(change_settings, changes={"start_at": START}, now=NOW).then_refused(
        "structure_locked", field="start_at"
    )


def test_a_running_campaign_can_be_given_an_end_ahead_but_not_behind() -> None:
    running = campaign_in(S.RUNNING)
    running.when(change_settings, changes={"end_at": NOW}, now=NOW).then_refused("out_of_range", field="end_at")
    running.when(change_settings, changes={"end_at": END}, now=NOW).then(
        CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(end_at=END))
    )


def test_an_end_that_has_passed_is_moved_by_extending_only() -> None:
    later = {"end_at": in_seconds(20 * DAY)}
    campaign_in(S.PAUSED, end_at=END).when(change_settings, changes=later, now=END).then_refused("window_closed")
    closed = campaign_in(S.PAUSED, CampaignWindowClosed(by=WindowClosedBy.CLOCK), end_at=END)
    closed.when(change_settings, changes=later, now=NOW).then_refused("window_closed")


def test_a_launched_survey_keeps_an_end() -> None:
    survey = campaign_in(S.RUNNING, kind=CampaignKind.SURVEY)
    survey.when(change_settings, changes={"end_at": None}, now=NOW).then_refused("out_of_range", field="end_at")


def test_a_lower_spam_threshold_is_judged_at_once_by_the_last_reports() -> None:
    other = uid("other")
    running = campaign_in(S.RUNNING, CampaignSenderAssigned(sender_id=other))
    reports = {SENDER: SpamReport(version=4, score=5), other: SpamReport(version=2, score=4)}
    lowered = running.when(change_settings, changes={"spam_threshold": 5}, spam_reports=reports, now=NOW)
    lowered.then(
        CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(spam_threshold=5)),
        CampaignSenderExcluded(sender_id=SENDER, score=5, threshold=5),
    )


def test_other_settings_judge_no_sender() -> None:
    reports = {SENDER: SpamReport(version=4, score=9)}
    campaign_in(S.RUNNING).when(change_settings, changes={"max_retries": 5}, spam_reports=reports, now=NOW).then(
        CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(max_retries=5))
    )


# -- drafting, renaming, duplicating


@pytest.mark.parametrize("kind", list(CampaignKind))
def test_a_draft_speaks_its_kinds_vocabulary_unless_told_otherwise(kind: CampaignKind) -> None:
    given(CAMPAIGN).when(draft_campaign, kind=kind, name=" Spring ", settings={"max_retries": 1}).then(
        CampaignDrafted(
            kind=kind,
            name="Spring",
            vocabulary=Vocabulary(kind),
            settings=default_settings(kind).model_copy(update={"max_retries": 1}),
            source=CampaignSource.API,
        )
    )


@pytest.mark.parametrize("name", ["", "   ", "n" * 201])
def test_a_draft_needs_a_name_of_reasonable_length(name: str) -> None:
    given(CAMPAIGN).when(draft_campaign, kind=CampaignKind.CALL, name=name).then_refused(
        "out_of_range", field="name"
    )


def test_a_draft_with_a_setting_out_of_range_is_refused() -> None:
    given(CAMPAIGN).when(
        draft_campaign, kind=CampaignKind.CALL, name="x", settings={"max_retries": 11}
    ).then_refused("out_of_range", field="max_retries", allowed="0 to 10")


def test_drafting_over_a_campaign_is_refused_but_an_import_finds_itself() -> None:
    given(CAMPAIGN, drafted()).when(draft_campaign, kind=CampaignKind.CALL, name="x").then_refused("wrong_state")
    history = given(CAMPAIGN, drafted(source=CampaignSource.IMPORT))
    history.when(draft_campaign, kind=CampaignKind.CALL, name="x", source=CampaignSource.IMPORT).then_nothing()
    campaign_in(S.DELETED).when(draft_campaign, kind=CampaignKind.CALL, name="x").then_refused("deleted")


def test_renaming_tells_before_and_after() -> None:
    renamed = campaign_in(S.RUNNING).when(rename_campaign, name="Autumn")
    renamed.then(CampaignRenamed(before="Spring", after="Autumn")).when(
        rename_campaign, name="Autumn"
    ).then_nothing()


def test_a_duplicate_takes_over_everything_but_the_contacts_and_the_past() -> None:
    archived, analysis, copy = uid("archived"), uid("analysis"), uid("copy")
    original = campaign_in(
        S.RUNNING,
        CampaignGoalDefined(goal_id=archived, name="Old", role=GoalRole.SECONDARY),
        CampaignGoalArchived(goal_id=archived),
        CampaignAnalysisDefined(analysis_id=analysis, name="Mood", question=Question.RATING, scale=5),
        CampaignSenderAssigned(sender_id=uid("retired")),
        end_at=END,
        max_retries=4,
    )
    duplicated = original.when(
        duplicate_campaign,
        original_id=uid("original"),
        copy_id=copy,
        spam_reports={SENDER: SpamReport(version=3, score=8)},
        now=END,
    )
    assert duplicated.facts == (
        CampaignDrafted(
            kind=CampaignKind.VOICE_AGENT,
            name="Copy of Spring",
            vocabulary=Vocabulary.VOICE_AGENT,
            settings=settings(max_retries=4),
            source=CampaignSource.API,
            copied_from=uid("original"),
        ),
        CampaignGoalDefined(goal_id=uuid5(copy, str(GOAL)), name="Book a visit", role=GoalRole.PRIMARY),
        CampaignAnalysisDefined(
            analysis_id=uuid5(copy, str(analysis)), name="Mood", question=Question.RATING, scale=5
        ),
        CampaignSenderAssigned(sender_id=SENDER),
        CampaignSenderExcluded(sender_id=SENDER, score=8, threshold=7),
    )


@pytest.mark.parametrize("status", sorted(set(S) - {S.DELETED}))
def test_any_campaign_can_be_duplicated_but_a_deleted_one(status: CampaignStatus) -> None:
    arguments: dict[str, Any] = {"original_id": uid("o"), "copy_id": uid("c"), "spam_reports": {}, "now": NOW}
    duplicated = campaign_in(status).when(duplicate_campaign, name="Again", **arguments)
    assert duplicated.facts
    assert isinstance(duplicated.facts[0], CampaignDrafted)
    campaign_in(S.DELETED).when(duplicate_campaign, **arguments).then_refused("deleted")


# -- sequences


def step(name: str = "Hello", *, step_id: UUID | None = None, delay_seconds: int = 0) -> Step:
    return Step(
        step_id=step_id or uid(name),
        name=name,
        channel=StepChannel.EMAIL,
        action="send",
        delay_seconds=delay_seconds,
    )


def test_a_sequence_is_defined_in_a_draft() -> None:
    steps = (step(), step("Again", delay_seconds=DAY))
    defined = given(CAMPAIGN, drafted(kind=CampaignKind.SEQUENCE)).when(define_sequence, steps=steps)
    defined.then(CampaignSequenceDefined(steps=steps)).when(define_sequence, steps=steps).then_nothing()


def test_a_sequence_is_locked_at_launch() -> None:
    running = campaign_in(S.RUNNING, kind=CampaignKind.SEQUENCE)
    running.when(define_sequence, steps=(step(),)).then_refused("structure_locked")


def test_other_kinds_have_no_sequence() -> None:
    given(CAMPAIGN, drafted()).when(define_sequence, steps=(step(),)).then_refused("not_for_this_kind")


@pytest.mark.parametrize(
    "steps",
    [(), (step(""),), (step(delay_seconds=-1),), (step(step_id=uid("a")), step("b", step_id=uid("a")))],
)
def test_a_malformed_sequence_is_refused(steps: tuple[Step, ...]) -> None:
    given(CAMPAIGN, drafted(kind=CampaignKind.SEQUENCE)).when(define_sequence, steps=steps).then_refused(
        "out_of_range"
    )


def test_a_refusal_carries_field_value_and_what_is_allowed() -> None:
    with pytest.raises(Refused) as caught:
        read_settings(CampaignSettings(), {"max_retries": 11})
    refused = caught.value
    assert (refused.code, refused.field, refused.value, refused.allowed) == (
        RefusalCode.OUT_OF_RANGE, "max_retries", 11, "0 to 10",
    )  # fmt: skip
