"""What is personal in benchmarks' events, sealed as the real ledger does, under keys that follow from ids."""

import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent

from drumbeat.access.master_keys import MasterKeySet
from drumbeat.access.person_keys import KnownKeys
from drumbeat.access.sealing import PersonKey, opening, sealing
from drumbeat.events import Event, Fact
from drumbeat.events.light import LightEvent, decode_light, decode_opened
from drumbeat.events.private import find_sealed, may_be_private, put_in_place
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.mapper import CloudEventsMapper
from drumbeat.eventstore.roles import Role

_MASTER_KEY: Final = hashlib.sha256(b"master key of the benchmarks").digest()
MASTER: Final = MasterKeySet([_MASTER_KEY])
_mapper = CloudEventsMapper()


def whom(stream_id: UUID, fact: Fact) -> UUID | None:
    """Whom an event of a benchmark is about: every contact is another person."""
    return stream_id if getattr(fact, "private", None) is not None else None


def sealed(event: Event[Fact]) -> StoredEvent:
    """An event as the log keeps it."""
    person = event.person_id
    return _mapper.sealed(event, None if person is None else sealing({person: _key_of(str(person))}))


def keep_keys(url: str, events: Iterable[StoredEvent]) -> None:
    """Put the keys of all whom events are about into a database."""
    found = (find_sealed(event.state) for event in events if may_be_private(event.topic))
    persons = {one.person_id for one in found if one is not None}
    wrapped = [(person, *MASTER.wrap(_key_of(str(person)).key, person.bytes)) for person in persons]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO access.person_keys (person_id, key_no, workspace_id, master, wrapped)"
            " OVERRIDING SYSTEM VALUE VALUES (%s, 1, 'default', %s, %s) ON CONFLICT DO NOTHING",
            wrapped,
        )


def keys_in(url: str) -> KnownKeys:
    """Asks for the keys in a database, as a projector does; to be closed."""
    return KnownKeys(lambda: open_connection(url, settings={}, role=Role.READ), MASTER)


def given_keys(persons: Collection[str]) -> Mapping[str, PersonKey]:
    """Keys that cost no question: for what is not measured."""
    return {person: _key_of(person) for person in persons}


def opened(kind: str, raw: bytes) -> LightEvent[Any]:
    """An event with what is personal opened, without asking for a key."""
    found = find_sealed(raw) if may_be_private(kind) else None
    if found is None:
        return decode_light(kind, raw)
    return decode_opened(kind, put_in_place(raw, found, opening(given_keys([found.person]))(found)))


def master_key_file() -> Path:
    """A file with the key of `MASTER`, for a process's settings."""
    descriptor, name = tempfile.mkstemp(prefix="drumbeat-master-")
    os.write(descriptor, b64encode(_MASTER_KEY))
    os.close(descriptor)
    return Path(name)


def _key_of(person: str) -> PersonKey:
    return PersonKey(1, hashlib.sha256(person.encode()).digest())
