"""How personal data is sealed: AES-256-GCM under a key a person, and these keys under a master key."""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from drumbeat.events import Event, Fact, MalformedEvent
from drumbeat.events.codec import Seal
from drumbeat.events.private import Opener, Sealed, erased

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class DoesNotOpen(Exception):
    """What was sealed was altered, or sealed under another key or for another place."""


def seal(cipher: AESGCM, clear: bytes, place: bytes) -> bytes:
    """Nonce and ciphertext; they open under the same key and for the same place alone."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, clear, place)


def unseal(cipher: AESGCM, blob: bytes, place: bytes) -> bytes:
    """What was sealed. Raises `DoesNotOpen`."""
    try:
        return cipher.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], place)
    except (InvalidTag, ValueError) as error:
        raise DoesNotOpen from error


class PersonKey(NamedTuple):
    """One of the keys that a person has had."""

    number: int
    key: bytes


def sealing(keys: Mapping[UUID, PersonKey]) -> Seal:
    """Seals events under their persons' keys, each for its place: moved to another event it does not open."""

    def seal_event(event: Event[Fact], clear: bytes) -> tuple[int, bytes]:
        assert event.person_id is not None
        number, key = keys[event.person_id]
        return number, b64encode(seal(AESGCM(key), clear, _place(event.id, event.stream_id)))

    return seal_event


def opening(keys: Mapping[str, PersonKey]) -> Opener:
    """Opens what was sealed with these keys, by the person's id. Who has none, or another one now, was erased.

    What it gives raises `MalformedEvent` for what was altered or moved.
    """

    def open_sealed(sealed: Sealed) -> bytes:
        known = keys.get(sealed.person)
        if known is None or known.number != sealed.number:
            return erased(sealed)
        try:
            return unseal(AESGCM(known.key), b64decode(sealed.blob), _place(sealed.event_id, sealed.stream_id))
        except (DoesNotOpen, NotBase64) as error:
            raise MalformedEvent(
                f"event {sealed.event_id}", "what is sealed in it was altered, or sealed for another event"
            ) from error

    return open_sealed


def _place(event_id: UUID, stream_id: UUID) -> bytes:
    return event_id.bytes + stream_id.bytes
