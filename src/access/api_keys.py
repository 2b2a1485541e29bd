"""The rows of keys and workspaces, as authentication and lists need them; what was done to them is in the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row

from drumbeat.access.database import Connections, reachable
from drumbeat.access.tokens import Token
from drumbeat.events.workspace import KeyScope
from drumbeat.queries import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "api_keys.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as lists show it. Times are UTC; `last_used_at` may be a minute old."""

    key_id: UUID
    workspace_id: str
    name: str
    scopes: Sequence[KeyScope]
    expires_at: datetime | None
    made_at: datetime
    made_by: str
    rotated_at: datetime | None
    old_secret_until: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def state(self, now: datetime) -> str:
        """What it is good for at an instant: works, expired, revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "works"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """A workspace as lists show it; `keys` counts those that are not revoked."""

    workspace_id: str
    name: str
    made_at: datetime
    made_by: str
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a token is compared with."""

    key_id: UUID
    workspace_id: str
    name: str
    scopes: Sequence[KeyScope]
    secret_hash: bytes
    old_secret_hash: bytes | None
    old_secret_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class StoredKeys:
    """The rows. May be used by many threads at once. Every method may raise `LedgerUnavailable`.

    `put_workspace`, `put` and `revoke` belong to the key ring, which writes the events beside them; `touch` to
    whoever authenticates.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def put_workspace(self, workspace_id: str, name: str, *, at: datetime, by: str) -> None:
        """A workspace as its stream says; again it changes nothing."""
        self._ask("put_workspace", workspace_id=workspace_id, name=name, at=at, by=by)

    def workspaces(self) -> list[WorkspaceRow]:
        """All of them, by id."""
        return [WorkspaceRow(**row) for row in self._ask("workspaces")]

    def put(
        self,
        token: Token,
        *,
        workspace_id: str,
        name: str,
        scopes: Sequence[KeyScope],
        expires_at: datetime | None,
        at: datetime,
        by: str,
        old_secret_until: datetime | None = None,
    ) -> KeyRow:
        """A key with the secret of this token. One that is there keeps its old secret until `old_secret_until`."""
        (row,) = self._ask(
            "put_key",
            key_id=token.key_id,
            workspace_id=workspace_id,
            name=name,
            scopes=[*scopes],
            secret_hash=token.secret_hash(),
            expires_at=expires_at,
            at=at,
            by=by,
            old_secret_until=old_secret_until,
        )
        return KeyRow(**_with_scopes(row))

    def revoke(self, workspace_id: str, key: str, *, at: datetime) -> None:
        """The key of an id or a name works no more; nothing to do when there is none, or when it is revoked."""
        self._ask("revoke", workspace_id=workspace_id, key=key, at=at)

    def keys(self, workspace_id: str) -> list[KeyRow]:
        """The keys of a workspace, in the order in which they were made."""
        return [KeyRow(**_with_scopes(row)) for row in self._ask("keys", workspace_id=workspace_id)]

    def find(self, key_id: UUID) -> Kept | None:
        """What a token of this id is compared with."""
        rows = self._ask("key", key_id=key_id)
        return Kept(**_with_scopes(rows[0])) if rows else None

    def touch(self, key_id: UUID, *, at: datetime) -> None:
        """A key was used."""
        self._ask("touch", key_id=key_id, at=at)

    def _ask(self, statement: str, **arguments: Any) -> list[dict[str, Any]]:
        with reachable(), self._connections() as connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_SQL[statement], arguments)
            return cursor.fetchall() if cursor.description is not None else []


def _with_scopes(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"scopes": tuple(KeyScope(scope) for scope in row["scopes"])}
