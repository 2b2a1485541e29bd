"""How far the tree over the log is, for whoever looks from outside."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from drumbeat.audit.stored import TreeDamaged, last_leaf, newest_head
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStanding:
    """How many events the tree has, and up to which position; how many the newest signed head vouches for.

    `signed_at` is None before the first head, `fault` while the stored tree can be read.
    """

    leaves: int = 0
    position: int = 0
    signed_leaves: int = 0
    signed_at: datetime | None = None
    fault: str | None = None


def tree_standing(database_url: str) -> TreeStanding:
    """Look once. Raises psycopg's errors."""
    with closing(open_connection(database_url, settings={}, role=Role.READ)) as connection:
        try:
            last, signed = last_leaf(connection), newest_head(connection)
        except TreeDamaged as error:
            return TreeStanding(fault=str(error))
    return TreeStanding(
        leaves=0 if last is None else last.number + 1,
        position=0 if last is None else last.position,
        signed_leaves=0 if signed is None else signed.tree_size,
        signed_at=None if signed is None else datetime.fromtimestamp(signed.head.timestamp_ms / 1_000, UTC),
    )
