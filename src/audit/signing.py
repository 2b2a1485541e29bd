"""The key that signs tree heads: a file that only its owner may read."""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from drumbeat.access.secret_files import changing, exposed, write_secret
from drumbeat.audit.heads import SignedHead, TreeHead

_BEYOND_ANY_KEY: Final = 10_000


class SigningKeyUnfit(Exception):
    """The file of the signing key cannot be used as it is; the message says what to do."""


class SigningKey:
    """Signs tree heads. May be used by many threads."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        """32 bytes, to be given to everybody who checks."""

    def sign(self, head: TreeHead) -> SignedHead:
        """The head, signed."""
        return SignedHead(head, self._key.sign(head.signed_bytes), self.public_key)


class SigningKeyFile:
    """An Ed25519 key in a PEM file (PKCS 8). Written by `make` alone."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.path = path

    def make(self) -> bool:
        """Make the file when there is none; whether it was made. Raises `SigningKeyUnfit`."""
        try:
            with changing(self.path.parent):
                if self.path.exists():
                    return False
                pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                unfinished = self.path.with_name(self.path.name + ".unfinished")
                write_secret(self.path, pem.decode(), unfinished=unfinished)
        except OSError as error:
            raise SigningKeyUnfit(f"{self.path} cannot be written: {error.strerror or error}") from error
        return True

    def read(self) -> SigningKey:
        """The key. Raises `SigningKeyUnfit`."""
        try:
            problem = exposed(self.path, self.path.stat())
            if problem is not None:
                raise SigningKeyUnfit(problem)
            with self.path.open("rb") as file:
                pem = file.read(_BEYOND_ANY_KEY)
        except OSError as error:
            raise SigningKeyUnfit(
                f"the signing key of tree heads, {self.path}, cannot be read: {os.strerror(error.errno or 0)}"
            ) from error
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyUnfit(f"{self.path} holds something else than an Ed25519 key as PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyUnfit(f"{self.path} holds a key of another kind than Ed25519")
        return SigningKey(key)
