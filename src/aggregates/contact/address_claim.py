"""Which contact of a campaign has an address: kept where the setting unique_address asks for it.

A stream of its own per campaign and address, so that two enrolments at once cannot both have it. A claim is for
good: contacts enrolled before the setting was made have none.
"""

from uuid import UUID

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.events import Event, Fact
from drumbeat.events.contact import ContactAddressClaimed


class Claim(msgspec.Struct, frozen=True):
    """The contact that has the address."""

    contact_id: UUID | None = None


def evolve(state: Claim | None, event: Event[Fact]) -> Claim:
    """The claim after one more event of its stream."""
    if isinstance(event.fact, ContactAddressClaimed):
        return Claim(event.fact.contact_id)
    return state or Claim()


def claim_address(state: Claim | None, *, contact_id: UUID) -> tuple[Fact, ...]:
    """Claim an address. Nothing when it is claimed; `is_taken` says whether by another."""
    free = state is None or state.contact_id is None
    return (ContactAddressClaimed(contact_id=contact_id),) if free else ()


def is_taken(state: Claim | None, *, contact_id: UUID) -> bool:
    """Whether another contact of the campaign has the address."""
    return state is not None and state.contact_id not in (None, contact_id)


ADDRESS_CLAIM: Aggregate[Claim] = Aggregate(name="address_claim", state_type=Claim, evolve=evolve)
