"""Facts of a workspace: that it was made, and what became of its keys. Never a secret, nor the hash of one."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.events.values import Many


class KeyScope(StrEnum):
    """What a key may be used for. None contains another."""

    READ = "read"
    WRITE = "write"
    OPERATE = "operate"
    IMPERSONATE = "impersonate"


class WorkspaceCreated(Fact):
    """The workspace exists; its id is the envelope's."""

    TYPE: ClassVar[str] = "workspace.created.v1"
    name: str


class WorkspaceKeyCreated(Fact):
    """A key was made. Without `expires_at` it holds until it is revoked."""

    TYPE: ClassVar[str] = "workspace.key_created.v1"
    key_id: UUID
    name: str
    scopes: Many[KeyScope]
    expires_at: datetime | None = None


class WorkspaceKeyRotated(Fact):
    """A key got a new secret; the old one works until `old_secret_until`."""

    TYPE: ClassVar[str] = "workspace.key_rotated.v1"
    key_id: UUID
    name: str
    old_secret_until: datetime


class WorkspaceKeyRevoked(Fact):
    """A key works no more."""

    TYPE: ClassVar[str] = "workspace.key_revoked.v1"
    key_id: UUID
    name: str
