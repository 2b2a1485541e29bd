"""The audit history: every change with who, when, cause and reason, and what was before and after.

Of workspaces, campaigns, senders, schedules and suppressions every fact is here; of contacts what changes them by
decision, not what their calls bring about (the log has that, a contact's timeline shows it). Nothing personal
stands here.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from drumbeat.events import calls, campaign, contact, goals, sender
from drumbeat.events.event import Cause
from drumbeat.events.fact import FACTS, Fact
from drumbeat.events.light import LightEvent
from drumbeat.projections.engine.rows import Row, as_json
from drumbeat.projections.engine.shapes import Log, Projection


class HistoryRow(Row):
    """A change; history.sql says what each field means."""

    workspace_id: str
    position: int
    event_id: UUID
    stream: str
    stream_id: UUID
    campaign_id: UUID | None
    type: str
    subject_id: UUID | None
    time: datetime
    actor: str
    cause: Cause
    reason: str | None
    before: str | None
    after: str | None
    correlation_id: UUID
    causation_id: UUID | None
    via: str | None


CONTACT_CHANGES: tuple[type[Fact], ...] = (
    contact.ContactProfileChanged,
    contact.ContactRemoved,
    contact.ContactErased,
    contact.ContactPaused,
    contact.ContactResumed,
    contact.ContactOptedOut,
    contact.ContactReopened,
    calls.ContactCallOutcomeCorrected,
)
CHANGES: tuple[type[Fact], ...] = (
    *CONTACT_CHANGES,
    *(cls for name, cls in FACTS.items() if not name.startswith("contact.")),
)
"""The facts that are in the history."""

_SUBJECTS = ("goal_id", "analysis_id", "sender_id", "key_id")
REASONS = ("reason", "pause_reason", "cancel_reason", "cause")
"""Fields of facts that say why."""
_LEFT_OUT = ("private", "address_keys")
_ONE_VALUE: dict[type[Fact], str] = {
    campaign.CampaignRenamed: "name",
    campaign.CampaignEndExtended: "end_at",
    campaign.CampaignSenderWeightChanged: "weight",
    sender.SenderRenamed: "friendly_name",
}
_FROM_TO: dict[type[Fact], str] = {
    goals.CampaignPrimaryGoalChanged: "primary_goal",
    calls.ContactCallOutcomeCorrected: "outcome",
}
"""Facts that tell before and after as bare values: the name of what changed."""


def _before_and_after(cls: type[Fact], data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if cls in _ONE_VALUE:
        name = _ONE_VALUE[cls]
        return {name: data["before"]}, {name: data["after"]}
    old: dict[str, Any] = data.pop("before", {})
    new: dict[str, Any] = data.pop("after", {})
    if cls in _FROM_TO:
        name = _FROM_TO[cls]
        old, new = {name: data.pop("from")}, {name: data.pop("to")}
    known = {key: value for key, value in data.items() if value is not None}
    return _changed(old, new), known | _changed(new, old)


def _changed(side: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in side.items() if other.get(key) != value}


def _row(cls: type[Fact]) -> Callable[[LightEvent[Any], int], HistoryRow]:
    stream = cls.TYPE.partition(".")[0]

    def row(event: LightEvent[Any], position: int) -> HistoryRow:
        data = msgspec.to_builtins(event.data)
        for name in _LEFT_OUT:
            data.pop(name, None)
        reasons = [reason for name in REASONS if (reason := data.pop(name, None))]
        subjects = [data.pop(name) for name in _SUBJECTS if name in data]
        before, after = _before_and_after(cls, data)
        return HistoryRow(
            workspace_id=event.workspace_id,
            position=position,
            event_id=event.id,
            stream=stream,
            stream_id=event.stream_id,
            campaign_id=event.stream_id if stream == "campaign" else event.campaign_id,
            type=event.type,
            subject_id=UUID(subjects[0]) if subjects else None,
            time=event.time,
            actor=event.actor,
            cause=event.cause,
            reason=reasons[0] if reasons else None,
            before=as_json(before) if before else None,
            after=as_json(after) if after else None,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            via=event.via,
        )

    return row


HISTORY_ROWS = Log(table="history", row=HistoryRow, rows={cls: _row(cls) for cls in CHANGES})

PROJECTION = Projection(name="history", version=1, sql=Path(__file__).with_suffix(".sql"), logs=(HISTORY_ROWS,))
