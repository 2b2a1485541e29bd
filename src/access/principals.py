"""Who acts, on this machine: a person at the command line, or the system itself.

Workspace and actor come from here, never from a command's body.
"""

import getpass
from uuid import UUID, uuid4

from drumbeat.aggregates.workspace import DEFAULT_WORKSPACE
from drumbeat.events import Cause, Principal


def person(*, correlation_id: UUID | None = None) -> Principal:
    """The person at the command line: the account of the operating system, in the default workspace."""
    return Principal(
        workspace_id=DEFAULT_WORKSPACE,
        actor=_account(),
        cause=Cause.USER,
        correlation_id=correlation_id or uuid4(),
    )


def provider(name: str, *, correlation_id: UUID | None = None) -> Principal:
    """A machine outside that places calls or sends messages, and reports what came of it."""
    return Principal(
        workspace_id=DEFAULT_WORKSPACE,
        actor=name,
        cause=Cause.PROVIDER,
        correlation_id=correlation_id or uuid4(),
    )


def system(part: str, *, correlation_id: UUID | None = None, causation_id: UUID | None = None) -> Principal:
    """A part of the system that acts by itself; `part` says which in the audit history."""
    return Principal(
        workspace_id=DEFAULT_WORKSPACE,
        actor=part,
        cause=Cause.SYSTEM,
        correlation_id=correlation_id or uuid4(),
        causation_id=causation_id,
    )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return "unknown"
