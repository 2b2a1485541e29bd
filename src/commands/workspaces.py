"""Commands on workspaces and their keys. The workspace is the principal's; secrets are no part of a command.

`access.keyring` gives them, and keeps beside the events what authentication needs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from drumbeat.aggregates.workspace import (
    WORKSPACE,
    Key,
    Workspace,
    create_key,
    create_workspace,
    key_called,
    revoke_key,
    rotate_key,
    workspace_word,
)
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Run
from drumbeat.events import Fact
from drumbeat.events.ids import workspace_stream_id
from drumbeat.events.values import Many
from drumbeat.events.workspace import KeyScope


class CreateWorkspace(Command):
    """Make the principal's workspace."""

    NAME: ClassVar[str] = "create_workspace"
    name: str


class CreateKey(Command):
    """Make a key in the principal's workspace."""

    NAME: ClassVar[str] = "create_key"
    key_id: UUID
    name: str
    scopes: Many[KeyScope]
    expires_at: datetime | None = None


class RotateKey(Command):
    """Give a key a new secret; the old one works for `overlap` more."""

    NAME: ClassVar[str] = "rotate_key"
    key: str
    """Its id or its name."""
    overlap: timedelta = Field(default=timedelta())


class RevokeKey(Command):
    """Let a key work no more."""

    NAME: ClassVar[str] = "revoke_key"
    key: str
    """Its id or its name."""


def _create_workspace(command: CreateWorkspace, run: Run) -> Done:
    workspace_word(run.principal.workspace_id)
    return run.one(WORKSPACE, _stream(run), lambda state: create_workspace(state, name=command.name))


def _create_key(command: CreateKey, run: Run) -> Done:
    return run.one(
        WORKSPACE,
        _stream(run),
        lambda state: create_key(
            state,
            workspace_id=run.principal.workspace_id,
            key_id=command.key_id,
            name=command.name,
            scopes=command.scopes,
            expires_at=command.expires_at,
            now=run.now,
        ),
    )


def _rotate_key(command: RotateKey, run: Run) -> Done:
    return _on_key(
        run, command.key, lambda state: rotate_key(state, key=command.key, overlap=command.overlap, now=run.now)
    )


def _revoke_key(command: RevokeKey, run: Run) -> Done:
    return _on_key(run, command.key, lambda state: revoke_key(state, key=command.key))


def _on_key(run: Run, name: str, decide: Any) -> Done:
    found: list[Key] = []

    def decided(state: Workspace | None) -> Sequence[Fact]:
        found[:] = [key_called(state, name)]
        facts: Sequence[Fact] = decide(state)
        return facts

    def results(_facts: Sequence[Fact]) -> tuple[dict[str, Any], ...]:
        key = found[0]
        until = None if key.expires_at is None else key.expires_at.isoformat()
        return ({"key_id": str(key.key_id), "name": key.name, "scopes": [*key.scopes], "expires_at": until},)

    return run.one(WORKSPACE, _stream(run), decided, results=results)


def _stream(run: Run) -> UUID:
    return workspace_stream_id(run.principal.workspace_id)


HANDLERS: dict[type[Command], Handler] = {
    CreateWorkspace: _create_workspace,
    CreateKey: _create_key,
    RotateKey: _rotate_key,
    RevokeKey: _revoke_key,
}
