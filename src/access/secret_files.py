"""Files that hold secrets: nobody but their owner may read them."""

import os
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
