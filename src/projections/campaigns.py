"""Campaigns: one row each, for the list, the card and the detail page (E-01 … E-04, A-03)."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from drumbeat.events import campaign as facts
from drumbeat.events.fact import FACTS, Fact
from drumbeat.events.labels import LabelFacts, label
from drumbeat.events.light import LightEvent
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    CompletionReason,
    PauseReason,
    Vocabulary,
    WindowClosedBy,
)
from drumbeat.projections.campaign_goals import GOAL_DETAILS
from drumbeat.projections.campaign_stage import STAGE_CHANGES, Stage, at_first
from drumbeat.projections.engine.rows import as_json
from drumbeat.projections.engine.shapes import Entity, Fold, Projection, by_workspace_stream


class CampaignRow(Stage):
    """A campaign as readers see it. Columns of JSON hold text; campaigns.sql says what each field means."""

    kind: CampaignKind
    vocabulary: Vocabulary
    name: str
    name_key: str
    status_label: str
    status_since: datetime
    source: CampaignSource
    copied_from: UUID | None
    settings: str
    settings_version: int
    agent: str | None
    schedule_id: UUID | None
    zone: str
    created_at: datetime
    launched_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: PauseReason | None
    pause_note: str | None
    completed_at: datetime | None
    completion_reason: CompletionReason | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    archived_at: datetime | None
    report: str | None
    import_progress: str | None
    goals: str
    analyses: str
    steps: str
    deleted: bool
    version: int
    position: int
    changed_at: datetime


Detail: TypeAlias = Callable[[CampaignRow, LightEvent[Any]], None]


def name_key(name: str) -> str:
    """What names are sorted and searched by; a search for a part of a name looks for the part's key in it."""
    return name.casefold()


def _drafted(
    _row: CampaignRow | None, event: LightEvent[facts.CampaignDrafted], position: int
) -> CampaignRow | None:
    drafted = event.data
    row = CampaignRow(
        **at_first(event),
        kind=drafted.kind,
        vocabulary=drafted.vocabulary,
        name=drafted.name,
        name_key=name_key(drafted.name),
        status_label="",
        status_since=event.time,
        source=drafted.source,
        copied_from=drafted.copied_from,
        settings="",
        settings_version=1,
        agent=None,
        schedule_id=None,
        zone="",
        created_at=event.time,
        launched_at=None,
        paused_at=None,
        paused_by=None,
        pause_reason=None,
        pause_note=None,
        completed_at=None,
        completion_reason=None,
        cancelled_at=None,
        cancel_reason=None,
        archived_at=None,
        report=None,
        import_progress=None,
        goals="[]",
        analyses="[]",
        steps="[]",
        deleted=False,
        version=event.stream_version,
        position=position,
        changed_at=event.time,
    )
    _keep_settings(row, drafted.settings)
    row.status_label = _label(row)
    return row


def _keep_settings(row: CampaignRow, settings: Any) -> None:
    row.settings = as_json(settings)
    row.agent = settings.agent
    row.schedule_id = settings.schedule_id
    row.zone = settings.zone


def _label(row: CampaignRow) -> str:
    return label(row.vocabulary, row.status, LabelFacts(completion_reason=row.completion_reason))


def _renamed(row: CampaignRow, event: LightEvent[facts.CampaignRenamed]) -> None:
    row.name = event.data.after
    row.name_key = name_key(row.name)


def _settings_changed(row: CampaignRow, event: LightEvent[facts.CampaignSettingsChanged]) -> None:
    _keep_settings(row, event.data.after)
    row.settings_version = event.data.settings_version


def _scheduled(row: CampaignRow, event: LightEvent[facts.CampaignScheduled]) -> None:
    # Start and end are settings too: a command's argument replaces the setting.
    row.settings = as_json({**json.loads(row.settings), "start_at": event.data.start_at})


def _keep_end(row: CampaignRow, _event: LightEvent[Any]) -> None:
    row.settings = as_json({**json.loads(row.settings), "end_at": row.end_at})


def _launched(row: CampaignRow, event: LightEvent[facts.CampaignLaunched]) -> None:
    row.launched_at = event.time
    if event.data.start_at is not None:
        row.settings = as_json({**json.loads(row.settings), "start_at": event.data.start_at})


def _paused(row: CampaignRow, event: LightEvent[facts.CampaignPaused]) -> None:
    row.paused_at, row.paused_by = event.time, event.actor
    row.pause_reason, row.pause_note = event.data.pause_reason, event.data.note


def _audience_processed(row: CampaignRow, event: LightEvent[facts.CampaignAudienceProcessed]) -> None:
    if event.data.drain_until is not None:
        row.completion_reason = CompletionReason.ALL_PROCESSED


def _resumed(row: CampaignRow, event: LightEvent[facts.CampaignResumed]) -> None:
    if event.data.drain_until is not None:
        row.completion_reason = CompletionReason.ALL_PROCESSED


def _window_closed(row: CampaignRow, event: LightEvent[facts.CampaignWindowClosed]) -> None:
    if event.data.drain_until is not None:
        by_hand = event.data.by is WindowClosedBy.MANUAL
        row.completion_reason = CompletionReason.MANUAL if by_hand else CompletionReason.WINDOW_CLOSED


def _completion_requested(row: CampaignRow, _event: LightEvent[facts.CampaignCompletionRequested]) -> None:
    row.completion_reason = CompletionReason.MANUAL


def _completed(row: CampaignRow, event: LightEvent[facts.CampaignCompleted]) -> None:
    row.completed_at = event.time
    row.completion_reason = event.data.completion_reason


def _cancelled(row: CampaignRow, event: LightEvent[facts.CampaignCancelled]) -> None:
    row.cancelled_at = event.time
    row.cancel_reason = event.data.reason
    row.completion_reason = None


def _reopened(row: CampaignRow, event: LightEvent[facts.CampaignReopened]) -> None:
    row.completed_at = row.completion_reason = row.report = None
    # Paused from here on, by whoever reopened it.
    row.paused_at, row.paused_by = event.time, event.actor
    _keep_end(row, event)


def _archived(row: CampaignRow, event: LightEvent[facts.CampaignArchived]) -> None:
    row.archived_at = event.time


def _deleted(row: CampaignRow, _event: LightEvent[facts.CampaignDeleted]) -> None:
    row.deleted = True


def _report(status: str) -> Detail:
    def detail(row: CampaignRow, event: LightEvent[Any]) -> None:
        row.report = as_json({"status": status, **msgspec.to_builtins(event.data)})

    return detail


def _import(state: str) -> Detail:
    def detail(row: CampaignRow, event: LightEvent[Any]) -> None:
        kept = json.loads(row.import_progress) if row.import_progress else {}
        row.import_progress = as_json({**kept, **msgspec.to_builtins(event.data), "state": state})

    return detail


def _steps(row: CampaignRow, event: LightEvent[facts.CampaignSequenceDefined]) -> None:
    row.steps = as_json(event.data.steps)


DETAILS: dict[type[Fact], Detail] = {
    facts.CampaignRenamed: _renamed,
    facts.CampaignSettingsChanged: _settings_changed,
    facts.CampaignScheduled: _scheduled,
    facts.CampaignEndExtended: _keep_end,
    facts.CampaignLaunched: _launched,
    facts.CampaignPaused: _paused,
    facts.CampaignResumed: _resumed,
    facts.CampaignAudienceProcessed: _audience_processed,
    facts.CampaignWindowClosed: _window_closed,
    facts.CampaignCompletionRequested: _completion_requested,
    facts.CampaignCompleted: _completed,
    facts.CampaignCancelled: _cancelled,
    facts.CampaignReopened: _reopened,
    facts.CampaignArchived: _archived,
    facts.CampaignDeleted: _deleted,
    facts.CampaignReportRequested: _report("requested"),
    facts.CampaignReportGenerated: _report("generated"),
    facts.CampaignReportNotGenerated: _report("not_generated"),
    facts.CampaignReportFailed: _report("failed"),
    facts.CampaignImportStarted: _import("started"),
    facts.CampaignImportFinished: _import("finished"),
    facts.CampaignSequenceDefined: _steps,
    **GOAL_DETAILS,
}
"""Event class → what it changes beside the stage. Senders have a table of their own (senders.sql)."""


def _changing(cls: type[Fact]) -> Fold[CampaignRow]:
    change, detail = STAGE_CHANGES.get(cls), DETAILS.get(cls)

    def fold(row: CampaignRow | None, event: LightEvent[Any], position: int) -> CampaignRow | None:
        assert row is not None, f"{cls.TYPE} came before the campaign was drafted"
        status = row.status
        if change is not None:
            change(row, event)
        if detail is not None:
            detail(row, event)
        if row.status is not status:
            row.status_since = event.time
        if row.status is not CampaignStatus.PAUSED:
            row.paused_at = row.paused_by = row.pause_reason = row.pause_note = None
        row.status_label = _label(row)
        row.version, row.position, row.changed_at = event.stream_version, position, event.time
        return row

    return fold


CAMPAIGN_FACTS = tuple(cls for cls in FACTS.values() if cls.TYPE.startswith("campaign."))

CAMPAIGN_ROWS = Entity(
    table="campaigns",
    row=CampaignRow,
    key_columns=2,
    key_of=by_workspace_stream,
    folds={cls: _drafted if cls is facts.CampaignDrafted else _changing(cls) for cls in CAMPAIGN_FACTS},
    keys={},
)

PROJECTION = Projection(
    name="campaigns", version=1, sql=Path(__file__).with_suffix(".sql"), entities=(CAMPAIGN_ROWS,)
)
