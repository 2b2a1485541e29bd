"""Wrap every person's key by the newest master key. Events stay as they are, and the system runs on meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from drumbeat.access.master_keys import MasterKeys
from drumbeat.queries import load_queries

_SQL: Final = load_queries(Path(__file__).parent / "sql" / "person_keys.sql")
_NOBODY: Final = UUID(int=0)
KEYS_A_STEP: Final = 500
"""Keys that are wrapped anew in one transaction: locks are short, and little is done again after a crash."""


def rewrap(
    connection: psycopg.Connection[Any], master: MasterKeys, *, told: Callable[[float], None] = lambda _share: None
) -> int:
    """Wrap all keys that another master key wraps by the newest; how many there were. May be called again.

    `told` hears after each step which share is done. A key that is destroyed meanwhile stays destroyed. Needs the
    login of the owner, in autocommit. Raises psycopg's errors, `MasterKeyProblem`, `DoesNotOpen`.
    """
    newest, done, after = master.newest(), 0, _NOBODY
    (count,) = connection.execute(_SQL["count_wrapped_by_others"], [newest]).fetchone() or (0,)
    while rows := connection.execute(_SQL["wrapped_by_others"], [after, newest, KEYS_A_STEP]).fetchall():
        keys = [(person, number, master.unwrap(by, blob, person.bytes)) for person, number, by, blob in rows]
        wrapped = [master.wrap(key, person.bytes) for person, _, key in keys]
        arguments = {
            "persons": [person for person, *_ in keys],
            "numbers": [number for _, number, _ in keys],
            "masters": [by for by, _ in wrapped],
            "wrapped": [blob for _, blob in wrapped],
        }
        done += connection.execute(_SQL["rewrap"], arguments).rowcount
        after = rows[-1][0]
        told(min(1.0, done / count) if count else 1.0)
    return done
