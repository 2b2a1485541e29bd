"""Commands on one contact, other than about its calls: profile, control, removal, and what policies command."""

from typing import ClassVar

from pydantic import Field

from drumbeat.aggregates.contact import control, enrolment
from drumbeat.aggregates.contact.address_claim import ADDRESS_CLAIM, claim_address, is_taken
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.profile import address_claim_id, read_profile
from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Plan, Run, require_version
from drumbeat.commands.on_contact import (
    OfContact,
    channels_of,
    load_terms,
    on_contact,
    own_contact,
    suppressed_keys,
)
from drumbeat.events import Fact
from drumbeat.events.values import Channel, Many, Priority


class ChangeProfile(OfContact):
    """Replace the whole of what is known of the person.

    Addresses are kept in one spelling; `country` (ISO 3166-1) is that of a phone number that names none.
    """

    NAME: ClassVar[str] = "change_profile"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"name", "phone", "email", "profile"})
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    email: str | None = None
    profile: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None
    priority: str = Priority.NORMAL
    tags: Many[str] = ()


class RemoveContact(OfContact):
    """Take a contact out of its campaign for ever."""

    NAME: ClassVar[str] = "remove_contact"
    reason: str


class PauseContact(OfContact):
    """Do nothing more with it until it is resumed."""

    NAME: ClassVar[str] = "pause_contact"
    reason: str = ""


class ResumeContact(OfContact):
    """End a pause by hand."""

    NAME: ClassVar[str] = "resume_contact"


class OptOutContact(OfContact):
    """Record that the person does not want to be contacted."""

    NAME: ClassVar[str] = "opt_out_contact"
    channel: Channel = Channel.PHONE


class RetryContact(OfContact):
    """Give a finished contact, or one whose retry lies ahead, one more attempt, due now."""

    NAME: ClassVar[str] = "retry_contact"


class RequestReminder(OfContact):
    """Remind a survey participant; nothing when there is nobody to remind."""

    NAME: ClassVar[str] = "request_reminder"


class FinishDue(OfContact):
    """The completion timeout passed; nothing when it did not, or no longer matters."""

    NAME: ClassVar[str] = "finish_due"


class FinishSuppressed(OfContact):
    """One of the contact's addresses may be suppressed; nothing when none that the campaign uses is."""

    NAME: ClassVar[str] = "finish_suppressed"


class FinishCampaignOver(OfContact):
    """The contact was enrolled while its campaign ended; nothing when the campaign is not over."""

    NAME: ClassVar[str] = "finish_campaign_over"


def _change_profile(command: ChangeProfile, run: Run) -> Done:
    read = read_profile(
        name=command.name,
        phone=command.phone,
        country=command.country,
        email=command.email,
        profile=command.profile,
        zone=command.zone,
        priority=command.priority,
        tags=command.tags,
        workspace_key=run.keys.key(run.principal.workspace_id),
    )
    claims = [address_claim_id(command.campaign_id, key.key) for key in read.address_keys]

    def plan() -> Plan:
        loaded = run.load(CONTACT, command.contact_id)
        require_version(CONTACT.name, loaded.version, command.expected_version)
        contact = own_contact(loaded.state, command)
        terms = load_terms(run, command.campaign_id)
        held = run.load_many(ADDRESS_CLAIM, claims) if terms.settings.unique_address and claims else {}
        taken = any(is_taken(claim.state, contact_id=command.contact_id) for claim in held.values())
        facts = enrolment.change_profile(
            contact,
            terms=terms,
            private=read.private,
            zone=read.zone,
            priority=read.priority,
            tags=read.tags,
            address_keys=read.address_keys,
            duplicate_address=taken,
        )
        campaign_id = command.campaign_id
        events = run.stamp(
            facts,
            stream_id=command.contact_id,
            version=loaded.version,
            campaign_id=campaign_id,
            person=None if contact is None else contact.person_id,
        )
        for claim_id, claim in held.items():
            claimed = claim_address(claim.state, contact_id=command.contact_id)
            events += run.stamp(claimed, stream_id=claim_id, version=claim.version, campaign_id=campaign_id)
        return Plan(command.contact_id, loaded.version + len(facts), events)

    return run.many(plan)


def _finish_suppressed(command: FinishSuppressed, run: Run) -> Done:
    def decide(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
        keys = () if contact is None else contact.keys(*channels_of(terms.kind))
        return control.finish_suppressed(contact, terms=terms) if suppressed_keys(run, keys) else ()

    return on_contact(decide)(command, run)


HANDLERS: dict[type[Command], Handler] = {
    ChangeProfile: _change_profile,
    RemoveContact: on_contact(enrolment.remove_contact),
    PauseContact: on_contact(control.pause_contact),
    ResumeContact: on_contact(control.resume_contact),
    OptOutContact: on_contact(control.opt_out),
    RetryContact: on_contact(control.retry_contact),
    RequestReminder: on_contact(control.request_reminder),
    FinishDue: on_contact(control.finish_due),
    FinishSuppressed: _finish_suppressed,
    FinishCampaignOver: on_contact(control.finish_campaign_over),
}
