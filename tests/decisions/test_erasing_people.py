"""Erasing a person: out of what still runs, forgotten everywhere, and nothing personal is added afterwards."""

from uuid import uuid4

import pytest

from drumbeat.aggregates.contact import control, enrolment
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.person import PERSON, erase_person
from drumbeat.aggregates.refusals import RefusalCode
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import CompleteCampaign, DraftCampaign
from drumbeat.commands.contacts import ChangeProfile
from drumbeat.commands.enrolment import EnrolContacts
from drumbeat.commands.people import ErasePerson
from drumbeat.commands.suppressions import AddSuppression
from drumbeat.events.calls import ContactCallEnded, ContactRetryCancelled
from drumbeat.events.contact import ContactEnrolled, ContactErased, ContactRemoved
from drumbeat.events.person import PersonErased
from drumbeat.events.private import Withheld
from drumbeat.events.values import CallOutcome, CampaignKind, CampaignStatus, Channel, ContactPrivate
from support.commanding import CAMPAIGN, SENDER, contact, running
from support.contacts import enrolled, terms
from support.given import NOW, given

ERASE = ErasePerson(reference="r-1", reason="asked to be forgotten")


@pytest.mark.parametrize("status", sorted(CampaignStatus))
def test_a_contact_is_removed_unless_its_campaign_is_over_and_forgotten_always(
    status: CampaignStatus,
) -> None:
    over = {CampaignStatus.COMPLETED, CampaignStatus.CANCELLED, CampaignStatus.ARCHIVED, CampaignStatus.DELETED}
    removed = () if status in over else (ContactRemoved(reason="erased"),)
    given(CONTACT, enrolled()).when(enrolment.erase_contact, terms=terms(status=status)).then(
        *removed, ContactErased()
    )


def test_an_erased_contact_is_erased_once_and_nobody_is_behind_a_stream_of_refusals() -> None:
    given(CONTACT, enrolled(), ContactErased()).when(enrolment.erase_contact, terms=terms()).then_nothing()
    given(CONTACT).when(enrolment.erase_contact, terms=terms()).then_nothing()


def test_nobody_adds_to_an_erased_contact_and_its_calls_are_still_reported_without_what_was_said() -> None:
    world = running()
    world.do(PlaceCall(campaign_id=CAMPAIGN, contact_id=contact(), sender_id=SENDER))
    world.do(ERASE)
    world.refused(ChangeProfile(campaign_id=CAMPAIGN, contact_id=contact(), name="Ada"), RefusalCode.REMOVED)
    world.do(
        EndCall(
            campaign_id=CAMPAIGN,
            contact_id=contact(),
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=9,
            conversation_id=uuid4(),
            summary="Ada wants a letter",
        )
    )
    ended = world.facts(contact())[-1]
    assert isinstance(ended, ContactCallEnded)
    assert ended.private is None
    answer = world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=({"reference": "r-1"},)))
    assert answer.results[0]["reason"] == RefusalCode.REMOVED


def test_an_erased_contact_of_a_campaign_that_is_over_stays_what_it_was_and_is_not_worked_on_again() -> None:
    erased = given(CONTACT, enrolled(), ContactErased())
    erased.when(control.retry_contact, terms=terms(), suppressed=False, now=NOW).then_refused(RefusalCode.REMOVED)
    erased.when(enrolment.enrol, terms=terms(), reference="r-1", private=ContactPrivate()).then_refused(
        RefusalCode.REMOVED
    )


def test_a_person_is_erased_once_until_there_is_something_to_erase_again() -> None:
    erased = PersonErased(reason="asked")
    given(PERSON).when(erase_person, known=True, reason="asked").then(erased)
    given(PERSON, erased).when(erase_person, known=False, reason="again").then_nothing()
    given(PERSON, erased).when(erase_person, known=True, reason="again").then(PersonErased(reason="again"))
    given(PERSON).when(erase_person, known=False, reason="asked").then_refused(RefusalCode.UNKNOWN_STREAM)
    given(PERSON).when(erase_person, known=True, reason=" ").then_refused(RefusalCode.OUT_OF_RANGE, field="reason")


def test_erasing_reaches_every_campaign_and_leaves_everybody_else_alone() -> None:
    world = running(contacts=2)
    other = uuid4()
    world.do(DraftCampaign(campaign_id=other, kind=CampaignKind.VOICE_AGENT, name="Autumn"))
    world.do(EnrolContacts(campaign_id=other, rows=({"reference": "r-1", "name": "Ada"},)))
    done = world.do(ERASE)
    assert done.results == ({"contacts": 2, "removed": 2},)
    erased = [event for event in world.ledger.log if isinstance(event.fact, ContactErased)]
    assert {event.campaign_id for event in erased} == {CAMPAIGN, other}
    assert world.facts(done.stream_id) == [PersonErased(reason="asked to be forgotten")]
    (still_there,) = [fact for fact in world.facts(contact(2)) if isinstance(fact, ContactEnrolled)]
    assert still_there.private.phone is not None
    opened = world.ledger.read_stream("default", contact())[0].event.fact
    assert isinstance(opened, ContactEnrolled)
    assert opened.private.withheld is Withheld.ERASED


def test_erasing_again_does_nothing_and_erasing_the_unknown_is_refused() -> None:
    world = running()
    done = world.do(ERASE, key="once")
    assert world.do(ERASE, key="once").repeated
    again = world.do(ERASE)
    assert (again.facts, again.stream_id) == ((), done.stream_id)
    world.refused(ErasePerson(reference="nobody", reason="asked"), RefusalCode.UNKNOWN_STREAM)
    world.elsewhere().refused(ERASE, RefusalCode.UNKNOWN_STREAM)


def test_the_same_reference_enrolled_later_is_a_new_beginning() -> None:
    world = running()
    world.do(ERASE)
    later = uuid4()
    world.do(DraftCampaign(campaign_id=later, kind=CampaignKind.VOICE_AGENT, name="Autumn"))
    world.do(EnrolContacts(campaign_id=later, rows=({"reference": "r-1", "name": "Ada again"},)))
    new = world.ledger.log[-1].fact
    assert isinstance(new, ContactEnrolled)
    assert new.private.name == "Ada again"
    assert world.do(ERASE).results == ({"contacts": 1, "removed": 1},)


def test_do_not_contact_lists_survive_an_erasure() -> None:
    world = running()
    world.do(AddSuppression(channel=Channel.PHONE, address="+351910000001", reason="asked"))
    world.do(ERASE)
    later = uuid4()
    world.do(DraftCampaign(campaign_id=later, kind=CampaignKind.VOICE_AGENT, name="Autumn"))
    row = {"reference": "r-1", "phone": "+351910000001"}
    answer = world.do(EnrolContacts(campaign_id=later, rows=(row,)))
    assert answer.results[0]["reason"] == RefusalCode.SUPPRESSED


def test_a_reference_that_is_a_phone_number_is_found_in_any_spelling() -> None:
    world = running()
    world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=({"reference": "+351 912 345 678", "name": "Ada"},)))
    assert world.do(ErasePerson(reference="+351-912-345-678", reason="asked")).results[0]["contacts"] == 1
    assert "912345678" not in repr([(event.fact, event.stream_id) for event in world.ledger.log])


def test_a_pending_retry_ends_with_the_removal() -> None:
    from drumbeat.events.calls import ContactCallPlaced, ContactRetryScheduled

    waiting = given(
        CONTACT,
        enrolled(),
        ContactCallPlaced(attempt=1, settings_version=1),
        ContactCallEnded(attempt=1, outcome=CallOutcome.NO_ANSWER),
        ContactRetryScheduled(retry_at=NOW, attempts_left=1),
    )
    waiting.when(enrolment.erase_contact, terms=terms()).then(
        ContactRetryCancelled(reason="removed"), ContactRemoved(reason="erased"), ContactErased()
    )


def test_everything_known_of_a_person_is_told_and_after_an_erasure_when_that_was() -> None:
    world = running()
    world.do(PlaceCall(campaign_id=CAMPAIGN, contact_id=contact(), sender_id=SENDER))
    world.do(
        EndCall(
            campaign_id=CAMPAIGN,
            contact_id=contact(),
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=9,
            conversation_id=uuid4(),
            summary="wants a letter",
        )
    )
    world.do(AddSuppression(channel=Channel.PHONE, address="+351910000001", reason="asked"))
    told = world.commands.person("r-1", world.who, now=world.now)
    [found] = told["contacts"]
    assert found["campaign"] == "Spring"
    assert found["profile"]["phone"] == "+351910000001"
    assert [call["summary"] for call in found["calls"]] == ["wants a letter"]
    assert [(one["channel"], one["suppressed"]) for one in found["addresses"]] == [("phone", True)]
    assert [one["type"].split(".")[1] for one in found["activity"]][:3] == [
        "enrolled",
        "call_placed",
        "call_ended",
    ]
    world.do(ERASE)
    told = world.commands.person("r-1", world.who, now=world.now)
    assert told["contacts"] == []
    assert [one["data"]["reason"] for one in told["erasures"]] == ["asked to be forgotten"]


def test_completed_campaigns_keep_their_contacts_counted() -> None:
    world = running()
    world.do(CompleteCampaign(campaign_id=CAMPAIGN))
    world.do(ERASE)
    kinds = [type(fact) for fact in world.facts(contact())]
    assert kinds[-1] is ContactErased
