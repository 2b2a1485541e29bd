"""Numbers of a campaign (E-22, E-23): excluded by their spam score, reinstated by command only."""

from collections.abc import Callable
from typing import Any

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.campaign.drafting import change_settings
from drumbeat.aggregates.campaign.senders import (
    SpamReport,
    assign_sender,
    disable_sender,
    enable_sender,
    judge_spam_score,
    reinstate_sender,
    unassign_sender,
)
from drumbeat.events.campaign import (
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderEnabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSenderWeightChanged,
    CampaignSettingsChanged,
)
from drumbeat.events.values import CampaignStatus, SenderStanding
from support.campaigns import SENDER, campaign_in, drafted, settings
from support.given import CAMPAIGN_ID, NOW, Given, given, uid

S = CampaignStatus
BAD = SpamReport(version=3, score=7)
EXCLUDED = CampaignSenderExcluded(sender_id=SENDER, score=7, threshold=7)


def standing(campaign: Given[Any]) -> SenderStanding:
    assert campaign.state is not None
    return terms_of(campaign.state, CAMPAIGN_ID).senders[SENDER]


@pytest.mark.parametrize("weight", [1, 100])
def test_a_sender_is_assigned_with_a_weight(weight: int) -> None:
    given(CAMPAIGN, drafted()).when(assign_sender, sender_id=SENDER, weight=weight).then(
        CampaignSenderAssigned(sender_id=SENDER, weight=weight)
    )


@pytest.mark.parametrize("weight", [0, 101])
def test_a_weight_out_of_range_is_refused(weight: int) -> None:
    given(CAMPAIGN, drafted()).when(assign_sender, sender_id=SENDER, weight=weight).then_refused(
        "out_of_range", field="weight", allowed="1 to 100"
    )


def test_assigning_again_changes_the_weight_where_one_is_given() -> None:
    running = campaign_in(S.RUNNING, CampaignSenderDisabled(sender_id=SENDER))
    running.when(assign_sender, sender_id=SENDER).then_nothing()
    running.when(assign_sender, sender_id=SENDER, weight=1).then_nothing()
    heavier = running.when(assign_sender, sender_id=SENDER, weight=5)
    after = heavier.then(CampaignSenderWeightChanged(sender_id=SENDER, before=1, after=5))
    assert standing(after) is SenderStanding.DISABLED


def test_a_sender_whose_score_has_reached_the_threshold_is_excluded_when_assigned() -> None:
    given(CAMPAIGN, drafted()).when(assign_sender, sender_id=SENDER, spam_report=BAD).then(
        CampaignSenderAssigned(sender_id=SENDER), EXCLUDED
    )


def test_a_sender_is_unassigned_once() -> None:
    without = campaign_in(S.RUNNING).when(unassign_sender, sender_id=SENDER)
    without.then(CampaignSenderUnassigned(sender_id=SENDER)).when(unassign_sender, sender_id=SENDER).then_nothing()


def test_a_sender_is_disabled_and_enabled() -> None:
    off = (
        campaign_in(S.RUNNING)
        .when(disable_sender, sender_id=SENDER)
        .then(CampaignSenderDisabled(sender_id=SENDER))
    )
    assert standing(off) is SenderStanding.DISABLED
    off.when(disable_sender, sender_id=SENDER).then_nothing()
    on = off.when(enable_sender, sender_id=SENDER).then(CampaignSenderEnabled(sender_id=SENDER))
    assert standing(on) is SenderStanding.ACTIVE
    on.when(enable_sender, sender_id=SENDER).then_nothing()


@pytest.mark.parametrize("decide", [disable_sender, enable_sender])
def test_an_excluded_sender_is_neither_disabled_nor_enabled(decide: Callable[..., Any]) -> None:
    campaign_in(S.RUNNING, EXCLUDED).when(decide, sender_id=SENDER).then_refused("sender_not_usable")


@pytest.mark.parametrize("decide", [disable_sender, enable_sender, reinstate_sender])
def test_a_sender_that_is_not_assigned_is_refused(decide: Callable[..., Any]) -> None:
    campaign_in(S.RUNNING).when(decide, sender_id=uid("other")).then_refused("unknown_sender", field="sender_id")


@pytest.mark.parametrize(
    "decide", [assign_sender, unassign_sender, disable_sender, enable_sender, reinstate_sender]
)
def test_the_senders_of_a_campaign_that_is_over_stay(decide: Callable[..., Any]) -> None:
    campaign_in(S.FINALIZING).when(decide, sender_id=SENDER).then_refused("wrong_state")


@pytest.mark.parametrize(("score", "excluded"), [(0, False), (6, False), (7, True), (10, True)])
def test_a_sender_is_excluded_when_its_score_reaches_the_threshold(score: int, excluded: bool) -> None:
    judged = campaign_in(S.RUNNING).when(
        judge_spam_score, sender_id=SENDER, spam_report=SpamReport(version=2, score=score)
    )
    if excluded:
        after = judged.then(CampaignSenderExcluded(sender_id=SENDER, score=score, threshold=7))
        assert standing(after) is SenderStanding.EXCLUDED
    else:
        judged.then_nothing()


def test_a_disabled_sender_is_excluded_too() -> None:
    disabled = campaign_in(S.RUNNING, CampaignSenderDisabled(sender_id=SENDER))
    disabled.when(judge_spam_score, sender_id=SENDER, spam_report=BAD).then(EXCLUDED)


def test_an_excluded_sender_is_not_excluded_twice() -> None:
    campaign_in(S.RUNNING, EXCLUDED).when(judge_spam_score, sender_id=SENDER, spam_report=BAD).then_nothing()


@pytest.mark.parametrize("status", [S.FINALIZING, S.COMPLETED, S.ARCHIVED, S.DELETED])
def test_a_spam_report_that_comes_after_the_end_changes_nothing(status: CampaignStatus) -> None:
    campaign_in(status).when(judge_spam_score, sender_id=SENDER, spam_report=BAD).then_nothing()


def test_a_spam_report_on_a_sender_that_is_not_used_changes_nothing() -> None:
    campaign_in(S.RUNNING).when(judge_spam_score, sender_id=uid("other"), spam_report=BAD).then_nothing()
    campaign_in(S.RUNNING).when(judge_spam_score, sender_id=SENDER, spam_report=None).then_nothing()


def test_a_reinstated_sender_is_excluded_again_by_a_new_report_only() -> None:
    back = campaign_in(S.RUNNING, EXCLUDED).when(reinstate_sender, sender_id=SENDER, spam_report=BAD)
    active = back.then(CampaignSenderReinstated(sender_id=SENDER, report_version=3))
    assert standing(active) is SenderStanding.ACTIVE
    active.when(judge_spam_score, sender_id=SENDER, spam_report=BAD).then_nothing()
    worse = SpamReport(version=4, score=7)
    active.when(judge_spam_score, sender_id=SENDER, spam_report=worse).then(EXCLUDED)


def test_a_changed_threshold_spares_a_reinstated_sender() -> None:
    active = campaign_in(S.RUNNING, EXCLUDED, CampaignSenderReinstated(sender_id=SENDER, report_version=3))
    active.when(change_settings, changes={"spam_threshold": 1}, spam_reports={SENDER: BAD}, now=NOW).then(
        CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(spam_threshold=1))
    )


def test_assigning_a_reinstated_sender_anew_forgets_nothing() -> None:
    gone = campaign_in(
        S.RUNNING,
        EXCLUDED,
        CampaignSenderReinstated(sender_id=SENDER, report_version=3),
        CampaignSenderUnassigned(sender_id=SENDER),
    )
    gone.when(assign_sender, sender_id=SENDER, spam_report=BAD).then(CampaignSenderAssigned(sender_id=SENDER))


def test_a_higher_threshold_reinstates_nobody() -> None:
    raised = campaign_in(S.RUNNING, EXCLUDED).when(change_settings, changes={"spam_threshold": 9}, now=NOW)
    after = raised.then(
        CampaignSettingsChanged(settings_version=2, before=settings(), after=settings(spam_threshold=9))
    )
    assert standing(after) is SenderStanding.EXCLUDED


def test_reinstating_a_sender_that_is_not_excluded_adds_nothing() -> None:
    campaign_in(S.RUNNING).when(reinstate_sender, sender_id=SENDER, spam_report=BAD).then_nothing()
