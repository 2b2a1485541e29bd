"""From a command on one contact to its decision, with the facts of other streams that the decision asks for."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.campaign.launching import open_audience
from drumbeat.aggregates.campaign.state import Campaign, Paused
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.guards import CALLING
from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.sender import SENDER, Connected
from drumbeat.aggregates.suppression import SUPPRESSION, is_suppressed
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Decision, Handler
from drumbeat.commands.loop import Run, unknown
from drumbeat.events import Event, Fact
from drumbeat.events.contact import ContactReopened
from drumbeat.events.values import CampaignKind, Channel

Results = Callable[[Sequence[Fact]], tuple[dict[str, Any], ...]]


class OfContact(Command):
    """The base of commands on one contact of a campaign.

    With `expected_version` the command is refused `stale_version` when the contact's stream stands at another one.
    """

    campaign_id: UUID
    contact_id: UUID
    expected_version: int | None = None


_OWN_FIELDS = frozenset(OfContact.model_fields)


def on_contact(decide: Decision, *, asks: Decision | None = None, results: Results = lambda _facts: ()) -> Handler:
    """The handler of an `OfContact` whose other fields are named like the decision's arguments.

    A decision that takes `terms`, `suppressed`, `sender_connected` or `now` is given them: the campaign, the lists
    and the sender are loaded anew with every try, and not locked. `asks` is the decision behind `decide` where
    that one only rearranges arguments.
    """
    wanted = frozenset(inspect.signature(asks or decide).parameters)

    def handle(command: OfContact, run: Run) -> Done:
        wishes = {name: getattr(command, name) for name in type(command).model_fields if name not in _OWN_FIELDS}
        also: list[tuple[Aggregate[Any], UUID]] = [(CAMPAIGN, command.campaign_id)] if "terms" in wanted else []
        if "sender_connected" in wanted and wishes["sender_id"] is not None:
            also.append((SENDER, wishes["sender_id"]))

        def decide_now(contact: Contact | None, *others: Any) -> tuple[Fact, ...]:
            own = own_contact(contact, command)
            return decide(own, **wishes, **_known(wanted, own, others, command.campaign_id, run))

        return run.one(
            CONTACT,
            command.contact_id,
            decide_now,
            also=also,
            campaign_id=command.campaign_id,
            expected_version=command.expected_version,
            results=results,
            beside=lambda facts: _audience_opened_again(run, command.campaign_id, facts),
        )

    return handle


def _audience_opened_again(run: Run, campaign_id: UUID, facts: Sequence[Fact]) -> Sequence[Event[Fact]]:
    # A paused campaign may have noted that its audience was processed; with a contact reopened it no longer is,
    # and resuming must not lead to finalizing.
    if not any(isinstance(fact, ContactReopened) for fact in facts):
        return ()
    campaign = run.load(CAMPAIGN, campaign_id)
    if not isinstance(campaign.state, Paused):
        return ()
    opened = open_audience(campaign.state)
    return run.stamp(opened, stream_id=campaign_id, version=campaign.version, campaign_id=campaign_id)


def own_contact(contact: Contact | None, command: OfContact) -> Contact | None:
    """The contact, when it is one of the command's campaign. Raises `unknown_stream` otherwise."""
    if contact is not None and contact.campaign_id != command.campaign_id:
        raise unknown("contact", command.contact_id)
    return contact


def load_terms(run: Run, campaign_id: UUID) -> Terms:
    """The campaign as its contacts' decisions see it; also a deleted one, for late reports."""
    return terms_for(run.load(CAMPAIGN, campaign_id).state, campaign_id)


def terms_for(campaign: Campaign | None, campaign_id: UUID) -> Terms:
    """The same of a campaign that was loaded. Raises `unknown_stream` when there is none."""
    if campaign is None:
        raise unknown("campaign", campaign_id)
    return terms_of(campaign, campaign_id)


def channels_of(kind: CampaignKind) -> tuple[Channel, ...]:
    """The channels whose do-not-contact lists bind a campaign of this kind; none named: every channel's."""
    return (Channel.PHONE,) if kind in CALLING else ()


def suppressed_keys(run: Run, keys: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these addresses are on a do-not-contact list now."""
    if not keys:
        return frozenset()
    loaded = run.load_many(SUPPRESSION, list(dict.fromkeys(keys)))
    return frozenset(key for key, suppression in loaded.items() if is_suppressed(suppression.state))


def _known(
    wanted: frozenset[str], contact: Contact | None, others: Sequence[Any], campaign_id: UUID, run: Run
) -> dict[str, Any]:
    """What a decision wants to know beside its wishes; `others`: the campaign, and the sender if one is named."""
    known: dict[str, Any] = {}
    if "now" in wanted:
        known["now"] = run.now
    if "terms" not in wanted:
        return known
    campaign, *sender = others
    terms = known["terms"] = terms_for(campaign, campaign_id)
    if "suppressed" in wanted:
        keys = () if contact is None else contact.keys(*channels_of(terms.kind))
        lists = run.load_together(*((SUPPRESSION, key) for key in keys)) if keys else []
        known["suppressed"] = any(is_suppressed(one.state) for one in lists)
    if "sender_connected" in wanted:
        known["sender_connected"] = all(isinstance(one, Connected) for one in sender)
    return known
