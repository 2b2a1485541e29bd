"""Keys of persons that cannot be had are a matter of later: nothing is parked, lost or guessed."""

import threading
from collections.abc import Collection, Mapping
from contextlib import closing

import psycopg
import pytest

from drumbeat.access.person_keys import AskKeys, KeysAway, no_keys
from drumbeat.access.sealing import PersonKey
from drumbeat.events.contact import ContactEnrolled, ContactPaused
from drumbeat.events.values import CampaignSource, ContactPrivate
from drumbeat.projections import contacts
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from support.given import uid
from support.machine import until
from support.projecting import ListLog, project, rows_of
from support.sealing import KEYS

pytestmark = pytest.mark.postgres
ALL = [contacts.PROJECTION]
CONTACT = uid("contact")


def told() -> ListLog:
    log = ListLog()
    private = ContactPrivate(name="Ada Lovelace")
    log.tell(CONTACT, ContactEnrolled(reference="r", source=CampaignSource.API, private=private), ContactPaused())
    return log


def projecting(log: ListLog, url: str, ask: AskKeys) -> Projector:
    options = ProjectorOptions(poll_seconds=0.01, longest_pause_seconds=0.05)
    return Projector(log, url, ALL, options, ask=ask)


class AwayFor:
    """Keys whose database is away for some questions."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self, persons: Collection[str]) -> Mapping[str, PersonKey]:
        if self.left:
            self.left -= 1
            raise KeysAway("the persons' keys cannot be read")
        return KEYS(persons)


def test_a_projector_waits_for_keys_and_goes_on_when_they_are_back(database_url: str) -> None:
    log, ask = told(), AwayFor(3)
    projector = projecting(log, database_url, ask)
    projector.run_until(len(log.rows), timeout_seconds=20)
    assert (ask.left, projector.stats.reconnects, projector.stats.parked) == (0, 3, 0)
    assert [row["name"] for row in rows_of(database_url, "contacts")] == ["Ada Lovelace"]


def test_a_projector_without_the_logs_database_waits_with_the_first_sealed_event(
    database_url: str,
) -> None:
    log = told()
    projector = projecting(log, database_url, no_keys)
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=[stop])
    thread.start()
    try:
        assert until(lambda: projector.stats.reconnects >= 3)
        assert "not named here" in str(projector.stats.last_error)
    finally:
        stop.set()
        thread.join()
    assert rows_of(database_url, "contacts") == []
    assert rows_of(database_url, "readmodel.parked_events") == []
    project(log, database_url, ALL)
    assert [row["paused_by_hand"] for row in rows_of(database_url, "contacts")] == [True]


def test_keys_are_asked_for_once_a_batch_and_not_at_all_without_something_personal(database_url: str) -> None:
    asked: list[set[str]] = []

    def ask(persons: Collection[str]) -> Mapping[str, PersonKey]:
        asked.append(set(persons))
        return KEYS(persons)

    log = ListLog()
    for number in range(5):
        private = ContactPrivate(name=str(number))
        log.tell(
            uid(f"contact {number}"), ContactEnrolled(reference="r", source=CampaignSource.API, private=private)
        )
    project(log, database_url, ALL, ask=ask)
    assert [len(persons) for persons in asked] == [5]
    log.tell(uid("contact 1"), ContactPaused())
    project(log, database_url, ALL, ask=ask)
    assert len(asked) == 1


def test_what_was_altered_is_parked_sealed_and_alone(database_url: str) -> None:
    log = told()
    raw = log.rows[0].bytes
    at = raw.index(b'"sealed":"') + 20
    other_letter = b"A" if raw[at : at + 1] != b"A" else b"B"
    log.rows[0] = log.rows[0]._replace(bytes=raw[:at] + other_letter + raw[at + 1 :])
    other = ContactPrivate(name="Grace Hopper")
    log.tell(uid("other"), ContactEnrolled(reference="s", source=CampaignSource.API, private=other))
    project(log, database_url, ALL)
    assert [row["name"] for row in rows_of(database_url, "contacts")] == ["Grace Hopper"]
    with closing(psycopg.connect(database_url)) as connection:
        parked = connection.execute(
            "SELECT bytes, error FROM readmodel.parked_events ORDER BY position"
        ).fetchall()
    assert [bytes(kept) for kept, _ in parked] == [log.rows[0].bytes, log.rows[1].bytes]
    assert "altered" in parked[0][1]
