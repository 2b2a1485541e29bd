"""The Postgres of a storm: a real one, killed by kill -9 and started again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from drumbeat.eventstore.embedded import TUNED_FOR_DRUMBEAT, EmbeddedServer

_SETTINGS: Final = {**TUNED_FOR_DRUMBEAT, "shared_buffers": "256MB", "max_wal_size": "1GB"}


class Postgres:
    """For one thread."""

    def __init__(self, folder: Path) -> None:
        """Not started yet."""
        self._server = EmbeddedServer(folder, settings=_SETTINGS)
        self.url = self._server.start()

    def tend(self) -> None:
        """Start it again when it has ended. Clients find it at the same place."""
        if self._server.postmaster_pid is None:
            url = self._server.start()
            assert url == self.url

    def kill(self) -> bool:
        """kill -9 of the postmaster; its children end when they notice. False: it did not run."""
        pid = self._server.postmaster_pid
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def close(self) -> None:
        """End it cleanly."""
        self._server.stop()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A running server."""
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.close()
