"""Who are the contacts of a campaign, and how far is it with each of them? (E-30, E-31)

Labels are voice_agent's, which kind call shares. A campaign's own pause is not written here: reads show it.
"""

from pathlib import Path
from typing import Any

from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryCancelled,
    ContactRetryScheduled,
)
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactFinished,
    ContactPaused,
    ContactProfileChanged,
    ContactRemoved,
    ContactReopened,
    ContactResumed,
)
from drumbeat.events.evaluations import ContactGoalEvaluated, ContactGoalEvaluationWithdrawn
from drumbeat.events.light import LightEvent
from drumbeat.events.values import AddressKey, ContactPrivate, ContactSubstatus
from drumbeat.projections import contacts_calls as calls
from drumbeat.projections import contacts_goals as goals
from drumbeat.projections.contacts_rows import ContactCard, ContactState, stand
from drumbeat.projections.engine import Entity, Projection, as_array, as_json


def card_made(_row: ContactCard | None, event: LightEvent[ContactEnrolled], at: int) -> ContactCard | None:
    """The person as enrolled."""
    data = event.data
    campaign_id = event.campaign_id
    if campaign_id is None:
        return None
    private = data.private
    return ContactCard(
        workspace_id=event.workspace_id,
        campaign_id=campaign_id,
        contact_id=event.stream_id,
        reference=data.reference,
        enrolled_at=event.time,
        priority=data.priority,
        zone=data.zone,
        tags=as_array(data.tags),
        address_keys=_keys(data.address_keys),
        name=private.name,
        phone=private.phone,
        email=private.email,
        profile=_profile(private),
        erased=False,
        position=at,
    )


def card_changed(row: ContactCard | None, event: LightEvent[ContactProfileChanged], at: int) -> ContactCard | None:
    """The person as known now; the event holds the whole of it."""
    if row is None:
        return None
    data, private = event.data, event.data.private
    row.priority, row.zone, row.tags = data.priority, data.zone, as_array(data.tags)
    row.address_keys = _keys(data.address_keys)
    row.name, row.phone, row.email, row.profile = private.name, private.phone, private.email, _profile(private)
    row.position = at
    return row


def _keys(keys: tuple[AddressKey, ...]) -> str:
    return as_array([key.key for key in keys])


def _profile(private: ContactPrivate) -> str | None:
    return as_json(private.profile) if private.profile else None


def enrolled(_row: ContactState | None, event: LightEvent[ContactEnrolled], at: int) -> ContactState | None:
    """Nothing was tried yet."""
    if event.campaign_id is None:
        return None
    row = ContactState(
        workspace_id=event.workspace_id,
        campaign_id=event.campaign_id,
        contact_id=event.stream_id,
        status="",
        substatus="",
        label="",
        paused_by_hand=False,
        open=True,
        removed=False,
        removed_reason=None,
        attempts=0,
        attempts_left=None,
        in_flight=None,
        lost_at=None,
        retry_at=None,
        completion_due_at=None,
        conversations=0,
        talk_time_seconds=0,
        total_time_seconds=0,
        last_called_at=None,
        last_outcome=None,
        durations="{}",
        evaluations=None,
        goal_results=None,
        position=at,
    )
    stand(row, ContactSubstatus.QUEUED.value)
    return row


def removed(row: ContactState | None, event: LightEvent[ContactRemoved], at: int) -> ContactState | None:
    """Out of every counter of contacts; the row stays, so that its calls can be told to be a removed one's."""
    if row is None:
        return None
    row.removed, row.removed_reason, row.open = True, event.data.reason, False
    row.paused_by_hand = False
    row.retry_at = row.completion_due_at = None
    row.position = at
    return row


def paused(row: ContactState | None, _event: LightEvent[ContactPaused], at: int) -> ContactState | None:
    """Paused by hand; the substatus stays beneath it."""
    return _paused(row, at, by_hand=True)


def resumed(row: ContactState | None, _event: LightEvent[ContactResumed], at: int) -> ContactState | None:
    """What was kept aside shows again."""
    return _paused(row, at, by_hand=False)


def _paused(row: ContactState | None, at: int, *, by_hand: bool) -> ContactState | None:
    if row is None:
        return None
    row.paused_by_hand = by_hand
    stand(row, row.substatus)
    row.position = at
    return row


def finished(row: ContactState | None, event: LightEvent[ContactFinished], at: int) -> ContactState | None:
    """Nothing more happens; a pause by hand ends with it."""
    if row is None or row.removed:
        return row
    row.paused_by_hand = False
    row.retry_at = row.completion_due_at = None
    stand(row, event.data.outcome)
    row.position = at
    return row


def reopened(row: ContactState | None, event: LightEvent[ContactReopened], at: int) -> ContactState | None:
    """Worked on again: a wait for a call back, or a retry that follows in the same append."""
    if row is None or row.removed:
        return row
    row.retry_at, row.completion_due_at = None, event.data.completion_due_at
    stand(row, ContactSubstatus.AWAITING_NEXT_STEP.value)
    row.position = at
    return row


CARDS: Entity[ContactCard] = Entity(
    table="contact_cards",
    row=ContactCard,
    key_columns=3,
    folds={ContactEnrolled: card_made, ContactProfileChanged: card_changed},
    begins_with=frozenset({ContactEnrolled}),
)

_FOLDS: dict[type[Any], Any] = {
    ContactEnrolled: enrolled,
    ContactRemoved: removed,
    ContactPaused: paused,
    ContactResumed: resumed,
    ContactFinished: finished,
    ContactReopened: reopened,
    ContactCallPlaced: calls.call_placed,
    ContactCallEnded: calls.call_ended,
    ContactCallReceived: calls.call_received,
    ContactCallOutcomeCorrected: calls.outcome_corrected,
    ContactRetryScheduled: calls.retry_scheduled,
    ContactRetryCancelled: calls.retry_cancelled,
    ContactGoalEvaluated: goals.goal_evaluated,
    ContactGoalEvaluationWithdrawn: goals.evaluation_withdrawn,
}

CONTACTS: Entity[ContactState] = Entity(
    table="contacts", row=ContactState, key_columns=3, folds=_FOLDS, begins_with=frozenset({ContactEnrolled})
)

PROJECTION = Projection(
    name="contacts", version=2, sql=Path(__file__).with_suffix(".sql"), entities=(CARDS, CONTACTS)
)
