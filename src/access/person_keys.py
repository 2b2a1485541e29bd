"""The persons' keys, kept in the ledger's database, wrapped. Writers get or make them, readers ask."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from drumbeat.access.master_keys import MasterKeyProblem, MasterKeys
from drumbeat.access.sealing import KEY_BYTES, DoesNotOpen, PersonKey, opening
from drumbeat.events import Event, Fact
from drumbeat.events.codec import decode
from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.private import find_sealed
from drumbeat.queries import load_queries

SQL: Final = load_queries(Path(__file__).parent / "sql" / "person_keys.sql")

AskKeys: TypeAlias = Callable[[Collection[str]], Mapping[str, PersonKey]]
"""The keys of persons who have one, by the person's id. Raises `KeysAway`."""


class KeysAway(Exception):
    """The persons' keys cannot be had now: later. The message says why."""


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """Keys to seal with, as they were when they were read; an append has to hold them."""

    keys: Mapping[UUID, PersonKey]

    @property
    def persons(self) -> Sequence[UUID]:
        """Whose they are."""
        return list(self.keys)

    @property
    def numbers(self) -> Sequence[int]:
        """Their numbers, in the same order."""
        return [key.number for key in self.keys.values()]


def keys_for(connection: psycopg.Connection[Any], master: MasterKeys, events: Sequence[Event[Fact]]) -> PersonKeys:
    """The keys of those whom events are about, made where there is none, in one statement. `master` wraps them.

    Raises psycopg's errors, `MasterKeyProblem`.
    """
    workspaces = {event.person_id: event.workspace_id for event in events if event.person_id is not None}
    enrolled = [
        (event.person_id, event.campaign_id)
        for event in events
        if type(event.fact) is ContactEnrolled and event.campaign_id is not None
    ]
    found: dict[UUID, PersonKey] = {}
    while len(found) < len(workspaces):
        missing = [person for person in workspaces if person not in found]
        offered = {person: secrets.token_bytes(KEY_BYTES) for person in missing}
        wrapped = [master.wrap(key, person.bytes) for person, key in offered.items()]
        arguments = {
            "persons": missing,
            "workspaces": [workspaces[person] for person in missing],
            "wrapped": [blob for _, blob in wrapped],
            "master": wrapped[0][0],
            "enrolled": [person for person, _ in enrolled],
            "campaigns": [campaign for _, campaign in enrolled],
        }
        rows = connection.execute(SQL["keys_of"], arguments, binary=True, prepare=True).fetchall()
        for person, number, by, blob in rows:
            key = offered[person] if by is None else _unwrapped(master, person, by, blob)
            found[person] = PersonKey(number, key)
    return PersonKeys(found)


def _unwrapped(master: MasterKeys, person: UUID, by: str, wrapped: bytes) -> bytes:
    try:
        return master.unwrap(by, wrapped, person.bytes)
    except DoesNotOpen as error:
        raise MasterKeyProblem(
            f"the key of person {person} was altered in the database, or its master key in the file"
        ) from error


class KnownKeys:
    """Asks for persons' keys over a connection of its own; implements `AskKeys`. For one thread."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], master: MasterKeys) -> None:
        """Connects at the first question."""
        self._connect = connect
        self._master = master
        self._connection: psycopg.Connection[Any] | None = None

    def __call__(self, persons: Collection[str]) -> Mapping[str, PersonKey]:
        """See `AskKeys`. One statement; asked anew each time, because an erasure may come at any moment."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            return read_keys(self._connection, self._master, persons)
        except psycopg.Error as error:
            self.close()
            raise KeysAway(f"the persons' keys cannot be read: {error}".strip()) from error

    def close(self) -> None:
        """Let go of the connection; a later question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_keys(
    connection: psycopg.Connection[Any], master: MasterKeys, persons: Collection[str]
) -> dict[str, PersonKey]:
    """The keys of persons who have one. Raises psycopg's errors, `KeysAway` when a master key is not to be had."""
    rows = connection.execute(SQL["known_keys"], [list(persons)], binary=True, prepare=True).fetchall()
    try:
        return {
            person: PersonKey(number, _unwrapped(master, UUID(person), by, blob))
            for person, number, by, blob in rows
        }
    except MasterKeyProblem as error:
        raise KeysAway(str(error)) from error


def no_keys(persons: Collection[str]) -> Mapping[str, PersonKey]:
    """An `AskKeys` for those who cannot reach the log's database: what is sealed has to wait."""
    raise KeysAway(f"{len(persons)} persons' keys are in the log's database, which is not named here")


def decode_opened(
    connection: psycopg.Connection[Any], master: MasterKeys | None, raws: Sequence[bytes]
) -> list[Event[Fact]]:
    """Events from their bytes, what is personal opened; withheld without a master.

    Raises psycopg's errors, `KeysAway`, `MalformedEvent`.
    """
    if master is None:
        return [decode(raw) for raw in raws]
    persons = {sealed.person for raw in raws if (sealed := find_sealed(raw)) is not None}
    opener = opening(read_keys(connection, master, persons) if persons else {})
    return [decode(raw, opener) for raw in raws]
