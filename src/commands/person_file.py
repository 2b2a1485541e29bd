"""Everything that is known of a person, gathered from the streams of their contacts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.person import PERSON
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.suppression import SUPPRESSION, is_suppressed
from drumbeat.commands.ledger import Recorded
from drumbeat.commands.loop import Run
from drumbeat.commands.people import whom
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallOutcomeCorrected, ContactCallReceived
from drumbeat.events.contact import ContactEnrolled, ContactProfileChanged
from drumbeat.events.evaluations import ContactAnalysisAnswered
from drumbeat.events.ids import contact_id
from drumbeat.events.values import AddressKey

_CALLS = (ContactCallEnded, ContactCallReceived, ContactCallOutcomeCorrected)
_PROFILES = (ContactEnrolled, ContactProfileChanged)


def person_file(run: Run, reference: str) -> dict[str, Any]:
    """The person as JSON: contacts with profile, calls, answers and everything that happened, oldest first.

    A person who was erased has the times of that, and what came after. Raises `unknown_stream` when nobody was
    ever known under the reference, `out_of_range` for one that cannot be.
    """
    opaque, person = whom(run, reference)
    known = run.ledger.known_person(person)
    history = run.ledger.read_stream(run.principal.workspace_id, person)
    if not known.has_key and not history:
        raise Refused(RefusalCode.UNKNOWN_STREAM, f"there is no such {PERSON.name}", field="reference")
    found = [_contact(run, campaign_id, contact_id(campaign_id, opaque)) for campaign_id in known.campaigns]
    return {
        "person_id": str(person),
        "reference": opaque,
        "erasures": [_entry(one) for one in history],
        "contacts": [contact for contact in found if contact is not None],
    }


def _contact(run: Run, campaign_id: UUID, stream_id: UUID) -> dict[str, Any] | None:
    stream = run.ledger.read_stream(run.principal.workspace_id, stream_id)
    facts = [one.event.fact for one in stream]
    profiles = [fact for fact in facts if isinstance(fact, _PROFILES)]
    if not profiles:
        return None  # an enrolment that was never written, or was refused
    campaign = run.load(CAMPAIGN, campaign_id).state
    return {
        "campaign_id": str(campaign_id),
        "campaign": None if campaign is None else campaign.core.name,
        "contact_id": str(stream_id),
        "profile": _data(profiles[-1]) | _private(profiles[-1]),
        "addresses": _addresses(run, profiles[-1].address_keys),
        "calls": [_told(one) for one in stream if isinstance(one.event.fact, _CALLS)],
        "answers": [_told(one) for one in stream if isinstance(one.event.fact, ContactAnalysisAnswered)],
        "activity": [_entry(one) for one in stream],
    }


def _addresses(run: Run, keys: Sequence[AddressKey]) -> list[dict[str, Any]]:
    lists = run.load_many(SUPPRESSION, [one.key for one in keys]) if keys else {}
    return [
        {"channel": one.channel.value, "key": str(one.key), "suppressed": is_suppressed(lists[one.key].state)}
        for one in keys
    ]


def _entry(one: Recorded) -> dict[str, Any]:
    event = one.event
    return {
        "position": one.position,
        "time": event.time.isoformat(),
        "type": event.fact.TYPE,
        "actor": event.actor,
        "cause": event.cause.value,
        "data": _data(event.fact),
    }


def _told(one: Recorded) -> dict[str, Any]:
    event = one.event
    named = {"time": event.time.isoformat(), "type": event.fact.TYPE}
    return named | _data(event.fact) | _private(event.fact)


def _data(fact: Fact) -> dict[str, Any]:
    return fact.model_dump(mode="json", exclude_none=True, exclude={"private"})


def _private(fact: Fact) -> dict[str, Any]:
    private = getattr(fact, "private", None)
    return {} if private is None else private.model_dump(mode="json", exclude_none=True)
