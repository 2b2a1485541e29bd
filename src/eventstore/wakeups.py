"""Telling followers that something was appended, without making appends pay for it.

A NOTIFY inside an append would take an instance-wide lock at every commit. Instead one thread a process says so,
in transactions of its own: at once after a pause, ever more rarely while appends go on. Followers poll as well:
one that is busy needs no word, and a word that is lost costs an idle one a moment.
"""

import contextlib
import threading
from pathlib import Path
from typing import Final

import psycopg

from drumbeat.eventstore.connections import Connection, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.eventstore.sql import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")


class WakeUps:
    """One process's notifier. Safe for many threads; costs an append a flag."""

    def __init__(
        self, url: str, *, shortest_pause_seconds: float = 0.005, longest_pause_seconds: float = 0.1
    ) -> None:
        """The thread starts with the first append."""
        self._url = url
        self._shortest_pause_seconds = shortest_pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._appended = threading.Event()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def heard(self) -> None:
        """Something was appended."""
        if self._thread is None:
            self._start()
        if not self._appended.is_set():
            self._appended.set()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._appended.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="drumbeat-wakeups", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        connection: Connection | None = None
        pause_seconds = self._shortest_pause_seconds
        while self._appended.wait() and not self._closing.is_set():
            self._appended.clear()
            try:
                if connection is None:
                    connection = open_connection(self._url, settings={}, role=Role.WRITE)
                connection.execute(_SQL["notify"])
            except psycopg.Error:
                # Followers poll: a word lost while the database is away costs them a moment.
                with contextlib.suppress(psycopg.Error):
                    if connection is not None:
                        connection.close()
                connection = None
            self._closing.wait(pause_seconds)
            busy = self._appended.is_set()
            longer = min(pause_seconds * 2, self._longest_pause_seconds)
            pause_seconds = longer if busy else self._shortest_pause_seconds
        if connection is not None:
            connection.close()
