"""Which calls were there, and what came of each? (C-09, E-10 … E-14)

One row a call: placed ones by their attempt, received ones by their place in the contact's stream. What an
analysis found is a row of `answers`, told by its conversation.
"""

from pathlib import Path
from typing import Any

from drumbeat.events.calls import (
    ContactCallConnected,
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
)
from drumbeat.events.evaluations import ContactAnalysisAnswered, ContactAnalysisAnswerWithdrawn
from drumbeat.events.light import LightEvent
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, CallPrivate
from drumbeat.projections.attempts_rows import Answer, Attempt, new_attempt
from drumbeat.projections.engine import Entity, Key, Projection, as_json

PLACED, RECEIVED = "placed", "received"


def placed(_row: Attempt | None, event: LightEvent[ContactCallPlaced], at: int) -> Attempt | None:
    """A call is in flight."""
    data = event.data
    row = new_attempt(event, data.attempt, PLACED, data.occurred, at)
    row.sender_id = data.sender_id
    row.settings_version = data.settings_version
    if data.occurred is None and data.lost_at is not None:  # history that does not say when has no `lost_at`
        row.placed_at = event.time
    return row


def received(_row: Attempt | None, event: LightEvent[ContactCallReceived], at: int) -> Attempt | None:
    """A conversation of its own: no attempt, no outcome, no answer status."""
    data = event.data
    row = new_attempt(event, -event.stream_version, RECEIVED, data.occurred, at)
    row.sender_id = data.sender_id
    row.conversation = True
    row.duration_seconds = data.duration_seconds
    row.conversation_id = data.conversation_id
    row.ended_at = event.time
    _told(row, data.private)
    return row


def connected(row: Attempt | None, event: LightEvent[ContactCallConnected], at: int) -> Attempt | None:
    """Somebody, or something, picked up."""
    if row is None:
        return None
    row.answered_by = event.data.answered_by
    row.position = at
    return row


def ended(row: Attempt | None, event: LightEvent[ContactCallEnded], at: int) -> Attempt | None:
    """The outcome as first reported."""
    if row is None:
        return None
    data = event.data
    _came_to(row, data.outcome)
    row.duration_seconds = data.duration_seconds
    row.callback_at = data.callback_at
    row.permanent = data.permanent
    row.detail = data.detail
    row.conversation_id = data.conversation_id
    if row.placed_at is not None:  # of a call whose day is not known, the end is not known either
        row.ended_at = event.time
    _told(row, data.private)
    row.position = at
    return row


def corrected(row: Attempt | None, event: LightEvent[ContactCallOutcomeCorrected], at: int) -> Attempt | None:
    """The outcome as it is now, with duration, callback and conversation; what was said goes with the latter."""
    if row is None:
        return None
    data = event.data
    _came_to(row, data.to)
    row.duration_seconds = data.duration_seconds
    row.callback_at = data.callback_at
    row.permanent = data.permanent
    row.detail = None
    if data.conversation_id != row.conversation_id:
        row.summary = row.transcript_reference = None
    row.conversation_id = data.conversation_id
    _told(row, data.private)
    row.corrected = True
    row.position = at
    return row


def _came_to(row: Attempt, outcome: CallOutcome) -> None:
    meaning = MEANING[outcome]
    row.outcome = outcome
    row.answer_status = meaning.answer_status
    row.conversation = meaning.conversation
    row.answered_by = None


def _told(row: Attempt, private: CallPrivate | None) -> None:
    if private is not None:
        row.summary, row.transcript_reference = private.summary, private.transcript_reference


def answered(_row: Answer | None, event: LightEvent[ContactAnalysisAnswered], at: int) -> Answer | None:
    """A new answer of the same analysis and conversation replaces the old."""
    data = event.data
    if event.campaign_id is None:
        return None
    return Answer(
        workspace_id=event.workspace_id,
        campaign_id=event.campaign_id,
        contact_id=event.stream_id,
        conversation_id=data.conversation_id,
        analysis_id=data.analysis_id,
        value=as_json(data.private.value),
        answered_at=event.time,
        position=at,
    )


def answer_withdrawn(
    _row: Answer | None, _event: LightEvent[ContactAnalysisAnswerWithdrawn], _at: int
) -> Answer | None:
    """The conversation never was."""
    return None


def _key_of_attempt(event: LightEvent[Any]) -> Key | None:
    campaign_id = event.campaign_id
    if campaign_id is None:
        return None
    return event.workspace_id, campaign_id.int, event.stream_id.int, event.data.attempt


def _key_of_received(event: LightEvent[ContactCallReceived]) -> Key | None:
    campaign_id = event.campaign_id
    if campaign_id is None:
        return None
    return event.workspace_id, campaign_id.int, event.stream_id.int, -event.stream_version


def _key_of_answer(event: LightEvent[Any]) -> Key | None:
    campaign_id, data = event.campaign_id, event.data
    if campaign_id is None:
        return None
    conversation, analysis = data.conversation_id.int, data.analysis_id.int
    return event.workspace_id, campaign_id.int, event.stream_id.int, conversation, analysis


_FOLDS: dict[type[Any], Any] = {
    ContactCallPlaced: placed,
    ContactCallConnected: connected,
    ContactCallEnded: ended,
    ContactCallReceived: received,
    ContactCallOutcomeCorrected: corrected,
}

ATTEMPTS: Entity[Attempt] = Entity(
    table="attempts",
    row=Attempt,
    key_columns=4,
    key_of=_key_of_attempt,
    keys={ContactCallReceived: _key_of_received},
    folds=_FOLDS,
    begins_with=frozenset({ContactCallPlaced, ContactCallReceived}),
)

ANSWERS: Entity[Answer] = Entity(
    table="answers",
    row=Answer,
    key_columns=5,
    key_of=_key_of_answer,
    folds={ContactAnalysisAnswered: answered, ContactAnalysisAnswerWithdrawn: answer_withdrawn},
)

PROJECTION = Projection(
    name="attempts", version=1, sql=Path(__file__).with_suffix(".sql"), entities=(ATTEMPTS, ANSWERS)
)
