"""Enrolment, removal and profile of a contact."""

import pytest

from drumbeat.aggregates.contact.enrolment import EnrolmentRefused, change_profile, enrol, remove_contact
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.events.calls import ContactRetryCancelled
from drumbeat.events.contact import (
    ContactEnrolled,
    ContactEnrolmentRefused,
    ContactProfileChanged,
    ContactRemoved,
)
from drumbeat.events.values import (
    AddressKey,
    CallOutcome,
    CampaignSource,
    CampaignStatus,
    Channel,
    ContactPrivate,
    Priority,
)
from support.contacts import IMPORT, RUNNING, ended, enrolled, no_answers, placed, terms
from support.given import given, uid

PHONE = AddressKey(channel=Channel.PHONE, key=uid("phone"))
ADA = ContactPrivate(name="Ada", phone="+351910000000")
WISH = {"reference": "r-1", "private": ADA}
UNDER_WAY = ("draft", "scheduled", "launching", "running", "paused")


@pytest.mark.parametrize("status", UNDER_WAY)
def test_contacts_are_enrolled_from_draft_to_paused(status: str) -> None:
    given(CONTACT).when(
        enrol,
        terms=terms(CampaignStatus(status)),
        **WISH,
        zone="Europe/Lisbon",
        priority=Priority.HIGH,
        tags=("vip",),
        address_keys=(PHONE,),
    ).then(
        ContactEnrolled(
            reference="r-1",
            zone="Europe/Lisbon",
            priority=Priority.HIGH,
            tags=("vip",),
            source=CampaignSource.API,
            address_keys=(PHONE,),
            private=ADA,
        )
    )


def test_the_same_reference_again_is_enrolled_already() -> None:
    given(CONTACT, enrolled()).when(enrol, terms=RUNNING, **WISH).then_nothing()


@pytest.mark.parametrize("status", [s for s in CampaignStatus if s not in (*UNDER_WAY, "deleted")])
def test_from_finalizing_on_an_enrolment_is_refused(status: CampaignStatus) -> None:
    refused = given(CONTACT).when(enrol, terms=terms(status), **WISH).then_refused("campaign_over")
    assert isinstance(refused, EnrolmentRefused)
    assert refused.facts == (ContactEnrolmentRefused(reason="campaign_over"),)


def test_a_deleted_campaign_refuses_without_a_trace() -> None:
    refused = given(CONTACT).when(enrol, terms=terms(CampaignStatus.DELETED), **WISH).then_refused("deleted")
    assert not isinstance(refused, EnrolmentRefused)


@pytest.mark.parametrize("reason", ["suppressed", "duplicate_address"])
def test_a_refused_enrolment_is_recorded_once_per_reason_and_does_not_bar_a_later_one(reason: str) -> None:
    strict = terms(unique_address=True)
    first = given(CONTACT).when(enrol, terms=strict, **WISH, **{reason: True}).then_refused(reason)
    assert isinstance(first, EnrolmentRefused)
    recorded = given(CONTACT, *first.facts)
    again = recorded.when(enrol, terms=strict, **WISH, **{reason: True}).then_refused(reason)
    assert isinstance(again, EnrolmentRefused)
    assert first.facts == (ContactEnrolmentRefused(reason=reason),)
    assert again.facts == ()
    recorded.when(enrol, terms=strict, **WISH).then(enrolled(private=ADA))


def test_equal_addresses_are_allowed_unless_the_setting_forbids_them() -> None:
    given(CONTACT).when(enrol, terms=RUNNING, **WISH, duplicate_address=True).then(enrolled(private=ADA))


def test_a_removed_contact_can_never_be_added_back() -> None:
    removed = given(CONTACT, enrolled(), ContactRemoved(reason="asked to"))
    refused = removed.when(enrol, terms=RUNNING, **WISH).then_refused("removed")
    assert isinstance(refused, EnrolmentRefused)
    recorded = removed.and_given(*refused.facts)
    again = recorded.when(enrol, terms=RUNNING, **WISH).then_refused("removed")
    assert isinstance(again, EnrolmentRefused)
    assert again.facts == ()


def test_history_is_enrolled_whatever_the_lists_say_and_only_while_it_is_recorded() -> None:
    given(CONTACT).when(enrol, terms=IMPORT, **WISH, suppressed=True, duplicate_address=True).then(
        enrolled(private=ADA, source=CampaignSource.IMPORT)
    )
    over = terms(CampaignStatus.COMPLETED, source=CampaignSource.IMPORT)
    given(CONTACT).when(enrol, terms=over, **WISH).then_refused("not_for_an_import")


def test_removal_ends_a_pending_retry_and_happens_once() -> None:
    (
        given(CONTACT, *no_answers(1))
        .when(remove_contact, terms=RUNNING, reason="asked to")
        .then(ContactRetryCancelled(reason="removed"), ContactRemoved(reason="asked to"))
        .when(remove_contact, terms=RUNNING, reason="asked to")
        .then_nothing()
    )


def test_nobody_is_removed_who_was_never_enrolled() -> None:
    given(CONTACT).when(remove_contact, terms=RUNNING, reason="x").then_refused("unknown_stream")
    turned_away = given(CONTACT, ContactEnrolmentRefused(reason="suppressed"))
    turned_away.when(remove_contact, terms=RUNNING, reason="x").then_refused("unknown_stream")


def test_a_profile_is_replaced_whole() -> None:
    profile = {"private": ADA, "zone": "Europe/Lisbon", "priority": Priority.LOW, "tags": ("a", "b")}
    changed = (
        given(CONTACT, enrolled())
        .when(change_profile, terms=RUNNING, **profile, address_keys=(PHONE,))
        .then(
            ContactProfileChanged(
                private=ADA, zone="Europe/Lisbon", priority=Priority.LOW, tags=("a", "b"), address_keys=(PHONE,)
            )
        )
    )
    assert changed.state is not None
    assert changed.state.keys(Channel.PHONE) == (PHONE.key,)
    assert changed.state.keys(Channel.EMAIL) == ()


def test_a_profile_change_is_refused_for_the_removed_the_deleted_and_the_duplicate() -> None:
    profile = {"private": ADA, "priority": Priority.LOW}
    removed = given(CONTACT, enrolled(), ContactRemoved(reason="x"))
    removed.when(change_profile, terms=RUNNING, **profile).then_refused("removed")
    somebody = given(CONTACT, enrolled())
    somebody.when(change_profile, terms=terms(CampaignStatus.DELETED), **profile).then_refused("deleted")
    somebody.when(
        change_profile, terms=terms(unique_address=True), **profile, duplicate_address=True
    ).then_refused("duplicate_address")


def test_no_personal_data_is_in_the_state() -> None:
    story = given(
        CONTACT, enrolled(private=ADA, tags=("vip",)), placed(), ended(CallOutcome.COMPLETED, duration_seconds=3)
    )
    assert "Ada" not in repr(story.state)
    assert "+351" not in repr(story.state)
