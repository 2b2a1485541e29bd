"""Enrols what was uploaded, chunk by chunk, in the background.

Any number of workers may run. Each chunk is recorded under a key of its own, and the step is noted after it: a
worker that ends anywhere costs nothing and repeats nothing, because whoever goes on gets the first answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from threading import Event
from typing import Any, Final, Protocol

import structlog

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.enrolment import ContactRow, EnrolImported
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.uploads import Lease, Progress, RefusedRow, Uploads, UploadState
from drumbeat.events import Principal
from drumbeat.intake.upload_files import UnfitUpload, UploadRow, as_refused, read_upload

log = structlog.get_logger(__name__)

CHUNK_ROWS: Final = 500
"""Rows enrolled in one transaction. Small enough that other commands wait for none, large enough for COPY."""

_LONGEST_PAUSE_SECONDS = 5.0


class Executes(Protocol):
    """What carries out a command: `commands.dispatch.Commands`."""

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        """Carry out one command. Raises `Refused`, `LedgerUnavailable`."""
        ...


class UploadWorker:
    """Works on uploads, one at a time. A worker belongs to one thread.

    `observe` hears (result, rows) of every chunk, for metrics.
    """

    def __init__(
        self,
        uploads: Uploads,
        commands: Executes,
        clock: Callable[[], datetime],
        *,
        chunk_rows: int = CHUNK_ROWS,
        observe: Callable[[str, int], None] = lambda _result, _rows: None,
    ) -> None:
        self._uploads = uploads
        self._commands = commands
        self._clock = clock
        self._chunk_rows = chunk_rows
        self._observe = observe

    def run(self, stop: Event, poll_seconds: float) -> None:
        """Work until `stop` is set. What goes wrong is told in the log and tried again, with growing pauses."""
        pause = poll_seconds
        while not stop.is_set():
            try:
                worked = self.work(stop)
            except LedgerUnavailable as error:
                log.warning("imports_wait_for_the_database", problem=str(error), seconds=pause)
            except Exception:
                # An upload that breaks us again and again is given up by whoever claims it next.
                log.exception("import_broke")
            else:
                pause = poll_seconds
                if not worked:
                    stop.wait(poll_seconds)
                continue
            stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def work(self, stop: Event) -> bool:
        """Take one upload to its end, or until `stop` is set; False when there is none. Raises
        `LedgerUnavailable`: nothing is lost, and somebody goes on later."""
        with self._uploads.claim(now=self._clock()) as lease:
            if lease is None:
                return False
            said = log.bind(
                import_id=str(lease.upload.import_id),
                campaign_id=str(lease.upload.campaign_id),
                correlation_id=str(lease.upload.principal.correlation_id),
            )
            ended = self._judged(lease, stop)
            if ended is None:
                said.info("import_left_for_later")
            else:
                state, failure = ended
                lease.end(state, self._clock(), failure)
                said.info("import_ended", state=state.value, failure=failure)
            return True

    def _judged(self, lease: Lease, stop: Event) -> tuple[UploadState, str | None] | None:
        if lease.cancelling:
            return UploadState.CANCELLED, None
        if lease.hopeless:
            return UploadState.FAILED, "internal-error"
        try:
            return self._enrol_all(lease, stop)
        except UnfitUpload as unfit:
            log.info("import_unfit", field=unfit.field)
            return UploadState.FAILED, "invalid-file"
        except Refused as refused:
            if refused.code is RefusalCode.CONFLICT:
                raise LedgerUnavailable("other writers kept changing the campaign") from refused
            return UploadState.FAILED, refused.code.dashed

    def _enrol_all(self, lease: Lease, stop: Event) -> tuple[UploadState, str | None] | None:
        progress = lease.progress
        rows = read_upload(lease.upload.file).rows(after_line=progress.lines_read)
        for chunk in _chunks(rows, self._chunk_rows):
            if stop.is_set():
                return None
            progress, refused = self._enrol(lease, progress, chunk)
            if not lease.advance(progress, refused):
                return UploadState.CANCELLED, None
        return UploadState.DONE, None

    def _enrol(
        self, lease: Lease, before: Progress, chunk: Sequence[UploadRow]
    ) -> tuple[Progress, list[RefusedRow]]:
        upload = lease.upload
        contacts = tuple(row.contact for row in chunk if isinstance(row.contact, ContactRow))
        key = f"import:{upload.import_id}:{chunk[0].line}-{chunk[-1].line}"
        answers: Sequence[dict[str, Any]] = ()
        position = before.position
        if contacts:
            done = self._commands.execute(
                EnrolImported(campaign_id=upload.campaign_id, rows=contacts),
                upload.principal,
                now=self._clock(),
                idempotency=Idempotency(key=key),
            )
            answers, position = done.results, max(position or 0, done.position)
        refused = list(_refused(chunk, answers))
        counted = Counter(answer["result"] for answer in answers)
        for result in ("accepted", "already_enrolled"):
            self._observe(result, counted[result])
        self._observe("refused", len(refused))
        after = replace(
            before,
            lines_read=chunk[-1].end,
            rows_read=before.rows_read + len(chunk),
            accepted=before.accepted + counted["accepted"],
            already_enrolled=before.already_enrolled + counted["already_enrolled"],
            refused=before.refused + len(refused),
            position=position,
        )
        return after, refused


def _chunks(rows: Iterator[UploadRow], size: int) -> Iterator[list[UploadRow]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _refused(chunk: Sequence[UploadRow], answers: Sequence[dict[str, Any]]) -> Iterator[RefusedRow]:
    answered = iter(answers)
    for row in chunk:
        if isinstance(row.contact, RefusedRow):
            yield row.contact
        elif (answer := next(answered))["result"] == "refused":
            yield as_refused(row.line, answer)
