"""How each fact changes a campaign. Never refuses: history has happened."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from drumbeat.aggregates.campaign.state import (
    Analysis,
    Archived,
    AssignedSender,
    Campaign,
    Cancelled,
    Completed,
    Core,
    Deleted,
    Draft,
    Finalizing,
    Goal,
    ImportState,
    Launching,
    Paused,
    ReportStatus,
    Running,
    Scheduled,
    kept_settings,
    kept_steps,
    kept_text,
    settings_of,
)
from drumbeat.events import Event, Fact, campaign, goals
from drumbeat.events.goals import AnalysisText
from drumbeat.events.values import CompletionReason, GoalRole, SenderStanding, WindowClosedBy

T = TypeVar("T")
_changed = msgspec.structs.replace


def evolve(state: Campaign | None, event: Event[Fact]) -> Campaign:
    """The campaign after one more event of its stream."""
    fact = event.fact
    if isinstance(fact, campaign.CampaignDrafted):
        return _drafted(fact)
    assert state is not None, f"a campaign's history begins with {fact.TYPE}"
    fold = CORE_FOLDS.get(type(fact))
    core = fold(state.core, fact) if fold else state.core
    move = STAGE_FOLDS.get(type(fact))
    if move is None:
        return state if core is state.core else _changed(state, core=core)
    return move(state, core, fact)


def _drafted(fact: campaign.CampaignDrafted) -> Draft:
    return Draft(
        core=Core(
            kind=fact.kind,
            vocabulary=fact.vocabulary,
            source=fact.source,
            name=fact.name,
            settings=kept_settings(fact.settings),
        )
    )


def _with_settings(core: Core, **settings: Any) -> Core:
    return _changed(core, settings=kept_settings(settings_of(core).model_copy(update=settings)))


def _becomes(**changes: Any) -> "CoreFold":
    return lambda core, _fact: _changed(core, **changes)


def _sender(core: Core, sender_id: UUID, **changes: Any) -> Core:
    return _changed(core, senders={**core.senders, sender_id: _changed(core.senders[sender_id], **changes)})


def _reinstated(core: Core, fact: campaign.CampaignSenderReinstated) -> Core:
    active = _sender(core, fact.sender_id, standing=SenderStanding.ACTIVE)
    return _changed(active, reinstated={**core.reinstated, fact.sender_id: fact.report_version})


def _without(items: dict[UUID, T], key: UUID) -> dict[UUID, T]:
    return {name: item for name, item in items.items() if name != key}


def _goal(core: Core, goal_id: UUID, **changes: Any) -> Core:
    return _changed(core, goals={**core.goals, goal_id: _changed(core.goals[goal_id], **changes)})


def _goal_defined(core: Core, fact: goals.CampaignGoalDefined) -> Core:
    goal = Goal(name=fact.name, description=fact.description, role=fact.role)
    return _changed(core, goals={**core.goals, fact.goal_id: goal})


def _primary_goal_changed(core: Core, fact: goals.CampaignPrimaryGoalChanged) -> Core:
    demoted = _goal(core, fact.from_, role=GoalRole.SECONDARY) if fact.from_ in core.goals else core
    return _goal(demoted, fact.to, role=GoalRole.PRIMARY)


def _analysis(core: Core, analysis_id: UUID, **changes: Any) -> Core:
    return _changed(core, analyses={**core.analyses, analysis_id: _changed(core.analyses[analysis_id], **changes)})


def _analysis_defined(core: Core, fact: goals.CampaignAnalysisDefined) -> Core:
    text = AnalysisText(
        name=fact.name,
        description=fact.description,
        question=fact.question,
        options=fact.options,
        scale=fact.scale,
    )
    return _changed(core, analyses={**core.analyses, fact.analysis_id: Analysis(text=kept_text(text))})


def _end_extended(core: Core, fact: campaign.CampaignEndExtended) -> Core:
    return _changed(_with_settings(core, end_at=fact.after), window_closed=None)


def _reopened(core: Core, fact: campaign.CampaignReopened) -> Core:
    end_at = fact.end or core.settings.end_at
    open_again = _changed(core, window_closed=None, audience_processed=False, report=ReportStatus.NONE)
    return _with_settings(open_again, end_at=end_at)


CoreFold: TypeAlias = Callable[[Core, Any], Core]

CORE_FOLDS: dict[type[Fact], CoreFold] = {
    campaign.CampaignRenamed: lambda core, fact: _changed(core, name=fact.after),
    campaign.CampaignSettingsChanged: lambda core, fact: _changed(
        core, settings=kept_settings(fact.after), settings_version=fact.settings_version
    ),
    campaign.CampaignAudienceOpened: _becomes(audience_open=True, audience_processed=False),
    campaign.CampaignAudienceProcessed: _becomes(audience_processed=True),
    campaign.CampaignScheduled: lambda core, fact: _with_settings(core, start_at=fact.start_at),
    campaign.CampaignLaunched: lambda core, fact: (
        core if fact.start_at is None else _with_settings(core, start_at=fact.start_at)
    ),
    campaign.CampaignEndExtended: _end_extended,
    campaign.CampaignWindowClosed: lambda core, fact: _changed(core, window_closed=fact.by),
    campaign.CampaignReopened: _reopened,
    campaign.CampaignReportRequested: _becomes(report=ReportStatus.REQUESTED),
    campaign.CampaignReportGenerated: _becomes(report=ReportStatus.GENERATED),
    campaign.CampaignReportNotGenerated: _becomes(report=ReportStatus.NOT_GENERATED),
    campaign.CampaignReportFailed: _becomes(report=ReportStatus.FAILED),
    campaign.CampaignImportStarted: _becomes(import_state=ImportState.STARTED),
    campaign.CampaignImportFinished: _becomes(import_state=ImportState.FINISHED),
    campaign.CampaignSenderAssigned: lambda core, fact: _changed(
        core, senders={**core.senders, fact.sender_id: AssignedSender(weight=fact.weight)}
    ),
    campaign.CampaignSenderWeightChanged: lambda core, fact: _sender(core, fact.sender_id, weight=fact.after),
    campaign.CampaignSenderUnassigned: lambda core, fact: _changed(
        core, senders=_without(core.senders, fact.sender_id)
    ),
    campaign.CampaignSenderDisabled: lambda core, fact: _sender(
        core, fact.sender_id, standing=SenderStanding.DISABLED
    ),
    campaign.CampaignSenderEnabled: lambda core, fact: _sender(
        core, fact.sender_id, standing=SenderStanding.ACTIVE
    ),
    campaign.CampaignSenderExcluded: lambda core, fact: _sender(
        core, fact.sender_id, standing=SenderStanding.EXCLUDED
    ),
    campaign.CampaignSenderReinstated: _reinstated,
    campaign.CampaignSequenceDefined: lambda core, fact: _changed(core, steps=kept_steps(fact.steps)),
    goals.CampaignGoalDefined: _goal_defined,
    goals.CampaignGoalEdited: lambda core, fact: _goal(
        core, fact.goal_id, name=fact.after.name, description=fact.after.description
    ),
    goals.CampaignGoalArchived: lambda core, fact: _goal(
        core, fact.goal_id, archived=True, role=GoalRole.SECONDARY
    ),
    goals.CampaignGoalRestored: lambda core, fact: _goal(core, fact.goal_id, archived=False),
    goals.CampaignPrimaryGoalChanged: _primary_goal_changed,
    goals.CampaignAnalysisDefined: _analysis_defined,
    goals.CampaignAnalysisEdited: lambda core, fact: _analysis(core, fact.analysis_id, text=kept_text(fact.after)),
    goals.CampaignAnalysisActivated: lambda core, fact: _analysis(core, fact.analysis_id, active=True),
    goals.CampaignAnalysisDeactivated: lambda core, fact: _analysis(core, fact.analysis_id, active=False),
    goals.CampaignAnalysisArchived: lambda core, fact: _analysis(
        core, fact.analysis_id, archived=True, active=False
    ),
    goals.CampaignAnalysisRestored: lambda core, fact: _analysis(core, fact.analysis_id, archived=False),
}
"""Fact → how the core changes, whatever the stage."""


def _paused(state: Campaign, core: Core, _fact: campaign.CampaignPaused) -> Campaign:
    match state:
        case Scheduled(start_at=start_at):
            return Paused(core=core, scheduled_for=start_at)
        case Launching():
            return Paused(core=core, was_launching=True)
        case _:
            return Paused(core=core)


def _resumed(state: Campaign, core: Core, fact: campaign.CampaignResumed) -> Campaign:
    match state:
        case _ if fact.drain_until is not None:
            return Finalizing(
                core=core, completion_reason=CompletionReason.ALL_PROCESSED, drain_until=fact.drain_until
            )
        case Paused(scheduled_for=start_at) if start_at is not None:
            return Scheduled(core=core, start_at=start_at)
        case Paused(was_launching=True):
            return Launching(core=core)
        case _:
            return Running(core=core)


def _window_closed(state: Campaign, core: Core, fact: campaign.CampaignWindowClosed) -> Campaign:
    by_hand = fact.by is WindowClosedBy.MANUAL
    reason = CompletionReason.MANUAL if by_hand else CompletionReason.WINDOW_CLOSED
    return _finalizing_when_draining(state, core, fact, reason)


def _audience_processed(state: Campaign, core: Core, fact: campaign.CampaignAudienceProcessed) -> Campaign:
    return _finalizing_when_draining(state, core, fact, CompletionReason.ALL_PROCESSED)


def _finalizing_when_draining(
    state: Campaign,
    core: Core,
    fact: campaign.CampaignWindowClosed | campaign.CampaignAudienceProcessed,
    reason: CompletionReason,
) -> Campaign:
    if fact.drain_until is None:
        return _changed(state, core=core)
    return Finalizing(core=core, completion_reason=reason, drain_until=fact.drain_until)


StageFold: TypeAlias = Callable[[Campaign, Core, Any], Campaign]

STAGE_FOLDS: dict[type[Fact], StageFold] = {
    campaign.CampaignScheduled: lambda _state, core, fact: Scheduled(core=core, start_at=fact.start_at),
    campaign.CampaignLaunched: lambda _state, core, _fact: Launching(core=core),
    campaign.CampaignActivated: lambda _state, core, _fact: Running(core=core),
    campaign.CampaignPaused: _paused,
    campaign.CampaignResumed: _resumed,
    campaign.CampaignWindowClosed: _window_closed,
    campaign.CampaignAudienceProcessed: _audience_processed,
    campaign.CampaignCompletionRequested: lambda _state, core, fact: Finalizing(
        core=core, completion_reason=CompletionReason.MANUAL, drain_until=fact.drain_until
    ),
    campaign.CampaignCompleted: lambda _state, core, fact: Completed(
        core=core, completion_reason=fact.completion_reason
    ),
    campaign.CampaignCancelled: lambda _state, core, _fact: Cancelled(core=core),
    campaign.CampaignReopened: lambda _state, core, _fact: Paused(core=core, reopened=True),
    campaign.CampaignArchived: lambda _state, core, _fact: Archived(core=core),
    campaign.CampaignDeleted: lambda _state, core, _fact: Deleted(core=core),
}
"""Fact → the stage it leads to."""

UNFOLDED: frozenset[type[Fact]] = frozenset({campaign.CampaignRemindersRequested})
"""Facts of a campaign that change nothing a later decision asks for."""
