"""Keys of persons and master keys in tests: the same in every run, known to everybody, and no file needed."""

import hashlib
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from drumbeat.access.master_keys import MasterKeys, MasterKeySet
from drumbeat.access.person_keys import AskKeys, read_keys
from drumbeat.access.sealing import PersonKey
from drumbeat.events import Event, Fact
from drumbeat.events.codec import Seal, encode
from drumbeat.events.private import find_sealed
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role

_MASTER_KEY = hashlib.sha256(b"master key of the tests").digest()
MASTER = MasterKeySet([_MASTER_KEY])


def master_key_file(path: Path) -> Path:
    """A file with the key of `MASTER`, for processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(b64encode(_MASTER_KEY).decode() + "\n")
    return path


def key_of(person: UUID | str) -> PersonKey:
    """The key of a person in a log in memory."""
    return PersonKey(1, hashlib.sha256(f"key of {person}".encode()).digest())


class PeopleKeys:
    """`AskKeys` for logs in memory: everybody has a key until they are erased."""

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.asked = 0

    def __call__(self, persons: Collection[str]) -> Mapping[str, PersonKey]:
        self.asked += 1
        return {person: key_of(person) for person in persons if person not in self.erased}


KEYS = PeopleKeys()
"""Nobody is ever erased here."""


def person_of(stream_id: UUID) -> UUID:
    """Whom a stream of a test is about, when nothing else says so."""
    return uuid5(stream_id, "person")


def sealed_bytes(event: Event[Fact]) -> bytes:
    """An event's bytes, what is personal sealed with `key_of` its person: the same bytes in every run."""
    if event.person_id is None:
        return encode(event)
    return encode(event, _alike(key_of(event.person_id)))


def _alike(key: PersonKey) -> Seal:
    """Seals as the log does, but alike each time: what is made of the bytes is the same in every run."""

    def seal_event(event: Event[Fact], clear: bytes) -> tuple[int, bytes]:
        nonce, place = hashlib.sha256(event.id.bytes).digest()[:12], event.id.bytes + event.stream_id.bytes
        return key.number, b64encode(nonce + AESGCM(key.key).encrypt(nonce, clear, place))

    return seal_event


def keep_keys(url: str, raws: Iterable[bytes]) -> None:
    """Put the keys that events in memory were sealed with into a database."""
    persons = {sealed.person_id for raw in raws if (sealed := find_sealed(raw)) is not None}
    wrapped = [(person, *MASTER.wrap(key_of(person).key, person.bytes)) for person in persons]
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.cursor().executemany(
            "INSERT INTO access.person_keys (person_id, key_no, workspace_id, master, wrapped)"
            " OVERRIDING SYSTEM VALUE VALUES (%s, 1, 'default', %s, %s) ON CONFLICT DO NOTHING",
            wrapped,
        )


def keys_in(url: str, master: MasterKeys = MASTER) -> AskKeys:
    """The keys in a database, wrapped by these master keys; no connection stays."""

    def ask(persons: Collection[str]) -> Mapping[str, PersonKey]:
        with closing(open_connection(url, settings={}, role=Role.READ)) as connection:
            return read_keys(connection, master, persons)

    return ask
