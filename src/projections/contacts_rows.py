"""The rows of a contact: the person (card) and how far the campaign is with them (state)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from drumbeat.events.labels import contact_label
from drumbeat.events.values import ContactStatus, ContactSubstatus, FinishOutcome, Vocabulary
from drumbeat.projections.engine import Row


class ContactCard(Row):
    """What is known of the person. Everything personal stands here and in no other row of the contact."""

    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    reference: str
    enrolled_at: datetime
    priority: str
    zone: str | None
    tags: str
    address_keys: str
    name: str | None
    phone: str | None
    email: str | None
    profile: str | None
    erased: bool
    position: int


class ContactState(Row):
    """How far the campaign is with the contact. Columns as contacts.sql explains them."""

    workspace_id: str
    campaign_id: UUID
    contact_id: UUID
    status: str
    substatus: str
    label: str
    paused_by_hand: bool
    open: bool
    removed: bool
    removed_reason: str | None
    attempts: int
    attempts_left: int | None
    in_flight: int | None
    lost_at: datetime | None
    retry_at: datetime | None
    completion_due_at: datetime | None
    conversations: int
    talk_time_seconds: int
    total_time_seconds: int
    last_called_at: datetime | None
    last_outcome: str | None
    durations: str
    evaluations: str | None
    goal_results: str | None
    position: int


def _standing(substatus: str, *, paused: bool) -> tuple[str, str, bool]:
    if substatus in FinishOutcome.__members__.values():
        status = ContactStatus.FINISHED
    elif paused:
        status = ContactStatus.PAUSED
    elif substatus == ContactSubstatus.QUEUED:
        status = ContactStatus.NOT_STARTED
    else:
        status = ContactStatus.IN_PROGRESS
    label = contact_label(Vocabulary.VOICE_AGENT, status, substatus)
    return status, label, status is not ContactStatus.FINISHED


_STANDING: Mapping[tuple[str, bool], tuple[str, str, bool]] = {
    (word, paused): _standing(word, paused=paused)
    for word in (*ContactSubstatus, *FinishOutcome)
    for paused in (False, True)
}


def stand(row: ContactState, substatus: str) -> None:
    """Put the contact at a substatus; status, label and openness follow from it."""
    row.substatus = substatus
    row.status, row.label, is_open = _STANDING[substatus, row.paused_by_hand]
    row.open = is_open and not row.removed


def is_over(row: ContactState) -> bool:
    """Finished or removed: reports still come in, and revive nobody."""
    return not row.open


def stand_unless_over(row: ContactState, substatus: str) -> None:
    """As `stand`, for what happens to a call that was in flight when the contact was finished or removed."""
    if row.open:
        stand(row, substatus)
