"""Activity: what was done in a campaign, one narrow row an action. Words are put on when it is read.

Only what people look for by more than its stream is here: of a contact the calls (one row each, when it ended),
what they achieved, and what people or policies did to it; of a campaign everything. A contact's other facts are in
the log and are read from there as its timeline. An import's enrolments are one action, the import.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from drumbeat.events import calls, campaign, contact, evaluations, goals
from drumbeat.events.event import Cause
from drumbeat.events.fact import FACTS, Fact
from drumbeat.events.light import LightEvent
from drumbeat.events.values import CampaignSource, FinishOutcome
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Log, Projection


class ActivityRow(Row):
    """An action; activity.sql says what each field means."""

    workspace_id: str
    campaign_id: UUID
    position: int
    contact_id: UUID | None
    action: str
    code: str | None
    number: int | None
    subject_id: UUID | None
    actor: str
    cause: Cause
    time: datetime


Told: TypeAlias = tuple[str | None, int | None, UUID | None]
"""Code, number and subject."""

NOTHING: Told = (None, None, None)


@dataclass(frozen=True, slots=True)
class Action:
    """What a kind of fact is called here, and what it tells: code, number, subject; None: no action after all."""

    name: str
    tell: Callable[[Any], Told | None] = lambda _data: NOTHING


def _finished(data: contact.ContactFinished) -> Told | None:
    # The other ends follow from the calls that are here already.
    by_policy = data.outcome in {FinishOutcome.SUPPRESSED, FinishOutcome.CAMPAIGN_OVER}
    return (data.outcome, None, None) if by_policy else None


def _enrolled(data: contact.ContactEnrolled) -> Told | None:
    return None if data.source is CampaignSource.IMPORT else NOTHING


def _sender(data: Any) -> Told:
    return None, None, data.sender_id


def _goal(data: Any) -> Told:
    return None, None, data.goal_id


def _analysis(data: Any) -> Told:
    return None, None, data.analysis_id


CONTACT_ACTIONS: dict[type[Fact], Action] = {
    calls.ContactCallEnded: Action("call_ended", lambda data: (data.outcome, data.attempt, None)),
    calls.ContactCallReceived: Action("call_received", lambda data: (None, None, data.sender_id)),
    calls.ContactCallOutcomeCorrected: Action(
        "call_outcome_corrected", lambda data: (data.to, data.attempt, None)
    ),
    evaluations.ContactGoalAchieved: Action("goal_achieved", _goal),
    evaluations.ContactGoalAchievementWithdrawn: Action("goal_achievement_withdrawn", _goal),
    contact.ContactEnrolled: Action("contact_enrolled", _enrolled),
    contact.ContactEnrolmentRefused: Action("enrolment_refused", lambda data: (data.reason, None, None)),
    contact.ContactProfileChanged: Action("profile_changed"),
    contact.ContactPaused: Action("contact_paused"),
    contact.ContactResumed: Action("contact_resumed"),
    contact.ContactRemoved: Action("contact_removed"),
    contact.ContactErased: Action("contact_erased"),
    contact.ContactOptedOut: Action("opted_out", lambda data: (data.channel, None, None)),
    contact.ContactReopened: Action("contact_reopened"),
    contact.ContactReminderRequested: Action("reminder_requested"),
    contact.ContactFinished: Action("contact_finished", _finished),
}

_CAMPAIGN_TELLS: dict[type[Fact], Callable[[Any], Told]] = {
    campaign.CampaignSettingsChanged: lambda data: (None, data.settings_version, None),
    campaign.CampaignPaused: lambda data: (data.pause_reason, None, None),
    campaign.CampaignWindowClosed: lambda data: (data.by, None, None),
    campaign.CampaignCompleted: lambda data: (data.completion_reason, None, None),
    campaign.CampaignImportFinished: lambda data: (None, data.accepted, None),
    campaign.CampaignSenderAssigned: _sender,
    campaign.CampaignSenderUnassigned: _sender,
    campaign.CampaignSenderWeightChanged: lambda data: (None, data.after, data.sender_id),
    campaign.CampaignSenderDisabled: _sender,
    campaign.CampaignSenderEnabled: _sender,
    campaign.CampaignSenderExcluded: lambda data: (None, data.score, data.sender_id),
    campaign.CampaignSenderReinstated: _sender,
    goals.CampaignGoalDefined: _goal,
    goals.CampaignGoalEdited: _goal,
    goals.CampaignGoalArchived: _goal,
    goals.CampaignGoalRestored: _goal,
    goals.CampaignPrimaryGoalChanged: lambda data: (None, None, data.to),
    goals.CampaignAnalysisDefined: _analysis,
    goals.CampaignAnalysisEdited: _analysis,
    goals.CampaignAnalysisActivated: _analysis,
    goals.CampaignAnalysisDeactivated: _analysis,
    goals.CampaignAnalysisArchived: _analysis,
    goals.CampaignAnalysisRestored: _analysis,
}

CAMPAIGN_ACTIONS: dict[type[Fact], Action] = {
    cls: Action("campaign_" + name.split(".")[1], _CAMPAIGN_TELLS.get(cls, lambda _data: NOTHING))
    for name, cls in FACTS.items()
    if name.startswith("campaign.")
}

ACTIONS: dict[type[Fact], Action] = {**CONTACT_ACTIONS, **CAMPAIGN_ACTIONS}
"""Fact → action. The names are those that the list is filtered by."""


def action_names() -> frozenset[str]:
    """Every action that can be in the list."""
    return frozenset(action.name for action in ACTIONS.values())


def _on_contact(action: Action) -> Callable[[LightEvent[Any], int], ActivityRow | None]:
    name, tell = action.name, action.tell

    def row(event: LightEvent[Any], position: int) -> ActivityRow | None:
        told = tell(event.data)
        if told is None or event.campaign_id is None:
            return None
        return ActivityRow(
            event.workspace_id,
            event.campaign_id,
            position,
            event.stream_id,
            name,
            *told,
            event.actor,
            event.cause,
            event.time,
        )

    return row


def _on_campaign(action: Action) -> Callable[[LightEvent[Any], int], ActivityRow | None]:
    name, tell = action.name, action.tell

    def row(event: LightEvent[Any], position: int) -> ActivityRow | None:
        told = tell(event.data) or NOTHING
        return ActivityRow(
            event.workspace_id,
            event.stream_id,
            position,
            None,
            name,
            *told,
            event.actor,
            event.cause,
            event.time,
        )

    return row


ACTIVITY_ROWS = Log(
    table="activity",
    row=ActivityRow,
    rows={
        **{cls: _on_contact(action) for cls, action in CONTACT_ACTIONS.items()},
        **{cls: _on_campaign(action) for cls, action in CAMPAIGN_ACTIONS.items()},
    },
)

PROJECTION = Projection(name="activity", version=1, sql=Path(__file__).with_suffix(".sql"), logs=(ACTIVITY_ROWS,))
