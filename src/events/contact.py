"""Facts of a contact in a campaign: enrolment, control and end. Calls and goals have files of their own."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.events.values import (
    AddressKey,
    CampaignSource,
    Channel,
    ContactPrivate,
    FinishOutcome,
    Priority,
)


class ContactEnrolled(Fact):
    """A person became a contact of a campaign. `reference` is the workspace's opaque id of the person.

    `copied_from`: the campaign among whose contacts the person was found.
    """

    TYPE: ClassVar[str] = "contact.enrolled.v1"
    reference: str
    zone: str | None = None
    priority: Priority = Priority.NORMAL
    tags: tuple[str, ...] = ()
    source: CampaignSource
    copied_from: UUID | None = None
    address_keys: tuple[AddressKey, ...] = ()
    private: ContactPrivate


class ContactEnrolmentRefused(Fact):
    """An enrolment was turned away; recorded once per contact and reason."""

    TYPE: ClassVar[str] = "contact.enrolment_refused.v1"
    reason: str


class ContactAddressClaimed(Fact):
    """An address belongs to one contact of a campaign (setting unique_address).

    It stands in a stream of its own per campaign and address, not in the contact's.
    """

    TYPE: ClassVar[str] = "contact.address_claimed.v1"
    contact_id: UUID


class ContactProfileChanged(Fact):
    """What is known of the person changed; the whole of it as it is now."""

    TYPE: ClassVar[str] = "contact.profile_changed.v1"
    zone: str | None = None
    priority: Priority
    tags: tuple[str, ...] = ()
    address_keys: tuple[AddressKey, ...] = ()
    private: ContactPrivate


class ContactRemoved(Fact):
    """Taken out of the campaign for ever (B-36)."""

    TYPE: ClassVar[str] = "contact.removed.v1"
    reason: str


class ContactErased(Fact):
    """The person was erased: nothing personal of this contact is readable any more, and nothing will be added."""

    TYPE: ClassVar[str] = "contact.erased.v1"


class ContactPaused(Fact):
    """Paused by hand."""

    TYPE: ClassVar[str] = "contact.paused.v1"
    reason: str = ""


class ContactResumed(Fact):
    """No longer paused by hand."""

    TYPE: ClassVar[str] = "contact.resumed.v1"


class ContactOptedOut(Fact):
    """The person does not want to be contacted."""

    TYPE: ClassVar[str] = "contact.opted_out.v1"
    channel: Channel


class ContactFinished(Fact):
    """Nothing more happens to this contact unless it is reopened; a pause by hand ends with it.

    A finished contact can be finished again with another outcome, when a correction or a late call changes it.
    """

    TYPE: ClassVar[str] = "contact.finished.v1"
    outcome: FinishOutcome


class ContactReopened(Fact):
    """A finished contact, or one whose retry is pending, is worked on again from here.

    `extra_attempts` are allowed beyond the limit: at least one on a person's command, none when a correction left
    something to retry, or a wait for a call back: then `completion_due_at` is its end.
    """

    TYPE: ClassVar[str] = "contact.reopened.v1"
    extra_attempts: int = 0
    completion_due_at: datetime | None = None


class ContactReminderRequested(Fact):
    """A survey participant who has not responded is to be reminded (A-44)."""

    TYPE: ClassVar[str] = "contact.reminder_requested.v1"
