"""Who shows a key: judged by the database, trusted for a stated time, and never told more than they may know."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import psycopg
import pytest

from drumbeat.access import StoredKeys, authenticator
from drumbeat.access.authenticator import Authenticator, KeyExpired, KeyRevoked, NotAdmitted, NotAKey
from drumbeat.access.tokens import Token, same
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.events.workspace import KeyScope
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.roles import Role
from support.keys import key_for, stored_keys
from support.machine import until
from support.reading import away

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TRUSTED_SECONDS = 10.0


@dataclass
class Moved:
    """Both clocks of an authenticator, moved together."""

    now: datetime = NOW
    seconds: float = 1_000.0

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Door:
    """An authenticator over a database, its clocks, and how often it asked."""

    url: str
    clock: Moved = field(default_factory=Moved)
    asked: int = 0

    def __post_init__(self) -> None:
        self.pool = Connections(self.url, limit=2, settings={}, role=Role.KEYS)

        def lend() -> Any:
            self.asked += 1
            return self.pool.use()

        self.keys = Authenticator(
            StoredKeys(lend),
            clock=lambda: self.clock.now,
            monotonic=lambda: self.clock.seconds,
            trusted_seconds=TRUSTED_SECONDS,
        )

    def admit(self, token: str) -> authenticator.Holder:
        """As a gate does: from memory, else from the database."""
        return self.keys.known(token) or self.keys.look_up(token)

    def settled(self, asked: int) -> None:
        """So often has it asked, and will not by itself."""
        assert until(lambda: self.asked >= asked, 5)
        time.sleep(0.05)
        assert self.asked == asked

    def close(self) -> None:
        self.keys.close()
        self.pool.close()


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    with closing(Door(database_url)) as made:
        yield made


def row_of(url: str, token: str) -> dict[str, Any]:
    (row,) = [row for row in stored_keys(url).keys("default") if row.key_id.hex in token]
    return {"last_used_at": row.last_used_at, "state": row.state(NOW)}


def test_a_key_says_whose_it_is_and_what_it_is_for(door: Door) -> None:
    token = key_for(door.url, "acme", name="crm", scopes=[KeyScope.READ])
    holder = door.admit(token)
    assert (holder.workspace_id, holder.name) == ("acme", "crm")
    assert holder.scopes == frozenset({KeyScope.READ})


def test_what_is_known_is_not_asked_for_again(door: Door) -> None:
    token = key_for(door.url)
    door.admit(token)
    door.settled(2)  # it was looked up, and its use was noted
    for _ in range(1_000):
        assert door.keys.known(token) is not None
    door.settled(2)


def wrong_secret(token: str) -> str:
    return Token(Token.parse(token).key_id, Token.new(uuid4()).secret).text()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "spoil",
    [
        wrong_secret,
        lambda _token: Token.new(uuid4()).text(),
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.upper(),
        lambda _token: "",
        lambda _token: "drumbeat_",
        lambda _token: "x" * 1_000_000,
        lambda _token: "\udcff" * 85,
    ],
    ids=["wrong secret", "unknown id", "cut", "longer", "upper", "empty", "begun", "very long", "garbage"],
)
def test_what_is_no_key_is_answered_in_one_way(door: Door, spoil: Callable[[str], str]) -> None:
    token = key_for(door.url)
    door.admit(token)
    with pytest.raises(NotAKey) as refused:
        door.admit(spoil(token))
    assert str(refused.value) == "this is no key, or not its secret"
    assert door.admit(token).workspace_id == "default"


def test_an_unknown_id_takes_the_way_of_a_wrong_secret(door: Door) -> None:
    token, compared = key_for(door.url), list[tuple[bytes, bytes]]()

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    with mock.patch.object(authenticator, "same", compare):
        for spoilt in (wrong_secret(token), Token.new(uuid4()).text()):
            with pytest.raises(NotAKey):
                door.admit(spoilt)
    # One look at the database and two comparisons of 32 bytes each time.
    assert door.asked == 2
    assert len(compared) == 4
    assert {len(part) for pair in compared for part in pair} == {32}


def test_secrets_are_compared_in_constant_time() -> None:
    with mock.patch("hmac.compare_digest", return_value=True) as compared:
        assert same(b"a", b"b")
    compared.assert_called_once_with(b"a", b"b")


def test_a_key_expires_at_its_instant_though_it_is_known(door: Door) -> None:
    token = key_for(door.url, expires_at=NOW + timedelta(seconds=3))
    door.admit(token)
    door.clock.pass_time(2.999)
    door.admit(token)
    door.clock.pass_time(0.001)
    with pytest.raises(KeyExpired, match="expired at 2026-03-02T09:00:03"):
        door.admit(token)


def test_a_revoked_key_is_trusted_for_the_stated_time_and_no_longer(door: Door) -> None:
    token = key_for(door.url, name="crm")
    door.admit(token)
    stored_keys(door.url).revoke("default", "crm", at=NOW)
    door.clock.pass_time(TRUSTED_SECONDS / 2 - 0.001)
    door.admit(token)
    door.clock.pass_time(TRUSTED_SECONDS / 2 + 0.001)
    with pytest.raises(KeyRevoked, match="was revoked"):
        door.admit(token)


def test_a_key_in_use_is_looked_up_beside_its_requests(door: Door) -> None:
    token = key_for(door.url, name="crm")
    door.admit(token)
    stored_keys(door.url).revoke("default", "crm", at=NOW)
    door.clock.pass_time(TRUSTED_SECONDS / 2)
    assert door.keys.known(token) is not None, "nobody waits for it"
    assert until(lambda: door.keys.known(token) is None, 5), "and the next hears what was found"
    with pytest.raises(KeyRevoked):
        door.admit(token)


def test_the_old_secret_of_a_rotated_key_works_for_the_overlap(door: Door) -> None:
    old = key_for(door.url, name="crm")
    new = Token.new(Token.parse(old).key_id)  # type: ignore[union-attr]
    rows = stored_keys(door.url)
    kept = {"workspace_id": "default", "name": "crm", "scopes": [KeyScope.READ], "expires_at": None, "by": "ada"}
    rows.put(new, **kept, at=NOW, old_secret_until=NOW + timedelta(seconds=4))  # type: ignore[arg-type]
    assert door.admit(old).name == door.admit(new.text()).name == "crm"
    door.clock.pass_time(4)
    with pytest.raises(KeyRevoked, match="rotated"):
        door.admit(old)
    assert door.admit(new.text()).name == "crm"


def test_the_last_use_is_written_once_a_minute_and_not_by_who_asks(door: Door) -> None:
    token = key_for(door.url)
    assert row_of(door.url, token)["last_used_at"] is None
    door.admit(token)
    assert until(lambda: row_of(door.url, token)["last_used_at"] == NOW, 5)
    for _ in range(12):
        door.clock.pass_time(4)
        door.admit(token)
    time.sleep(0.1)
    assert row_of(door.url, token)["last_used_at"] == NOW
    door.clock.pass_time(12)
    door.admit(token)
    assert until(lambda: row_of(door.url, token)["last_used_at"] == NOW + timedelta(seconds=60), 5)


def test_a_database_that_is_away_refuses_nobody_that_is_trusted_and_admits_nobody_else(database_url: str) -> None:
    with closing(Door(away(database_url))) as door:
        with pytest.raises(LedgerUnavailable):
            door.admit(Token.new(uuid4()).text())
        with pytest.raises(NotAdmitted):
            door.admit("no token needs no database")


def test_a_known_key_goes_on_while_the_database_is_away_until_its_time_is_over(door: Door) -> None:
    token = key_for(door.url)
    door.admit(token)
    door.settled(2)
    door.pool.url = away(door.url)
    door.pool._drop_idle()
    door.clock.pass_time(TRUSTED_SECONDS - 0.001)
    door.admit(token)
    door.clock.pass_time(0.001)
    with pytest.raises(LedgerUnavailable):
        door.admit(token)


def test_memory_holds_neither_tokens_nor_more_than_it_may(database_url: str) -> None:
    with closing(Connections(database_url, limit=2, settings={})) as pool:
        keys = Authenticator(StoredKeys(pool.use), clock=lambda: NOW, most_known=3)
        tokens = [key_for(database_url) for _ in range(5)]
        for token in tokens:
            keys.look_up(token)
        assert [keys.known(token) is not None for token in tokens] == [False, False, True, True, True]
        assert not any(token in repr(vars(keys)) for token in tokens)
        keys.close()


def test_whoever_authenticates_can_change_no_key(door: Door) -> None:
    with door.pool.use() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE access.api_keys SET revoked_at = NULL")
