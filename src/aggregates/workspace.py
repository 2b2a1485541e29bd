"""A workspace: that it exists, and its keys. Their secrets are no part of it: `access` keeps hashes of them."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range, required_text
from drumbeat.events import Event, Fact
from drumbeat.events.workspace import (
    KeyScope,
    WorkspaceCreated,
    WorkspaceKeyCreated,
    WorkspaceKeyRevoked,
    WorkspaceKeyRotated,
)

DEFAULT_WORKSPACE: Final = "default"
"""The workspace that always exists; its stream begins when something is done to it."""

LONGEST_OVERLAP: Final = timedelta(days=30)
_WORD: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_KEY_NAME: Final = re.compile(r"(?![0-9a-f-]{36}$)[A-Za-z0-9][A-Za-z0-9 ._@-]{0,59}")
"""Printable in a header and a log; none looks like an id, for a key is called by either."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the workspace. Its name is its own for ever: it says in the audit history who acted."""

    key_id: UUID
    name: str
    scopes: tuple[KeyScope, ...]
    expires_at: datetime | None = None
    revoked: bool = False


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace that exists; `keys` in the order in which they were made."""

    name: str
    keys: tuple[Key, ...] = ()


_changed = msgspec.structs.replace


def evolve(state: Workspace | None, event: Event[Fact]) -> Workspace:
    """The workspace after one more event of its stream."""
    fact = event.fact
    if isinstance(fact, WorkspaceCreated):
        return Workspace(name=fact.name)
    assert state is not None, f"a workspace's history begins with {fact.TYPE}"
    match fact:
        case WorkspaceKeyCreated():
            key = Key(key_id=fact.key_id, name=fact.name, scopes=fact.scopes, expires_at=fact.expires_at)
            state = _changed(state, keys=(*state.keys, key))
        case WorkspaceKeyRevoked():
            keys = [_changed(key, revoked=True) if key.key_id == fact.key_id else key for key in state.keys]
            state = _changed(state, keys=tuple(keys))
    return state


WORKSPACE: Aggregate[Workspace] = Aggregate("workspace", Workspace, evolve)


def workspace_word(word: str) -> str:
    """The id of a workspace, when it is one. Raises `out_of_range`."""
    if not _WORD.fullmatch(word):
        raise out_of_range(
            "workspace", word[:60], "a word of a-z, 0-9 and -, beginning with a letter, at most 40 long"
        )
    return word


def create_workspace(state: Workspace | None, *, name: str) -> tuple[Fact, ...]:
    """A workspace. Nothing to do when it exists under this name. Raises `out_of_range`, `wrong_state`."""
    wanted = required_text("name", name)
    if state is None:
        return (WorkspaceCreated(name=wanted),)
    if state.name != wanted:
        raise Refused(
            RefusalCode.WRONG_STATE, f"this workspace exists, and is called {state.name!r}", field="workspace"
        )
    return ()


def create_key(
    state: Workspace | None,
    *,
    workspace_id: str,
    key_id: UUID,
    name: str,
    scopes: Iterable[KeyScope],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[Fact, ...]:
    """A key for what `scopes` say; the workspace `default` is created by its first key.

    Raises `unknown_stream`, `out_of_range`, `wrong_state` for a name that was used.
    """
    if state is None and workspace_id != DEFAULT_WORKSPACE:
        raise _no_workspace(workspace_id)
    first = (WorkspaceCreated(name=DEFAULT_WORKSPACE),) if state is None else ()
    if not _KEY_NAME.fullmatch(name):
        raise out_of_range(
            "name", name[:80], "1 to 60 letters, digits, blanks and . _ @ -, beginning with one of the former"
        )
    if state is not None and any(key.name == name for key in state.keys):
        raise Refused(
            RefusalCode.WRONG_STATE,
            f"there is or was a key called {name!r}; a name is used once",
            field="name",
            value=name,
        )
    wanted = tuple(scope for scope in KeyScope if scope in set(scopes))
    if not wanted:
        raise out_of_range("scopes", [], "one or more of " + ", ".join(KeyScope))
    if expires_at is not None and expires_at <= now:
        raise out_of_range("expires_at", expires_at.isoformat(), "an instant that is still to come")
    return (*first, WorkspaceKeyCreated(key_id=key_id, name=name, scopes=wanted, expires_at=expires_at))


def rotate_key(state: Workspace | None, *, key: str, overlap: timedelta, now: datetime) -> tuple[Fact, ...]:
    """A new secret; the old one works for `overlap` more, at most 30 days.

    Raises `unknown_stream`, `out_of_range`, `wrong_state` when the key is revoked or has expired.
    """
    found = key_called(state, key)
    if found.revoked or (found.expires_at is not None and found.expires_at <= now):
        what = "is revoked" if found.revoked else "has expired"
        raise Refused(
            RefusalCode.WRONG_STATE, f"the key {found.name!r} {what}; make a new one", field="key", value=key
        )
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise out_of_range("overlap", f"{overlap.total_seconds():g} s", "0 s to 30 days")
    return (WorkspaceKeyRotated(key_id=found.key_id, name=found.name, old_secret_until=now + overlap),)


def revoke_key(state: Workspace | None, *, key: str) -> tuple[Fact, ...]:
    """The key works no more. Nothing to do when it is revoked. Raises `unknown_stream`."""
    found = key_called(state, key)
    return () if found.revoked else (WorkspaceKeyRevoked(key_id=found.key_id, name=found.name),)


def key_called(state: Workspace | None, key: str) -> Key:
    """The key of an id or a name. Raises `unknown_stream`."""
    for one in state.keys if state is not None else ():
        if key in {one.name, str(one.key_id)}:
            return one
    raise Refused(
        RefusalCode.UNKNOWN_STREAM, f"there is no key {key[:80]!r} in this workspace", field="key", value=key[:80]
    )


def _no_workspace(workspace_id: str) -> Refused:
    return Refused(
        RefusalCode.UNKNOWN_STREAM,
        f"there is no workspace {workspace_id!r}; make it with `drumbeat workspaces create`",
        field="workspace",
        value=workspace_id,
    )
