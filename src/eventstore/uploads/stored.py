"""Uploads in Postgres: the port `commands.uploads.Uploads`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from drumbeat.access.database import reachable
from drumbeat.access.master_keys import MasterKeys
from drumbeat.commands.uploads import (
    OVER,
    Progress,
    RefusedRow,
    Standing,
    TooManyUploads,
    Upload,
    UploadState,
)
from drumbeat.events import Principal
from drumbeat.eventstore.connections import (
    BOUNDED,
    NO_DATABASE,
    Connections,
    DatabaseUnavailable,
    LogConnection,
)
from drumbeat.queries import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "uploads.sql")
_BEGUN_IN_VAIN: Final = 10
"""Times that an upload is begun without a step forward before it is given up."""

_MASTER_ID_BYTES: Final = 16
_reachable = partial(reachable, (DatabaseUnavailable, *NO_DATABASE))


class StoredUploads:
    """`drumbeat.commands.uploads.Uploads` on Postgres. Safe for many threads; not inherited by forks."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 4,
        patience_seconds: float = 10.0,
        master: MasterKeys,
    ) -> None:
        """Connects at the first call. Files wait sealed under a master key."""
        self._connections = Connections(
            url, limit=connections, patience_seconds=patience_seconds, settings={**BOUNDED, "timezone": "UTC"}
        )
        self._master = master

    def queue(self, upload: Upload, *, limit: int, now: datetime) -> Standing:
        """See the port."""
        workspace_id = upload.principal.workspace_id
        with _reachable(), self._connections.use() as connection:
            with connection.transaction():
                connection.execute(_SQL["take_turns"], [workspace_id])
                if (kept := _find(connection, workspace_id, upload.import_id)) is not None:
                    return kept
                (under_way,) = connection.execute(_SQL["under_way"], [workspace_id]).fetchone() or (0,)
                if under_way >= limit:
                    raise TooManyUploads(limit)
                connection.execute(_SQL["queue"], self._row(upload, now))
            queued = _find(connection, workspace_id, upload.import_id)
            assert queued is not None
            return queued

    def find(self, workspace_id: str, import_id: UUID) -> Standing | None:
        """See the port."""
        with _reachable(), self._connections.use() as connection:
            return _find(connection, workspace_id, import_id)

    def newest(
        self, workspace_id: str, *, campaign_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[Standing]:
        """See the port."""
        asked = {"workspace_id": workspace_id, "campaign_id": campaign_id, "before": before, "limit": limit}
        with _reachable(), self._connections.use() as connection:
            return [_standing(row) for row in connection.execute(_SQL["newest"], asked)]

    def report(self, workspace_id: str, import_id: UUID) -> Sequence[RefusedRow]:
        """See the port."""
        asked = {"workspace_id": workspace_id, "import_id": import_id}
        with _reachable(), self._connections.use() as connection:
            return [RefusedRow(*row) for row in connection.execute(_SQL["report"], asked)]

    def cancel(self, workspace_id: str, import_id: UUID, *, now: datetime) -> Standing | None:
        """See the port."""
        asked = {"workspace_id": workspace_id, "import_id": import_id, "now": now}
        with _reachable(), self._connections.use() as connection:
            connection.execute(_SQL["cancel"], asked)
            return _find(connection, workspace_id, import_id)

    @contextmanager
    def claim(self, *, now: datetime) -> "Iterator[StoredLease | None]":
        """See the port. The lock of the upload is the session's, and dies with its connection."""
        with _reachable(), self._connections.use() as connection:
            for (number,) in connection.execute(_SQL["to_do"]).fetchall():
                if not _true(connection, "lock", number):
                    continue
                try:
                    lease = self._begin(connection, number, now)
                    if lease is not None:
                        yield lease
                        return
                finally:
                    _unlock(connection, number)
            yield None

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _begin(self, connection: LogConnection, number: int, now: datetime) -> "StoredLease | None":
        row = connection.execute(_SQL["begin"], {"number": number, "now": now}).fetchone()
        if row is None:
            return None
        workspace_id, import_id, campaign_id, principal, file, lines, begun, cancelling, *counted = row
        hopeless = begun > _BEGUN_IN_VAIN
        upload = Upload(
            import_id=import_id,
            campaign_id=campaign_id,
            principal=msgspec.convert(principal, Principal),
            file=b"" if hopeless else self._unsealed(bytes(file), import_id),
            lines=lines,
        )
        assert upload.principal.workspace_id == workspace_id
        return StoredLease(connection, number, upload, _progress(counted), cancelling, hopeless)

    def _sealed(self, file: bytes, import_id: UUID) -> bytes:
        master, sealed = self._master.wrap(file, import_id.bytes)
        return master.encode("ascii") + sealed

    def _unsealed(self, kept: bytes, import_id: UUID) -> bytes:
        master, sealed = kept[:_MASTER_ID_BYTES].decode("ascii"), kept[_MASTER_ID_BYTES:]
        return self._master.unwrap(master, sealed, import_id.bytes)

    def _row(self, upload: Upload, now: datetime) -> dict[str, Any]:
        return {
            "workspace_id": upload.principal.workspace_id,
            "import_id": upload.import_id,
            "campaign_id": upload.campaign_id,
            "principal": Jsonb(msgspec.to_builtins(upload.principal)),
            "file": self._sealed(upload.file, upload.import_id),
            "file_bytes": len(upload.file),
            "lines": upload.lines,
            "now": now,
        }


@dataclass(frozen=True, slots=True)
class StoredLease:
    """`drumbeat.commands.uploads.Lease`: on the connection that holds the lock. Belongs to one thread."""

    connection: LogConnection
    number: int
    upload: Upload
    progress: Progress
    cancelling: bool
    hopeless: bool

    def advance(self, progress: Progress, refused: Sequence[RefusedRow]) -> bool:
        """See the port."""
        upload, known = self.upload, asdict(progress)
        rows = [
            (upload.principal.workspace_id, upload.import_id, row.line, row.field, row.reason, row.allowed)
            for row in refused
        ]
        with _reachable(), self.connection.transaction():
            if rows:
                self.connection.cursor().executemany(_SQL["refuse"], rows)
            row = self.connection.execute(_SQL["advance"], {"number": self.number, **known}).fetchone()
        return row is not None and not row[0]

    def end(self, state: UploadState, now: datetime, failure: str | None = None) -> None:
        """See the port."""
        assert state in OVER
        how = {"number": self.number, "state": state.value, "failure": failure, "now": now}
        with _reachable():
            self.connection.execute(_SQL["end"], how)


def _find(connection: LogConnection, workspace_id: str, import_id: UUID) -> Standing | None:
    asked = {"workspace_id": workspace_id, "import_id": import_id}
    row = connection.execute(_SQL["find"], asked).fetchone()
    return None if row is None else _standing(row)


def _standing(row: tuple[Any, ...]) -> Standing:
    import_id, campaign_id, actor, state, cancelling, file_bytes, lines, failure, queued, began, ended, *rest = row
    return Standing(
        import_id=import_id,
        campaign_id=campaign_id,
        actor=actor,
        state=UploadState(state),
        cancelling=cancelling,
        file_bytes=file_bytes,
        lines=lines,
        progress=_progress(rest),
        failure=failure,
        queued_at=queued,
        began_at=began,
        ended_at=ended,
    )


def _progress(counted: Sequence[Any]) -> Progress:
    lines_read, rows_read, accepted, already_enrolled, refused, position = counted
    return Progress(
        lines_read=lines_read,
        rows_read=rows_read,
        accepted=accepted,
        already_enrolled=already_enrolled,
        refused=refused,
        position=position,
    )


def _true(connection: LogConnection, query: str, number: int) -> bool:
    row = connection.execute(_SQL[query], [number]).fetchone()
    return bool(row and row[0])


def _unlock(connection: LogConnection, number: int) -> None:
    with suppress(psycopg.Error):
        connection.execute(_SQL["unlock"], [number])
        return
    connection.close()  # the lock ends with the session
