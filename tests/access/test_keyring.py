"""Keys and workspaces as they are made and ended: event and row, in an order that makes a crash harmless."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest
from psycopg import sql

from drumbeat.access import StoredKeys
from drumbeat.access.authenticator import KeyRevoked, NotAKey
from drumbeat.access.keyring import KeyRing
from drumbeat.access.tokens import Token
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.events.ids import workspace_stream_id
from drumbeat.events.workspace import KeyScope
from drumbeat.eventstore.ledger import EventStoreLedger
from support.given import NOW, in_seconds
from support.keys import stored_keys
from support.walls import relations
from support.whole import ADA, OneKey

pytestmark = pytest.mark.postgres
BOTH = (KeyScope.READ, KeyScope.WRITE)


@dataclass
class Office:
    """A key ring on a database, and what it left there."""

    url: str
    ledger: EventStoreLedger
    now: datetime = NOW
    rows: StoredKeys = field(init=False)
    ring: KeyRing = field(init=False)

    def __post_init__(self) -> None:
        self.rows = stored_keys(self.url)
        self.ring = KeyRing(Commands(self.ledger, OneKey()), self.rows)

    def types(self, workspace_id: str = "default") -> list[str]:
        recorded = self.ledger.read_stream(workspace_id, workspace_stream_id(workspace_id))
        return [one.event.fact.TYPE.split(".")[1] for one in recorded]

    def works(self, token: Token) -> bool:
        try:
            self.ring.holder(token, now=self.now)
        except (KeyRevoked, NotAKey):
            return False
        return True


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    with closing(EventStoreLedger(database_url)) as ledger:
        yield Office(database_url, ledger)


class Crash(Exception):
    """The process dies here."""


def test_a_key_is_made_renewed_and_ended_and_the_log_says_so(office: Office) -> None:
    token, row = office.ring.create("crm", BOTH, ADA, now=NOW, expires_at=in_seconds(3600))
    assert (row.name, row.scopes, row.made_by, row.state(NOW)) == ("crm", BOTH, "ada", "works")
    assert row.state(in_seconds(3600)) == "expired"
    renewed, row = office.ring.rotate("crm", ADA, now=in_seconds(1), overlap=timedelta(seconds=9))
    assert (row.expires_at, row.rotated_at, row.old_secret_until) == (
        in_seconds(3600), in_seconds(1), in_seconds(10)
    )  # fmt: skip
    assert renewed.key_id == token.key_id
    assert office.works(token)
    assert office.works(renewed)
    office.now = in_seconds(10)
    assert not office.works(token)
    assert office.works(renewed)
    office.ring.revoke(str(token.key_id), ADA, now=office.now)
    assert not office.works(renewed)
    (row,) = office.ring.keys("default")
    assert row.state(office.now) == "revoked"
    assert office.types() == ["created", "key_created", "key_rotated", "key_revoked"]


def test_without_an_overlap_the_old_secret_stops_at_once_and_two_rotations_end_the_oldest(office: Office) -> None:
    first, _ = office.ring.create("crm", BOTH, ADA, now=NOW)
    second, _ = office.ring.rotate("crm", ADA, now=NOW)
    assert [office.works(one) for one in (first, second)] == [False, True]
    third, _ = office.ring.rotate("crm", ADA, now=NOW, overlap=timedelta(hours=1))
    fourth, _ = office.ring.rotate("crm", ADA, now=NOW, overlap=timedelta(hours=1))
    assert [office.works(one) for one in (first, second, third, fourth)] == [False, False, True, True]


def test_workspaces_are_made_and_listed_and_default_is_always_there(office: Office) -> None:
    assert [row.workspace_id for row in office.ring.workspaces()] == ["default"]
    with pytest.raises(Refused, match="no workspace 'acme'"):
        office.ring.create("crm", BOTH, replace(ADA, workspace_id="acme"), now=NOW)
    office.ring.create_workspace("acme", "Acme", ADA, now=NOW)
    office.ring.create_workspace("acme", "Acme", ADA, now=NOW)
    theirs, _ = office.ring.create("crm", BOTH, replace(ADA, workspace_id="acme"), now=NOW)
    office.ring.create("crm", BOTH, ADA, now=NOW)
    assert [(row.workspace_id, row.name, row.keys) for row in office.ring.workspaces()] == [
        ("acme", "Acme", 1),
        ("default", "default", 1),
    ]
    assert office.ring.holder(theirs, now=NOW).workspace_id == "acme"
    office.ring.revoke("crm", ADA, now=NOW)
    assert office.works(theirs), "a key of the same name in another workspace"


def test_a_refused_command_leaves_no_row(office: Office) -> None:
    office.ring.create("crm", BOTH, ADA, now=NOW)
    for name, scopes in (("crm", BOTH), ("other", ())):
        with pytest.raises(Refused):
            office.ring.create(name, scopes, ADA, now=NOW)
    assert [row.name for row in office.ring.keys("default")] == ["crm"]


def test_a_crash_after_the_event_of_a_new_key_leaves_nothing_that_opens_and_rotating_gives_it_its_row(
    office: Office,
) -> None:
    with mock.patch.object(StoredKeys, "put", side_effect=Crash), pytest.raises(Crash):
        office.ring.create("crm", BOTH, ADA, now=NOW, expires_at=in_seconds(60))
    assert office.types() == ["created", "key_created"]
    assert office.ring.keys("default") == []
    token, row = office.ring.rotate("crm", ADA, now=NOW)
    assert (row.scopes, row.expires_at) == (BOTH, in_seconds(60))
    assert office.works(token)


def test_a_crash_after_the_event_of_a_rotation_leaves_the_old_secret_as_it_was(office: Office) -> None:
    token, _ = office.ring.create("crm", BOTH, ADA, now=NOW)
    with mock.patch.object(StoredKeys, "put", side_effect=Crash), pytest.raises(Crash):
        office.ring.rotate("crm", ADA, now=NOW)
    assert office.works(token)
    again, _ = office.ring.rotate("crm", ADA, now=NOW)
    assert (office.works(token), office.works(again)) == (False, True)


def test_a_crash_after_the_row_of_a_revocation_leaves_a_dead_key_and_revoking_again_says_so(
    office: Office,
) -> None:
    token, _ = office.ring.create("crm", BOTH, ADA, now=NOW)
    with mock.patch.object(Commands, "execute", side_effect=Crash), pytest.raises(Crash):
        office.ring.revoke("crm", ADA, now=NOW)
    assert not office.works(token)
    assert office.types()[-1] == "key_created"
    office.ring.revoke("crm", ADA, now=in_seconds(5))
    assert office.types()[-1] == "key_revoked"
    assert office.rows.keys("default")[0].revoked_at == NOW, "the first time counts"


def test_only_the_hash_of_a_secret_is_in_the_database_and_neither_is_in_the_log(office: Office) -> None:
    first, _ = office.ring.create("crm", BOTH, ADA, now=NOW)
    second, _ = office.ring.rotate("crm", ADA, now=NOW, overlap=timedelta(hours=1))
    everything = whole_text_of(office.url)
    for token in (first, second):
        assert token.key_id.hex in everything.replace("-", "")
        assert token.secret not in everything
        digest = hashlib.sha256(token.secret.encode()).hexdigest()
        assert everything.count(digest) == 1
    with psycopg.connect(office.url) as connection:
        events = connection.execute("SELECT convert_from(bytes, 'UTF8') FROM ledger.events").fetchall()
    for (event,) in events:
        assert "secret" not in json.loads(event)["data"].keys() - {"old_secret_until"}
        assert hashlib.sha256(second.secret.encode()).hexdigest() not in event


def whole_text_of(url: str) -> str:
    """Every row of every table as text; bytes in hexadecimal and, where they are text, as that."""
    found: list[str] = []
    with psycopg.connect(url) as connection:
        for relation in relations(url):
            if relation.kind in {"r", "p"}:
                rows = connection.execute(
                    sql.SQL("SELECT t::text FROM {} AS t").format(relation.quoted)
                ).fetchall()
                found += [str(row[0]) for row in rows]
        rows = connection.execute("SELECT encode(bytes, 'escape') FROM ledger.events").fetchall()
        found += [str(row[0]) for row in rows]
    return "\n".join(found)


def test_a_database_that_is_away_is_said(office: Office) -> None:
    def away() -> Any:
        raise psycopg.OperationalError("gone")

    with pytest.raises(LedgerUnavailable, match="gone"):
        StoredKeys(away).keys("default")
