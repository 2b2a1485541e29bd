"""What is done to workspaces and keys: the event, which the audit history shows, and the row, which admits.

Both cannot be written in one transaction, so their order makes a crash between them harmless: no key ever works of
which the history does not know, and none that the history calls revoked.

- create, rotate: the event, then the row. After a crash between them the history tells of a secret that nobody has
  seen and that opens nothing. A rotation is repeated by rotating again, and until then the old secret works as
  before; a key that was created so far and no further gets its row by rotating it.
- revoke: the row, then the event. After a crash between them the key is dead and the history does not say so yet;
  revoking again says it.
- create a workspace: the event, then the row; creating it again under the same name adds the row.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from drumbeat.access.api_keys import KeyRow, StoredKeys, WorkspaceRow
from drumbeat.access.authenticator import Holder, judged
from drumbeat.access.tokens import Token
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.workspaces import CreateKey, CreateWorkspace, RevokeKey, RotateKey
from drumbeat.events import Principal
from drumbeat.events.workspace import KeyScope


class KeyRing:
    """Makes, renews and ends keys. May be used by many threads at once.

    Every method acts in the principal's workspace, and raises `Refused` and `LedgerUnavailable`.
    """

    def __init__(self, commands: Commands, rows: StoredKeys) -> None:
        self._commands = commands
        self._rows = rows

    def create_workspace(self, workspace_id: str, name: str, principal: Principal, *, now: datetime) -> None:
        """A workspace of this id. Nothing to do when it exists under this name."""
        who = replace(principal, workspace_id=workspace_id)
        self._commands.execute(CreateWorkspace(name=name), who, now=now)
        self._rows.put_workspace(workspace_id, name.strip(), at=now, by=principal.actor)

    def workspaces(self) -> list[WorkspaceRow]:
        """All workspaces, by id."""
        return self._rows.workspaces()

    def create(
        self,
        name: str,
        scopes: Sequence[KeyScope],
        principal: Principal,
        *,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> tuple[Token, KeyRow]:
        """A key, and the token that is shown once."""
        token = Token.new(uuid4())
        wish = CreateKey(key_id=token.key_id, name=name, scopes=tuple(scopes), expires_at=expires_at)
        self._commands.execute(wish, principal, now=now)
        return token, self._put(token, wish.model_dump(), principal, now)

    def rotate(
        self, key: str, principal: Principal, *, now: datetime, overlap: timedelta = timedelta()
    ) -> tuple[Token, KeyRow]:
        """A new secret for the key of this id or name; the old one works for `overlap` more."""
        done = self._commands.execute(RotateKey(key=key, overlap=overlap), principal, now=now)
        (told,) = done.results
        token = Token.new(UUID(told["key_id"]))
        return token, self._put(token, told, principal, now, old_secret_until=now + overlap)

    def revoke(self, key: str, principal: Principal, *, now: datetime) -> None:
        """The key of this id or name works no more, in every process within the time that keys are trusted."""
        self._rows.revoke(principal.workspace_id, key, at=now)
        self._commands.execute(RevokeKey(key=key), principal, now=now)

    def holder(self, token: Token, *, now: datetime) -> Holder:
        """Who shows a token at this moment. Raises `NotAdmitted`."""
        return judged(self._rows.find(token.key_id), token, now)

    def keys(self, workspace_id: str) -> list[KeyRow]:
        """The keys of a workspace, in the order in which they were made."""
        return self._rows.keys(workspace_id)

    def _put(
        self,
        token: Token,
        told: dict[str, Any],
        principal: Principal,
        now: datetime,
        old_secret_until: datetime | None = None,
    ) -> KeyRow:
        until = told["expires_at"]
        return self._rows.put(
            token,
            workspace_id=principal.workspace_id,
            name=told["name"],
            scopes=[scope for scope in KeyScope if scope in told["scopes"]],
            expires_at=datetime.fromisoformat(until) if isinstance(until, str) else until,
            at=now,
            by=principal.actor,
            old_secret_until=old_secret_until,
        )
