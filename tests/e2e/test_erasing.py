"""A person is erased from a whole system: nothing of them can be read anywhere, and all else stays as it was."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from uuid import UUID

import psycopg
import pytest

from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import CancelCampaign, DraftCampaign
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.ledger import KnownPerson
from drumbeat.commands.people import ErasePerson
from drumbeat.events.contact import ContactEnrolled, ContactErased
from drumbeat.events.ids import contact_id
from drumbeat.events.ids import person_id as id_of
from drumbeat.events.values import CallOutcome, CampaignKind
from support.agreement import everything_agrees
from support.given import uid
from support.whole import ADA, OneKey, Whole, whole_system

pytestmark = pytest.mark.postgres

WORDS = ("Lovelace", "912345678", "ada@example.org", "wants a letter")
ROW = ContactRow(reference="r-1", name="Ada Lovelace", phone="+351912345678", email="ada@example.org")
ERASE = ErasePerson(reference="r-1", reason="asked to be forgotten")
PERSON = id_of(OneKey().key("default"), "r-1")


@pytest.fixture
def system(database_url: str) -> Iterator[Whole]:
    with whole_system(database_url) as made:
        yield made


def called(system: Whole, name: str) -> UUID:
    """A campaign with a person who was called, and somebody else who was too."""
    campaign = system.running_campaign("r-2", name=name)
    system.do(EnrolContacts(campaign_id=campaign, rows=(ROW,)))
    system.call(campaign, "r-2", CallOutcome.COMPLETED)
    contact = contact_id(campaign, "r-1")
    system.do(PlaceCall(campaign_id=campaign, contact_id=contact, sender_id=uid("number")))
    system.do(
        EndCall(
            campaign_id=campaign,
            contact_id=contact,
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=61,
            conversation_id=uid(f"talk of {name}"),
            summary="Ada wants a letter",
        )
    )
    return campaign


def everything_in(url: str, schemas: tuple[str, ...]) -> str:
    """Every value of every table of these schemas."""
    found = []
    with closing(psycopg.connect(url)) as owner:
        tables = owner.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY(%s)",
            [list(schemas)],
        ).fetchall()
        for (table,) in tables:
            found += owner.execute(f"SELECT t::text FROM {table} AS t".encode()).fetchall()
    return repr(found)


def counted(url: str, campaign: UUID) -> list[str]:
    """Every counter and heatmap cell of a campaign."""
    counters = b"SELECT metric, key, sum(value) FROM live.dashboard_counters WHERE campaign_id = %s GROUP BY 1, 2"
    cells = b"SELECT to_jsonb(h) FROM live.heatmap_cells AS h WHERE campaign_id = %s ORDER BY 1"
    with closing(psycopg.connect(url)) as owner:
        return sorted(repr(row) for query in (counters, cells) for row in owner.execute(query, [campaign]))


def test_an_erased_person_is_nowhere_and_every_number_and_a_rebuild_agree(system: Whole) -> None:
    spring, autumn = called(system, "spring"), called(system, "autumn")
    system.settle()
    system.do(CancelCampaign(campaign_id=autumn, reason="enough"))
    system.settle()
    before = everything_in(system.url, ("gen_1",))
    assert all(word in before for word in WORDS)
    numbers = counted(system.url, autumn)
    done = system.do(ERASE)
    assert done.results == ({"contacts": 2, "removed": 1},)
    system.settle()
    held = everything_in(system.url, ("gen_1", "readmodel", "ledger", "access"))
    assert not [word for word in WORDS if word in held]
    assert counted(system.url, autumn) == numbers
    cards = (
        "SELECT campaign_id, erased, removed, removed_reason FROM live.contacts WHERE reference = 'r-1' ORDER BY 1"
    )
    assert sorted(system.rows(cards)) == sorted([(spring, True, True, "erased"), (autumn, True, False, None)])
    everything_agrees(system.url)


def test_contacts_that_are_enrolled_while_their_person_is_erased_are_erased_or_a_new_beginning(
    system: Whole,
) -> None:
    campaigns = [uid(f"campaign {number}") for number in range(24)]
    for campaign in campaigns:
        system.do(DraftCampaign(campaign_id=campaign, kind=CampaignKind.VOICE_AGENT, name="x"))
    failures: list[BaseException] = []

    def enrol(some: list[UUID]) -> None:
        try:
            for campaign in some:
                system.commands.execute(EnrolContacts(campaign_id=campaign, rows=(ROW,)), ADA, now=system.now)
        except BaseException as error:  # noqa: BLE001  told by the thread that asks
            failures.append(error)

    def erase() -> None:
        try:
            for _ in range(12):
                with suppress(Refused):  # nobody is known yet
                    system.commands.execute(ERASE, ADA, now=system.now)
        except BaseException as error:  # noqa: BLE001  as above
            failures.append(error)

    threads = [threading.Thread(target=enrol, args=[campaigns[n::3]]) for n in range(3)]
    threads.append(threading.Thread(target=erase))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for campaign in campaigns:
        facts = [one.event.fact for one in system.ledger.read_stream("default", contact_id(campaign, "r-1"))]
        assert isinstance(facts[0], ContactEnrolled)
        told = any(isinstance(fact, ContactErased) for fact in facts)
        assert told == (facts[0].private.withheld is not None), campaign
    system.project()
    everything_agrees(system.url)
    system.do(ErasePerson(reference="r-1", reason="at last"))
    assert system.ledger.known_person(PERSON) == KnownPerson(False, [])


def test_an_erasure_that_is_refused_or_fails_leaves_the_key_where_it_is(system: Whole) -> None:
    called(system, "spring")

    def fails(_known: KnownPerson) -> None:
        raise RuntimeError("in the middle of it")

    with pytest.raises(RuntimeError):
        system.ledger.erase(PERSON, fails)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        system.do(ErasePerson(reference="r-1", reason=""))
    assert system.ledger.known_person(PERSON).has_key
    told = system.commands.person("r-1", ADA, now=system.now)
    assert told["contacts"][0]["profile"]["name"] == "Ada Lovelace"


def test_two_erasures_at_once_are_one(system: Whole) -> None:
    called(system, "spring")
    done: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(len(system.commands.execute(ERASE, ADA, now=system.now).facts))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 3]


def test_an_erasure_waits_for_no_reader_and_no_reader_for_it(system: Whole) -> None:
    called(system, "spring")
    with closing(psycopg.connect(system.url)) as appending:
        (number,) = appending.execute(
            "SELECT key_no FROM access.person_keys WHERE person_id = %s", [PERSON]
        ).fetchone()  # type: ignore[misc]
        appending.execute("SELECT access.hold_person_keys(%s, %s)", [[PERSON], [number]])
        erasing = threading.Thread(target=lambda: system.commands.execute(ERASE, ADA, now=system.now))
        erasing.start()
        # While it waits for the append, others append and are seen by followers of the log.
        system.do(DraftCampaign(campaign_id=uid("meanwhile"), kind=CampaignKind.VOICE_AGENT, name="x"))
        system.project()
        assert erasing.is_alive()
        appending.rollback()
        erasing.join(10)
        assert not erasing.is_alive()
    assert not system.ledger.known_person(PERSON).has_key
