"""The roles that processes take in the database, so that each may do what it is for and nothing else.

Roles belong to a server, not to a database. They are made by migrating and cannot log in: a connection logs in as
whoever the URL names and is the role from its first statement on. What each may do stands in the migrations and,
for read models, in `projections/engine/walls.sql`.
"""

import os
from enum import StrEnum
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Role(StrEnum):
    """Who a connection is."""

    WRITE = "drumbeat_write"
    """Commands: appends to the log and reads it, keeps idempotency keys and snapshots."""
    READ = "drumbeat_read"
    """Reads the log, and of the read models the rows of one workspace."""
    KEYS = "drumbeat_keys"
    """Finds the keys that are shown, and notes their use."""
    RELAY = "drumbeat_relay"
    """Keeps the relay's checkpoint."""
    PROJECT = "drumbeat_project"
    """Owns the read models and writes them."""
    POLICIES = "drumbeat_policies"
    """Sees the timers of every workspace, and holds those that it works on."""
    AUDIT = "drumbeat_audit"
    """Grows the tree over the log, and keeps the heads that were signed."""
    OPERATE = "drumbeat_operate"
    """Asks for rebuilds of the read models, and sees how all of their generations are."""


class RoleUnusable(psycopg.OperationalError):
    """The server lacks a role, or the login of the URL may not take it; the message says what to do."""

    def __init__(self, role: str, problem: str) -> None:
        super().__init__(
            f"this login cannot be {role} ({problem.strip()}): run `drumbeat migrate` with a login that may make "
            f"roles, or have `GRANT {role} TO` this login done"
        )


_REFUSALS: Final = ("does not exist", "permission denied")


def as_role(url: str, role: Role) -> str:
    """What to connect to, in order to be this role: for libpq, with the options of `url` kept."""
    options = conninfo_to_dict(url).get("options") or os.environ.get("PGOPTIONS", "")
    return make_conninfo(url, options=f"{options} -c role={role}".strip())


def unusable(error: psycopg.OperationalError, role: Role) -> RoleUnusable | None:
    """The refusal of a role in an error of connecting; None for any other error."""
    problem = str(error)
    if f'"{role}"' in problem and any(words in problem for words in _REFUSALS):
        return RoleUnusable(role, problem)
    return None
