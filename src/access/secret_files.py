"""Files that hold secrets: nobody but their owner may read them."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_secret(file: Path, text: str, *, unfinished: Path) -> None:
    """Make or replace a file: whole or not at all, and on the disk when this returns. Raises `OSError`.

    `unfinished` is where it is written first, in the same folder; who writes at the same time names another one.
    """
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(descriptor)
    unfinished.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def exposed(file: Path, status: os.stat_result) -> str | None:
    """What is wrong, in words, with a file that others than its owner may reach, or that is no file; else None."""
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and not mode & 0o077:
        return None
    return f"{file} has mode {mode:04o}, but must be a file that nobody but its owner may read: 0600"


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """One process at a time makes or changes secrets in a folder, which is made when missing. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
