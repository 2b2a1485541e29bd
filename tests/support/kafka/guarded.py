"""Starting a server under the guard that ends it with its users."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.kafka import guard


def start_guarded(
    command: Sequence[str], *, lifeline: Path, log: Path, discard: Path | None = None
) -> tuple[subprocess.Popen[str], int]:
    """The guard, which ends when the server does, and the server's process id. `guard` says how both end."""
    with log.open("a") as said:
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", guard.__file__, str(lifeline), str(discard or ""), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    with process.stdout as told:
        return process, int(told.readline())


def let_live(process: subprocess.Popen[str]) -> None:
    """Leave a guard to the other users of its server, without a complaint of Popen's about it."""
    process.returncode = 0


def hold(lifeline: Path) -> int:
    """Become a user: until the descriptor is closed, or this process ends. Waits for a guard that is ending."""
    held = os.open(lifeline, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_SH)
    return held


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
