"""Becoming a contact of a campaign, and no longer being one."""

from uuid import UUID

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.state import Contact, Removed, RetryScheduled
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import required_text
from drumbeat.events import Fact
from drumbeat.events.calls import ContactRetryCancelled
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactEnrolmentRefused,
    ContactErased,
    ContactProfileChanged,
    ContactRemoved,
)
from drumbeat.events.values import AddressKey, CampaignSource, ContactPrivate, Priority


class EnrolmentRefused(Refused):
    """An enrolment was turned away. `facts` are to be recorded: none when this reason is on record already."""

    def __init__(self, code: RefusalCode, message: str, facts: tuple[Fact, ...]) -> None:
        super().__init__(code, message)
        self.facts = facts


def enrol(
    contact: Contact | None,
    *,
    terms: Terms,
    reference: str,
    private: ContactPrivate,
    zone: str | None = None,
    priority: Priority = Priority.NORMAL,
    tags: tuple[str, ...] = (),
    address_keys: tuple[AddressKey, ...] = (),
    copied_from: UUID | None = None,
    suppressed: bool = False,
    duplicate_address: bool = False,
) -> tuple[Fact, ...]:
    """Make somebody a contact. Nothing when the reference is enrolled already.

    `suppressed`: an address that this campaign would use is on a do-not-contact list. `duplicate_address`: another
    contact of this campaign has one of the addresses (asked only under the setting unique_address). Raises
    `EnrolmentRefused`, whose facts the caller records. History is enrolled whatever the lists say.
    """
    guards.not_deleted(terms)
    history = terms.source is CampaignSource.IMPORT
    if history and not terms.importing:
        guards.not_an_import(terms)
    if contact is not None and contact.enrolled:
        if not isinstance(contact.stage, Removed) and not contact.erased:
            return ()
        raise _turned_away(contact, RefusalCode.REMOVED, "a removed contact is never added again")
    if terms.status not in guards.UNDER_WAY:
        raise _turned_away(contact, RefusalCode.CAMPAIGN_OVER, f"the campaign is {terms.status}")
    if suppressed and not history:
        raise _turned_away(contact, RefusalCode.SUPPRESSED, "the address is on a do-not-contact list")
    if duplicate_address and terms.settings.unique_address and not history:
        raise _turned_away(contact, RefusalCode.DUPLICATE_ADDRESS, "another contact has this address")
    enrolled = ContactEnrolled(
        reference=reference,
        zone=zone,
        priority=priority,
        tags=tags,
        source=terms.source,
        copied_from=copied_from,
        address_keys=address_keys,
        private=private,
    )
    return (enrolled,)


def _turned_away(contact: Contact | None, code: RefusalCode, message: str) -> EnrolmentRefused:
    recorded = contact is not None and code in contact.refusals
    facts: tuple[Fact, ...] = () if recorded else (ContactEnrolmentRefused(reason=code),)
    return EnrolmentRefused(code, message, facts)


def change_profile(
    contact: Contact | None,
    *,
    terms: Terms,
    private: ContactPrivate,
    zone: str | None = None,
    priority: Priority,
    tags: tuple[str, ...] = (),
    address_keys: tuple[AddressKey, ...] = (),
    duplicate_address: bool = False,
) -> tuple[Fact, ...]:
    """Replace the whole of what is known of the person. The state holds none of it, so nothing is compared."""
    guards.not_deleted(terms)
    guards.not_removed(contact)
    if duplicate_address and terms.settings.unique_address:
        raise Refused(RefusalCode.DUPLICATE_ADDRESS, "another contact of this campaign has this address")
    changed = ContactProfileChanged(
        zone=zone, priority=priority, tags=tags, address_keys=address_keys, private=private
    )
    return (changed,)


def remove_contact(contact: Contact | None, *, terms: Terms, reason: str) -> tuple[Fact, ...]:
    """Take a contact out for ever: out of every contact counter, its attempts stay. A reason is required."""
    guards.not_deleted(terms)
    known = guards.enrolled(contact)
    if isinstance(known.stage, Removed):
        return ()
    return *cancelling(known, "removed"), ContactRemoved(reason=required_text("reason", reason))


def erase_contact(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """Forget the person behind a contact; nothing when there is none, or when it was done.

    Where the campaign is not over, the contact is removed from it first.
    """
    if contact is None or not contact.enrolled or contact.erased:
        return ()
    if terms.status in guards.OVER or isinstance(contact.stage, Removed):
        return (ContactErased(),)
    return *cancelling(contact, "removed"), ContactRemoved(reason="erased"), ContactErased()


def cancelling(contact: Contact, reason: str) -> tuple[Fact, ...]:
    """The end of a pending retry, when there is one."""
    return (ContactRetryCancelled(reason=reason),) if isinstance(contact.stage, RetryScheduled) else ()
