"""The rows of calls and of what analyses found in them. Columns as attempts.sql explains them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from drumbeat.events.light import LightEvent
from drumbeat.events.values import Occurred
from drumbeat.projections.engine import Row


class Attempt(Row):
    """A call, placed or received."""

    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    call_no: int
    direction: str
    placed_position: int
    position: int
    sender_id: UUID | None = None
    settings_version: int | None = None
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None
    zone: str | None = None
    zone_source: str | None = None
    placed_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: str | None = None
    outcome: str | None = None
    answer_status: str | None = None
    conversation: bool = False
    duration_seconds: int | None = None
    callback_at: datetime | None = None
    permanent: bool = False
    detail: str | None = None
    corrected: bool = False
    conversation_id: UUID | None = None
    summary: str | None = None
    transcript_reference: str | None = None


class Answer(Row):
    """What one analysis found in one conversation; `value` is JSON."""

    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    conversation_id: UUID
    analysis_id: UUID
    value: str
    answered_at: datetime
    position: int


def new_attempt(
    event: LightEvent[Any], call_no: int, direction: str, occurred: Occurred | None, at: int
) -> Attempt:
    """A call's row with its place in time, as far as that is known."""
    assert event.campaign_id is not None, "the row's key has its campaign"
    row = Attempt(event.workspace_id, event.campaign_id, event.stream_id, call_no, direction, at, at)
    if occurred is not None:
        row.year, row.month, row.day = occurred.year, occurred.month, occurred.day
        row.weekday, row.hour, row.minute = occurred.weekday, occurred.hour, occurred.minute
        row.zone, row.zone_source = occurred.zone, occurred.zone_source
        row.placed_at = occurred.instant
    return row
