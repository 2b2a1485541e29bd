"""Enrol what was uploaded, beside the other work of a process."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from threading import Event, Thread, get_native_id

from drumbeat import telemetry
from drumbeat.commands.dispatch import Commands
from drumbeat.eventstore.uploads import StoredUploads
from drumbeat.intake.upload_worker import UploadWorker
from drumbeat.opsapi.master_keys import checked_master_keys
from drumbeat.settings import Settings

_LAST_CHUNK_SECONDS = 5.0


def uploads(settings: Settings, database_url: str) -> StoredUploads:
    """Where uploads wait, sealed. Connects at the first call. Raises `MasterKeyProblem`."""
    master = checked_master_keys(settings)
    return StoredUploads(database_url, patience_seconds=settings.database_wait_seconds, master=master)


@contextmanager
def importing(
    settings: Settings, database_url: str, commands: Commands, clock: Callable[[], datetime], stop: Event
) -> Iterator[None]:
    """A thread that works on uploads until `stop` is set; the chunk that is under way then gets a few seconds."""
    with closing(uploads(settings, database_url)) as waiting:
        worker = UploadWorker(waiting, commands, clock, observe=_count)
        arguments = (stop, settings.policies_poll_ms / 1000)
        thread = Thread(target=_run_politely, args=(worker, *arguments), name="imports", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_LAST_CHUNK_SECONDS)


def _run_politely(worker: UploadWorker, stop: Event, poll_seconds: float) -> None:
    # Nobody waits for a row of a file; for the answer to a command somebody does.
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), 10)
    worker.run(stop, poll_seconds)


def _count(result: str, rows: int) -> None:
    telemetry.IMPORTED_ROWS.labels(result).inc(rows)
