"""The key of the person at this machine: made at the first start, and kept in a file that only they can read."""

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drumbeat.access.authenticator import NotAdmitted, NotAKey
from drumbeat.access.secret_files import write_secret
from drumbeat.access.tokens import Token
from drumbeat.aggregates.refusals import Refused
from drumbeat.events import Principal
from drumbeat.events.workspace import KeyScope
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed

if TYPE_CHECKING:
    from drumbeat.access.keyring import KeyRing

NAME = "local"
SCOPES = (KeyScope.READ, KeyScope.WRITE, KeyScope.OPERATE)


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key and the file that it is in. `is_new`: it was made just now, and may be shown. `trouble`: it does not
    work, for this reason."""

    file: Path
    text: str
    is_new: bool = False
    trouble: str | None = None


def find_or_make(file: Path, ring: "KeyRing", principal: Principal, *, now: datetime) -> LocalKey:
    """The key of a file; made, with its file, where there is none, or one that this database does not know.

    A key that was revoked, or has expired, is not made again: somebody wanted it so. Raises `Failed` for a file
    that others can read or that cannot be written, `LedgerUnavailable`.
    """
    text = read(file)
    token = None if text is None else Token.parse(text)
    if token is not None and text is not None:
        try:
            ring.holder(token, now=now)
        except NotAKey:
            token = None
        except NotAdmitted as error:
            return LocalKey(file, text, trouble=str(error))
        else:
            return LocalKey(file, text)
    made = _made(ring, principal, now).text()
    _write(file, made)
    return LocalKey(file, made, is_new=True)


def read(file: Path) -> str | None:
    """What a key file says; None when there is none. Raises `Failed` when others may read it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unfit(file, error) from error
    with os.fdopen(descriptor, encoding="utf-8") as opened:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            raise Failed(
                Exit.UNFIT,
                f"{file} has mode {mode:04o}, so that others may read the key: `chmod 600 {file}`, and "
                f"`drumbeat keys rotate {NAME}` when somebody may have read it",
            )
        return opened.read(1_000).strip()


def _made(ring: "KeyRing", principal: Principal, now: datetime) -> Token:
    try:
        return ring.create(NAME, SCOPES, principal, now=now)[0]
    except Refused:
        # There is or was one: its file was lost, or was never written.
        pass
    try:
        return ring.rotate(NAME, principal, now=now)[0]
    except Refused:
        return ring.create(f"{NAME} {now:%Y-%m-%d %H.%M.%S}", SCOPES, principal, now=now)[0]


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_secret(file, f"{text}\n", unfinished=file.with_name(f"{file.name}.{os.getpid()}"))
    except OSError as error:
        raise _unfit(file, error) from error


def _unfit(file: Path, error: OSError) -> Failed:
    return Failed(Exit.UNFIT, f"{file} cannot be used for the key of this machine: {error.strerror or error}")
