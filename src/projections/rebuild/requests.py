"""Rebuilds and switches that somebody asks for without doing them: written down, and how they are.

Asking is the role `drumbeat_operate`'s; `carrying_out` does what is asked, in a process that projects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import SQL as BOOKS
from drumbeat.projections.rebuild import building
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.queries import load_queries

REQUESTS: Final = load_queries(Path(__file__).with_name("requests.sql"))

_SESSION: Final = {"timezone": "UTC", "lock_timeout": "5s", "statement_timeout": "30s"}


class RebuildUnderWay(RebuildRefused):
    """Some of the projections are being made already, in `generation`."""

    def __init__(self, generation: str) -> None:
        super().__init__(f"some of these are being rebuilt already, in {generation}: let it end, or cancel it")
        self.generation = generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rebuild as somebody wants it. `projections`: whole families."""

    rebuild_id: UUID
    projections: Sequence[str]
    workers: int
    lag_limit_events: int
    go_live: bool
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A rebuild as it stands; what is only known of those that were asked for is None for others.

    `events` were looked at, of `events_expected`, in `seconds`. `states`: of its projections that are there, by
    name.
    """

    generation: str
    rebuild_id: UUID | None
    projections: Sequence[str] | None
    workers: int | None
    lag_limit_events: int | None
    go_live: bool | None
    asked_by: str | None
    asked_at: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    problem: str | None
    differences: Sequence[Mapping[str, Any]] | None
    cancelling: bool
    stage: str | None
    seconds: float | None
    events_expected: int
    slices_done: int
    slices: int
    events: int
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch as it stands."""

    switch_id: UUID
    generation: str
    projections: Sequence[str]
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    locked_milliseconds: float | None
    problem: str | None


class Requests:
    """What was asked for, for whoever asks. Safe for many threads.

    Every method may raise `DatabaseUnavailable` and psycopg's errors.
    """

    def __init__(self, read_url: str, *, patience_seconds: float = 10.0) -> None:
        """Connects at the first call."""
        self._connections = Connections(
            read_url, limit=2, patience_seconds=patience_seconds, settings=_SESSION, role=Role.OPERATE
        )

    def ask(self, asked: Asked) -> str:
        """Write a rebuild down; its generation. What was asked before keeps its own. Raises `RebuildUnderWay`."""
        with self._connections.use() as connection, connection.transaction(), connection.cursor() as cursor:
            # Names of generations are given one after the other, here and where one is begun at once.
            cursor.execute(BOOKS["take_turns"])
            known = cursor.execute(REQUESTS["generation_of"], {"rebuild_id": asked.rebuild_id}).fetchone()
            if known is not None:
                return str(known[0])
            names = sorted(asked.projections)
            other = cursor.execute(REQUESTS["under_way"], {"projections": names}).fetchone()
            if other is not None:
                raise RebuildUnderWay(other[0])
            generation = building.next_name(cursor)
            row = {
                "rebuild_id": asked.rebuild_id,
                "generation": generation,
                "projections": names,
                "workers": asked.workers,
                "lag_limit_events": asked.lag_limit_events,
                "go_live": asked.go_live,
                "asked_by": asked.asked_by,
                "now": asked.asked_at,
            }
            cursor.execute(REQUESTS["ask"], row)
        return generation

    def rebuilds(self, generation: str | None = None, *, limit: int = 1) -> list[Row]:
        """The newest first, or the one that makes a generation."""
        asked = {"generation": generation, "limit": limit}
        with self._connections.use() as connection:
            return [Row(*row) for row in connection.execute(REQUESTS["rebuilds"], asked)]

    def cancel(self, generation: str, *, now: datetime) -> None:
        """Ask for the end of what is being built, or waits to be."""
        with self._connections.use() as connection, connection.transaction():
            for statement in ("cancel", "cancel_build"):
                connection.execute(REQUESTS[statement], {"generation": generation, "now": now})

    def ask_switch(
        self, switch_id: UUID, generation: str, projections: Sequence[str], *, asked_by: str, now: datetime
    ) -> None:
        """Write a switch down, once."""
        asked = {
            "switch_id": switch_id,
            "generation": generation,
            "projections": sorted(projections),
            "asked_by": asked_by,
            "now": now,
        }
        with self._connections.use() as connection:
            connection.execute(REQUESTS["ask_switch"], asked)

    def switch(self, switch_id: UUID) -> SwitchRow | None:
        """How a switch is doing."""
        with self._connections.use() as connection:
            row = connection.execute(REQUESTS["switch"], {"switch_id": switch_id}).fetchone()
        return None if row is None else SwitchRow(*row)

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()
