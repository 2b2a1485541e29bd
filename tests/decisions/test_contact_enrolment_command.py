"""Enrolling many in one command: the same decision as for one, and no row spoils another."""

import json
from datetime import timedelta

from drumbeat.commands.campaign import CompleteCampaign, PauseCampaign
from drumbeat.commands.contacts import ChangeProfile, RemoveContact
from drumbeat.commands.enrolment import ROWS_AN_APPEND, EnrolContacts
from drumbeat.commands.suppressions import AddSuppression
from drumbeat.events.campaign import CampaignAudienceOpened
from drumbeat.events.contact import ContactEnrolled, ContactEnrolmentRefused
from drumbeat.events.values import Channel
from support.commanding import CAMPAIGN, World, contact, drafted, row, running
from support.sealing import sealed_bytes

MANY = EnrolContacts(campaign_id=CAMPAIGN, rows=tuple(row(n) for n in range(1, 2 * ROWS_AN_APPEND + 51)))


def outcomes(world: World, *rows: object) -> list[tuple[object, object]]:
    done = world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=rows))
    return [(result["result"], result.get("reason")) for result in done.results]


def test_thousands_are_enrolled_in_a_few_appends_and_the_same_again_adds_nothing() -> None:
    world = drafted()
    before = len(world.ledger.log)
    done = world.do(MANY)
    assert {result["result"] for result in done.results} == {"accepted"}
    assert len(done.results) == len(MANY.rows)
    assert len(world.ledger.log) == before + len(MANY.rows) + 1
    again = world.do(MANY)
    assert {result["result"] for result in again.results} == {"already_enrolled"}
    assert len(world.ledger.log) == before + len(MANY.rows) + 1
    assert done.results[0] == {
        "contact_id": str(contact(1)),
        "reference": "r-1",
        "result": "accepted",
    }


def test_under_one_key_the_same_command_gives_the_same_answer() -> None:
    world = drafted()
    done = world.do(MANY, key="upload-1")
    again = world.do(MANY, key="upload-1")
    assert (again.results, again.repeated, done.repeated) == (done.results, True, False)
    world.refused(EnrolContacts(campaign_id=CAMPAIGN, rows=(row(1),)), "idempotency_key_reused", key="upload-1")


def test_the_audience_is_opened_once_and_together_with_the_first_enrolment() -> None:
    world = drafted()
    world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=(row(1, zone="Nowhere"),)))
    assert CampaignAudienceOpened() not in world.facts(CAMPAIGN)
    world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=(row(1), row(2))))
    world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=(row(3),)))
    last = [type(event.fact) for event in world.ledger.log[-4:]]
    assert last == [CampaignAudienceOpened, ContactEnrolled, ContactEnrolled, ContactEnrolled]
    assert world.facts(CAMPAIGN).count(CampaignAudienceOpened()) == 1


def test_a_refused_row_says_why_and_the_others_go_on() -> None:
    world = drafted()
    rows = (
        row(1, zone="Mars/Base"),
        row(2, priority="urgent"),
        row(3, tags=("x" * 101,)),
        row(4, phone="call me"),
        row(5, email="nobody"),
        row(6, name="x" * 501),
        row(7, reference=" "),
        row(8, profile={"": "x"}),
        row(9, tags=tuple(str(n) for n in range(51))),
        row(10),
    )
    done = world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=rows))
    at_fault = [(result["result"], result.get("field")) for result in done.results]
    assert at_fault == [
        ("refused", "zone"),
        ("refused", "priority"),
        ("refused", "tags"),
        ("refused", "phone"),
        ("refused", "email"),
        ("refused", "name"),
        ("refused", "reference"),
        ("refused", "profile"),
        ("refused", "tags"),
        ("accepted", None),
    ]
    assert all(result["allowed"] for result in done.results[:-1])
    assert "call me" not in json.dumps(done.results)
    assert done.results[0]["value"] == "Mars/Base"


def test_one_reference_twice_in_a_command_is_one_contact() -> None:
    assert outcomes(drafted(), row(1), row(1, name="Ada again")) == [
        ("accepted", None),
        ("already_enrolled", None),
    ]


def test_a_reference_that_is_a_number_or_a_mailbox_is_replaced_by_its_keyed_hash() -> None:
    world = drafted()
    rows = (
        row(1, reference="+351 91 000 00 01"),
        row(2, reference="00351910000001"),
        row(3, reference="Ada@Example.org"),
        row(4, reference="CRM-0042"),
        row(5, reference="10045"),
    )
    done = world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=rows))
    references = [result["reference"] for result in done.results]
    assert done.results[1]["result"] == "already_enrolled"
    assert references[3:] == ["CRM-0042", "10045"]
    assert all(len(reference) == 64 for reference in references[:3])
    outside = [json.loads(sealed_bytes(event)) for event in world.ledger.log]
    for document in outside:
        document["data"].pop("private", None)
    told = json.dumps([d for d in outside if d["type"] == "contact.enrolled.v1"])
    assert "910000001" not in told
    assert "xample.org" not in told


def test_the_removed_and_the_suppressed_are_refused_and_that_is_recorded_once() -> None:
    world = running()
    world.do(RemoveContact(campaign_id=CAMPAIGN, contact_id=contact(1), reason="asked to"))
    world.do(AddSuppression(channel=Channel.PHONE, address="+351910000002", reason="asked to"))
    expected = [("refused", "removed"), ("refused", "suppressed"), ("accepted", None)]
    assert outcomes(world, row(1), row(2), row(3)) == expected
    assert outcomes(world, row(1), row(2)) == expected[:2]
    assert world.facts(contact(2)) == [ContactEnrolmentRefused(reason="suppressed")]


def test_nobody_is_enrolled_once_a_campaign_is_finalizing() -> None:
    world = running()
    world.do(CompleteCampaign(campaign_id=CAMPAIGN))
    assert outcomes(world, row(1), row(2)) == [("already_enrolled", None), ("refused", "campaign_over")]


def test_contacts_can_be_added_to_a_paused_campaign() -> None:
    world = running()
    world.do(PauseCampaign(campaign_id=CAMPAIGN))
    assert outcomes(world, row(2)) == [("accepted", None)]


def test_equal_addresses_are_two_contacts_unless_the_campaign_wants_them_unique() -> None:
    same = (row(1, phone="+351910000001"), row(2, phone="+351 910 000 001"))
    assert outcomes(drafted(), *same) == [("accepted", None), ("accepted", None)]
    strict = drafted(unique_address=True)
    assert outcomes(strict, *same) == [("accepted", None), ("refused", "duplicate_address")]
    assert outcomes(strict, row(3, phone="00351910000001")) == [("refused", "duplicate_address")]
    assert outcomes(strict, same[0], row(4)) == [("already_enrolled", None), ("accepted", None)]
    strict.refused(
        ChangeProfile(campaign_id=CAMPAIGN, contact_id=contact(4), phone="+351910000001"), "duplicate_address"
    )
    strict.do(ChangeProfile(campaign_id=CAMPAIGN, contact_id=contact(4), phone="+351910009999"))
    assert outcomes(strict, row(5, phone="+351910009999")) == [("refused", "duplicate_address")]


def test_another_workspaces_campaign_is_not_there() -> None:
    world = drafted()
    world.elsewhere().refused(EnrolContacts(campaign_id=CAMPAIGN, rows=(row(1),)), "unknown_stream")


def test_an_empty_command_does_nothing() -> None:
    world = drafted()
    world.now += timedelta(hours=1)
    done = world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=()))
    assert (done.facts, done.results) == ((), ())
