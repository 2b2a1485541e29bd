"""`drumbeat import call-history`: from a CSV file to a completed campaign of history (docs/imports.md).

Memory stays flat: rows are read as a stream and recorded in chunks. The chunks follow from the file alone, and
each has an idempotency key; so an import that is stopped anywhere, or runs twice at once, records each once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from drumbeat.commands.dispatch import Commands
from drumbeat.events import Principal
from drumbeat.intake.garbage import collected_by_hand
from drumbeat.intake.inspection import Inspected, inspect
from drumbeat.intake.mapping import Mapping, Shape
from drumbeat.intake.patience import Patience
from drumbeat.intake.progress import Phase, Progress
from drumbeat.intake.recording import Recording, Span
from drumbeat.intake.records import open_records
from drumbeat.intake.refused_rows import RefusedRows
from drumbeat.intake.rows import Refusal, Row, RowReader

CHUNK_ROWS = 1_000
CHUNK_CALLS = 10_000
"""Rows and calls recorded in one transaction, whichever is reached first. They may not change: an import that was
stopped before would record some rows twice after it, because the keys of chunks are made of their rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did. `repeated`: it was finished before, and nothing was written now.

    `refused_rows` is the report of refused rows, None when every row was accepted. `seconds` is this run's time.
    """

    campaign_id: UUID
    rows: int
    accepted: int
    refused: int
    contacts: int
    calls: int
    refused_rows: Path | None
    repeated: bool
    seconds: float


def import_call_history(
    file: Path,
    mapping: Mapping,
    *,
    commands: Commands,
    principal: Principal,
    clock: Callable[[], datetime],
    refused_rows: Path,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    patience: Patience | None = None,
) -> ImportReport:
    """Import a file as a campaign, or go on with, or find again, the same import.

    `clock` gives the time at which events are recorded; `refused_rows` is where the report of refused rows goes,
    made when there is one. Raises `FileProblem` before anything is written; `FileChanged`, `ReportProblem` and
    `LedgerAway` leave what was recorded, and the same call goes on; `Refused` when somebody ended the campaign.
    """
    began = time.monotonic()
    on_progress(Progress(Phase.CHECKING))
    inspected = inspect(file, mapping)
    meter = _Meter(inspected.rows, on_progress)
    recording = Recording(
        inspected=inspected,
        mapping=mapping,
        commands=commands,
        principal=principal,
        clock=clock,
        patience=patience or Patience(),
        waiting=lambda: meter.show(Phase.WAITING),
    )
    with RefusedRows(refused_rows) as report:
        recording.begin()
        _record(inspected, mapping, recording, report, meter)
        if mapping.shape is Shape.ROW_PER_CALL:
            _finish_contacts(inspected, mapping, recording, meter)
        recording.end(accepted=meter.accepted, refused=meter.refused)
        return ImportReport(
            campaign_id=recording.campaign_id,
            rows=inspected.rows,
            accepted=meter.accepted,
            refused=meter.refused,
            contacts=recording.contacts,
            calls=recording.calls,
            refused_rows=report.path if report.rows else None,
            repeated=recording.wrote_nothing,
            seconds=time.monotonic() - began,
        )


@dataclass(slots=True)
class _Meter:
    """Counts rows and shows them."""

    rows: int
    on_progress: Callable[[Progress], None]
    accepted: int = 0
    refused: int = 0
    began: float = field(default_factory=time.monotonic)

    def show(self, phase: Phase, read: int | None = None) -> None:
        counted = self.accepted + self.refused
        seconds = time.monotonic() - self.began
        self.on_progress(
            Progress(phase, self.rows, counted if read is None else read, self.accepted, self.refused, seconds)
        )


def _record(
    inspected: Inspected, mapping: Mapping, recording: Recording, report: RefusedRows, meter: _Meter
) -> None:
    for chunk in _chunks(inspected, mapping):
        refused = [one for one in chunk if isinstance(one, Refusal)]
        refused += recording.record(_rows_of(chunk), of=_span_of(chunk))
        for refusal in sorted(refused, key=lambda one: one.number):
            report.add(refusal)
        meter.refused += len(refused)
        meter.accepted += len(chunk) - len(refused)
        meter.show(Phase.RECORDING)


def _finish_contacts(inspected: Inspected, mapping: Mapping, recording: Recording, meter: _Meter) -> None:
    # A contact's calls may stand anywhere in the file, so that only its end shows that there are no more. Reading
    # the file again costs no memory, as keeping every contact would.
    meter.began = time.monotonic()
    done = 0
    for chunk in _chunks(inspected, mapping):
        recording.finish(_rows_of(chunk), of=_span_of(chunk))
        done += len(chunk)
        meter.show(Phase.FINISHING, done)


def _rows_of(chunk: Sequence[Row | Refusal]) -> list[Row]:
    return [one for one in chunk if isinstance(one, Row)]


def _span_of(chunk: Sequence[Row | Refusal]) -> Span:
    return chunk[0].number, chunk[-1].number


def _chunks(inspected: Inspected, mapping: Mapping) -> Iterator[list[Row | Refusal]]:
    with open_records(inspected.file, mapping.file) as records, collected_by_hand() as after_chunk:
        reader = RowReader(records.header, mapping)
        chunk: list[Row | Refusal] = []
        calls = 0
        for record in records:
            read = reader.read(record)
            chunk.append(read)
            calls += read.calls if isinstance(read, Row) else 0
            if len(chunk) >= CHUNK_ROWS or calls >= CHUNK_CALLS:
                inspected.still_the_same()
                yield chunk
                after_chunk()
                chunk, calls = [], 0
        inspected.still_the_same()
        if chunk:
            yield chunk
