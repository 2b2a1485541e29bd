"""Commands on a person, whose contacts may be in many campaigns. The stream is a keyed hash of the reference."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.contact.enrolment import erase_contact
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.profile import opaque_reference
from drumbeat.aggregates.person import PERSON, erase_person
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.ledger import KnownPerson
from drumbeat.commands.loop import Plan, Run
from drumbeat.events import Event, Fact
from drumbeat.events.contact import ContactErased, ContactRemoved
from drumbeat.events.ids import contact_id, person_id


class ErasePerson(Command):
    """Forget a person: their key is destroyed, and with it everything that was sealed under it.

    They are removed from campaigns that are not over; do-not-contact lists keep their addresses as keyed hashes.
    `Done.results` says of how many `contacts` and that some were `removed`. Again, nothing happens. Raises
    `unknown_stream` when nobody was ever known under the reference.
    """

    NAME: ClassVar[str] = "erase_person"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"reference"})
    reference: str
    reason: str


def whom(run: Run, reference: str) -> tuple[str, UUID]:
    """The opaque reference and the person's id. Raises `out_of_range`."""
    workspace_key = run.keys.key(run.principal.workspace_id)
    opaque = opaque_reference(reference, workspace_key)
    return opaque, person_id(workspace_key, opaque)


def _erase(command: ErasePerson, run: Run) -> Done:
    reference, person = whom(run, command.reference)

    def plan(known: KnownPerson) -> Plan:
        loaded = run.load(PERSON, person)
        facts = erase_person(loaded.state, known=known.has_key, reason=command.reason)
        events = _of_contacts(run, known, reference)
        events += run.stamp(facts, stream_id=person, version=loaded.version, campaign_id=None)
        kinds = [type(event.fact) for event in events]
        told = {"contacts": kinds.count(ContactErased), "removed": kinds.count(ContactRemoved)}
        return Plan(person, loaded.version + len(facts), events, (told,))

    return run.erasing(person, plan)


def _of_contacts(run: Run, known: KnownPerson, reference: str) -> list[Event[Fact]]:
    if not known.campaigns:
        return []
    contacts: Mapping[UUID, UUID] = {contact_id(campaign, reference): campaign for campaign in known.campaigns}
    campaigns = run.load_many(CAMPAIGN, list(known.campaigns))
    events: list[Event[Fact]] = []
    for stream_id, contact in run.load_many(CONTACT, list(contacts)).items():
        campaign_id = contacts[stream_id]
        campaign = campaigns[campaign_id].state
        if campaign is not None:
            facts = erase_contact(contact.state, terms=terms_of(campaign, campaign_id))
            events += run.stamp(facts, stream_id=stream_id, version=contact.version, campaign_id=campaign_id)
    return events


HANDLERS: dict[type[Command], Handler] = {ErasePerson: _erase}
