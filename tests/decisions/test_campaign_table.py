"""The tables behind a campaign: what folds which fact, and what is allowed from where."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN, analyses, drafting, ending, goals, launching, reports, running
from drumbeat.aggregates.campaign import senders as campaign_senders
from drumbeat.aggregates.campaign.evolve import CORE_FOLDS, STAGE_FOLDS, UNFOLDED
from drumbeat.events import FACTS
from drumbeat.events.campaign import CampaignDrafted, CampaignRemindersRequested
from drumbeat.events.lifecycle import (
    ALLOWED_FROM,
    NOT_FOR_AN_IMPORT,
    ONLY_FOR,
    ActionFacts,
    available_actions,
    is_allowed,
    is_for,
)
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus
from support.campaigns import campaign_in

S, K = CampaignStatus, CampaignKind
MODULES: list[ModuleType] = [drafting, launching, running, ending, reports, goals, analyses, campaign_senders]
DECISIONS: dict[str, Callable[..., Any]] = {
    name: function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__
}
OF_CONTACTS = {"enrol_contacts", "retry_contact"}


def test_every_fact_of_a_campaign_is_folded_or_said_to_change_nothing() -> None:
    of_campaigns = {fact for name, fact in FACTS.items() if name.startswith("campaign.")}
    assert of_campaigns == {CampaignDrafted, *CORE_FOLDS, *STAGE_FOLDS, *UNFOLDED}


def test_a_fact_that_changes_nothing_leaves_the_state_as_it_was() -> None:
    running_survey = campaign_in(S.RUNNING, kind=K.SURVEY)
    assert running_survey.and_given(CampaignRemindersRequested()).state is running_survey.state
    assert CAMPAIGN.name == "campaign"


def test_every_command_of_the_table_has_a_decision_of_its_name() -> None:
    assert set(ALLOWED_FROM) - OF_CONTACTS <= set(DECISIONS)
    assert NOT_FOR_AN_IMPORT | set(ONLY_FOR) <= set(ALLOWED_FROM)


def test_the_table_says_what_the_mission_says() -> None:
    table = {
        "launch_campaign": "draft scheduled",
        "pause_campaign": "scheduled launching running",
        "resume_campaign": "paused",
        "complete_campaign": "running paused",
        "extend_campaign": "running paused",
        "send_reminders": "running",
        "enrol_contacts": "draft scheduled launching running paused",
        "change_settings": "draft scheduled launching running paused",
        "cancel_campaign": "scheduled launching running paused",
        "reopen_campaign": "completed",
        "delete_campaign": "draft completed cancelled archived",
        "retry_contact": "running paused",
    }
    for command, states in table.items():
        assert {str(status) for status in S if is_allowed(command, status)} == set(states.split()), command
    assert set(S) - ALLOWED_FROM["archive_campaign"] == {S.LAUNCHING, S.FINALIZING, S.ARCHIVED, S.DELETED}
    assert set(S) - ALLOWED_FROM["duplicate_campaign"] == {S.DELETED}


def test_nothing_can_be_done_with_a_deleted_campaign() -> None:
    assert all(available_actions(S.DELETED, kind) == () for kind in K)


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("kind", list(K))
def test_available_actions_are_the_tables_in_its_order(kind: CampaignKind, status: CampaignStatus) -> None:
    actions = available_actions(status, kind, ActionFacts(has_end=True))
    allowed = [command for command in ALLOWED_FROM if status in ALLOWED_FROM[command]]
    assert list(actions) == [command for command in allowed if is_for(command, kind)]


def test_only_campaigns_that_call_offer_another_try() -> None:
    offering = {kind for kind in K if "retry_contact" in available_actions(S.RUNNING, kind)}
    assert offering == {K.VOICE_AGENT, K.CALL}


def test_a_running_survey_offers_reminders_and_extension() -> None:
    actions = set(available_actions(S.RUNNING, K.SURVEY, ActionFacts(has_end=True)))
    assert {
        "pause_campaign",
        "complete_campaign",
        "extend_campaign",
        "send_reminders",
        "cancel_campaign",
    } <= actions
    assert "resume_campaign" not in actions


def test_what_the_facts_rule_out_is_not_offered() -> None:
    assert "resume_campaign" not in available_actions(
        S.PAUSED, K.CALL, ActionFacts(window_closed=True, has_end=True)
    )
    assert "extend_campaign" not in available_actions(S.RUNNING, K.CALL)
    assert "reopen_campaign" in available_actions(S.COMPLETED, K.SURVEY, ActionFacts(report="not_generated"))
    assert "reopen_campaign" not in available_actions(S.COMPLETED, K.SURVEY, ActionFacts(report="generated"))
    assert "request_report" not in available_actions(S.COMPLETED, K.SURVEY, ActionFacts(report="requested"))


@pytest.mark.parametrize("status", list(S))
def test_an_import_offers_nothing_that_works_on_contacts(status: CampaignStatus) -> None:
    offered = available_actions(status, K.VOICE_AGENT, ActionFacts(source=CampaignSource.IMPORT, has_end=True))
    assert not set(offered) & NOT_FOR_AN_IMPORT
