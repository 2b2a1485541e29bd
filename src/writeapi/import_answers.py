"""What is answered about imports, and their reports."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from drumbeat.commands.uploads import OVER, RefusedRow, Standing, UploadState
from drumbeat.intake.upload_files import UploadFile, refusals

_SHOWN_OF_A_CHECK: Final = 100


class Import(msgspec.Struct, kw_only=True):
    """How an import is doing. `share_done` is that of the file's lines, 0 to 1.

    A read with `at_least` the `position` shows every contact enrolled so far; null before the first one.
    `failure` is the code of the problem for which it failed.
    """

    import_id: UUID
    campaign_id: UUID
    actor: str
    state: UploadState
    cancelling: bool
    file_bytes: int
    rows_read: int
    accepted: int
    already_enrolled: int
    refused: int
    share_done: float
    position: int | None
    failure: str | None
    queued_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    report: str


class ImportPage(msgspec.Struct, kw_only=True):
    """The newest first; `next_cursor` leads to the older ones, null when there are none."""

    items: list[Import]
    next_cursor: str | None


class RowAtFault(msgspec.Struct):
    """A row that will be refused: its line, the column at fault where one is, why, and what is allowed."""

    line: int
    field: str
    reason: str
    allowed: str


class CheckedFile(msgspec.Struct, kw_only=True):
    """What a dry run found; of the rows at fault the first hundred. Whom a do-not-contact list or the campaign
    itself turns away is told by the import alone."""

    rows: int
    refused: int
    first_refused: list[RowAtFault]


class Uploaded(msgspec.Struct, kw_only=True):
    """The import that was queued; of a dry run what was found instead."""

    queued: Import | None = None
    checked: CheckedFile | None = None


def checked(file: UploadFile) -> CheckedFile:
    """What is wrong with the rows of a file by themselves. Raises `UnfitUpload`."""
    rows, at_fault = 0, 0
    first: list[RowAtFault] = []
    for refusal in refusals(file):
        rows += 1
        if refusal is not None:
            at_fault += 1
            if at_fault <= _SHOWN_OF_A_CHECK:
                first.append(RowAtFault(refusal.line, refusal.field, refusal.reason, refusal.allowed))
    return CheckedFile(rows=rows, refused=at_fault, first_refused=first)


def shown(one: Standing) -> Import:
    """An import as it is answered."""
    progress = one.progress
    share = 1.0 if one.state is UploadState.DONE else progress.lines_read / one.lines
    return Import(
        import_id=one.import_id,
        campaign_id=one.campaign_id,
        actor=one.actor,
        state=one.state,
        cancelling=one.cancelling and one.state not in OVER,
        file_bytes=one.file_bytes,
        rows_read=progress.rows_read,
        accepted=progress.accepted,
        already_enrolled=progress.already_enrolled,
        refused=progress.refused,
        share_done=round(share, 4),
        position=progress.position,
        failure=one.failure,
        queued_at=one.queued_at,
        began_at=one.began_at,
        ended_at=one.ended_at,
        report=f"/imports/{one.import_id}/report",
    )


def as_csv(rows: Sequence[RefusedRow]) -> bytes:
    """A report as it is downloaded."""
    out = io.StringIO(newline="")
    write = csv.writer(out)
    write.writerow(("line", "field", "reason", "allowed"))
    write.writerows((row.line, row.field, row.reason, row.allowed) for row in rows)
    return out.getvalue().encode()
