"""The master keys, under which the persons' keys are wrapped: a file that only its owner may read.

MasterKeyProblem
├── MasterKeyFileUnfit     the file is missing, readable by others, or holds something else than keys
└── MasterKeyMissing       a person's key is wrapped by a master key that the file does not hold
"""

import hashlib
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from drumbeat.access.sealing import KEY_BYTES, seal, unseal
from drumbeat.access.secret_files import changing, exposed, write_secret

_HEADER: Final = (
    "# Master keys of Drumbeat, one a line, the newest last. Keep a copy of this file apart from the database's\n"
    "# backups: without it everything personal in the log is unreadable for ever.\n"
)


class MasterKeyProblem(Exception):
    """Personal data can be neither sealed nor opened; the message says what to do."""


class MasterKeyFileUnfit(MasterKeyProblem):
    """The file of master keys cannot be used as it is."""


class MasterKeyMissing(MasterKeyProblem):
    """Something is wrapped by a master key that is not in the file."""


class MasterKeys(Protocol):
    """Wraps keys. May be used by many threads."""

    def newest(self) -> str:
        """The id of the key that wraps."""
        ...

    def wrap(self, key: bytes, place: bytes) -> tuple[str, bytes]:
        """The id of the newest master key, and a key wrapped by it. Raises `MasterKeyProblem`."""
        ...

    def unwrap(self, master: str, wrapped: bytes, place: bytes) -> bytes:
        """The key. Raises `MasterKeyProblem`, `DoesNotOpen`."""
        ...


def master_id(key: bytes) -> str:
    """The name of a master key; it says nothing about the key."""
    return hashlib.sha256(b"drumbeat master key:" + key).hexdigest()[:16]


class MasterKeySet:
    """Master keys that are at hand, the newest last; implements `MasterKeys`."""

    def __init__(self, keys: Sequence[bytes], *, told: str = "these master keys") -> None:
        """`told`: where they come from, for messages."""
        self._ciphers = {master_id(key): AESGCM(key) for key in keys}
        self._newest = master_id(keys[-1])
        self._told = told

    def newest(self) -> str:
        """See `MasterKeys`."""
        return self._newest

    def wrap(self, key: bytes, place: bytes) -> tuple[str, bytes]:
        """See `MasterKeys`."""
        return self._newest, seal(self._ciphers[self._newest], key, place)

    def unwrap(self, master: str, wrapped: bytes, place: bytes) -> bytes:
        """See `MasterKeys`."""
        found = self._ciphers.get(master)
        if found is None:
            raise MasterKeyMissing(
                f"{self._told} lack master key {master}, by which keys of persons are wrapped: put it back"
            )
        return unseal(found, wrapped, place)


class MasterKeyFile:
    """Master keys in a file; a key that is added is seen at the next use. Written by `make` and `add` alone."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.path = path
        self._known: tuple[tuple[int, ...], MasterKeySet] | None = None
        self._reading = Lock()

    def check(self) -> None:
        """Raises `MasterKeyFileUnfit`."""
        self._keys()

    def newest(self) -> str:
        """See `MasterKeys`."""
        return self._keys().newest()

    def wrap(self, key: bytes, place: bytes) -> tuple[str, bytes]:
        """See `MasterKeys`."""
        return self._keys().wrap(key, place)

    def unwrap(self, master: str, wrapped: bytes, place: bytes) -> bytes:
        """See `MasterKeys`."""
        return self._keys().unwrap(master, wrapped, place)

    def make(self) -> bool:
        """Make the file with one key when there is none; whether it was made. Raises `MasterKeyFileUnfit`."""
        with self._changing():
            if self.path.exists():
                return False
            self._write(_HEADER + _line(secrets.token_bytes(KEY_BYTES)))
        return True

    def add(self) -> str:
        """Add a key, which wraps from now on; its id. Raises `MasterKeyFileUnfit`."""
        with self._changing():
            self.check()
            key = secrets.token_bytes(KEY_BYTES)
            text = self.path.read_text()
            self._write(text + ("" if text.endswith("\n") else "\n") + _line(key))
        return master_id(key)

    def _keys(self) -> MasterKeySet:
        try:
            status = self.path.stat()
        except OSError as error:
            raise MasterKeyFileUnfit(
                f"the file of master keys, {self.path}, cannot be read: {error.strerror}"
            ) from error
        version = (status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode, status.st_uid)
        known = self._known
        if known is None or known[0] != version:
            with self._reading:
                known = self._known = version, self._read(status)
        return known[1]

    def _read(self, status: os.stat_result) -> MasterKeySet:
        problem = exposed(self.path, status)
        if problem is not None:
            raise MasterKeyFileUnfit(problem)
        try:
            lines = [line.strip() for line in self.path.read_text(encoding="ascii").splitlines()]
            keys = [b64decode(line, validate=True) for line in lines if line and not line.startswith("#")]
        except OSError as error:
            raise MasterKeyFileUnfit(f"{self.path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise MasterKeyFileUnfit(f"{self.path} holds something else than keys as Base64") from error
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise MasterKeyFileUnfit(f"{self.path} must hold keys of {KEY_BYTES} bytes as Base64, one a line")
        return MasterKeySet(keys, told=f"the keys in {self.path}")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with changing(self.path.parent):
                yield
        except OSError as error:
            raise MasterKeyFileUnfit(f"{self.path} cannot be written: {error.strerror or error}") from error

    def _write(self, text: str) -> None:
        # On the disk before anything is wrapped by a key in it.
        write_secret(self.path, text, unfinished=self.path.with_name(self.path.name + ".unfinished"))


def _line(key: bytes) -> str:
    return b64encode(key).decode() + "\n"
