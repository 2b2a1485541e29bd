"""Campaigns as of earlier moments, kept at hand for a while: each in a session with tables of its own.

A world is a campaign of a workspace at a position. It is folded when it is first asked for, and at hand while it
is kept. What was said of a person who has been erased since is forgotten before every answer.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog

from drumbeat.eventstore.calls import quoted
from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.models import installed
from drumbeat.readapi.database import BEGIN, SET_WORKSPACE, ReadModels, Seen, Snapshot, as_problems
from drumbeat.readapi.folding import SQL, Asked, fold, forget, make_tables
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.problems import AsOfBusy
from drumbeat.readapi.statements import on_own_views
from drumbeat.readapi.waiting import not_reached
from drumbeat.web.problems import NotReady, Problem
from drumbeat.web.read_models import UnknownCampaign

log = structlog.get_logger()

_SESSION = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    # The server ends a session that nobody asks, and what stands in its tables goes with it.
    "idle_session_timeout": "60s",
}
_WAITING_FOR_EACH = 2


@dataclass(slots=True, eq=False)
class World:
    """One campaign at one position. Used by one thread at a time: by whom it is lent to."""

    asked: Asked
    connection: LogConnection | None = None
    erased: set[UUID] = field(default_factory=set)
    is_lent: bool = True

    @property
    def is_made(self) -> bool:
        """Whether it is folded, and its session still there."""
        return self.connection is not None and self.connection.is_quiet()

    def without(self, erased: set[UUID]) -> LogConnection:
        """The session, once nothing personal of these contacts stands in it any more. Raises psycopg's errors."""
        assert self.connection is not None
        if erased - self.erased:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                cursor.execute(SET_WORKSPACE % quoted(self.connection, self.asked.workspace_id))
                forget(cursor, self.asked, list(erased - self.erased))
            self.erased |= erased
        return self.connection

    def close(self) -> None:
        """End the session; its tables go with it."""
        if self.connection is not None:
            self.connection.close()
        self.connection, self.erased = None, set()


class Worlds:
    """At most `kept` worlds; who was asked longest ago makes room. Used by all threads of a process.

    One is folded at a time, because folding takes the interpreter from everybody who reads. Few threads wait, so
    that reads of the present find some.
    """

    def __init__(
        self,
        url: str,
        read_models: ReadModels,
        ledger: LedgerReads,
        *,
        kept: int,
        most_events: int,
        patience_seconds: float,
    ) -> None:
        """Nothing is connected yet. `kept` 0: no earlier moment is answered about."""
        self._url = url
        self._read_models = read_models
        self._ledger = ledger
        self._kept = kept
        self._most_events = most_events
        self._patience_seconds = patience_seconds
        self._worlds: dict[Asked, World] = {}
        self._changed = threading.Condition()
        self._waiting = 0
        self._folding = threading.Lock()

    @contextmanager
    def snapshot(self, workspace_id: str, campaign_id: UUID, moment: Seen) -> Iterator[Snapshot]:
        """The campaign as it was at a moment, which the read models have reached.

        Raises `UnknownCampaign`, `AsOfTooLarge`, `AsOfBusy`, `PositionNotReached`, `DatabaseAway`, `NotReady`.
        """
        asked = Asked(workspace_id, campaign_id, moment.as_of.position)
        with as_problems():
            self._check(asked, moment)
            with self._lent(asked) as world:
                erased = self._erased(asked, moment)
                if not world.is_made or (installed().own and erased - world.erased):
                    # Packages have no statement that rewrites rows as erased: folded again, nothing can be opened.
                    self._make(world, moment)
                connection = world.without(erased)
                with _reading(connection, workspace_id):
                    yield Snapshot(moment.as_of, moment.recorded_at, workspace_id, connection, on_own_views)

    def close(self) -> None:
        """End all sessions; those that are lent end when they are given back."""
        with self._changed:
            self._kept = 0
            for world in [world for world in self._worlds.values() if not world.is_lent]:
                self._drop(world)

    def _check(self, asked: Asked, moment: Seen) -> None:
        # Before any world makes room for one that cannot be.
        with self._read_models.snapshot(asked.workspace_id, moment.as_of.instant) as live:
            if live.as_of.position < asked.position:
                raise not_reached(asked.position, live.as_of.position, self._patience_seconds)
            if live.row(SQL["exists"], campaign_id=asked.campaign_id) is None:
                raise UnknownCampaign(
                    f"there is no campaign {asked.campaign_id}", field="campaign_id", value=str(asked.campaign_id)
                )

    def _erased(self, asked: Asked, moment: Seen) -> set[UUID]:
        with self._read_models.snapshot(asked.workspace_id, moment.as_of.instant) as live:
            return {row["contact_id"] for row in live.rows(SQL["erased"], campaign_id=asked.campaign_id)}

    def _make(self, world: World, moment: Seen) -> None:
        asked = world.asked
        with self._read_models.snapshot(asked.workspace_id, moment.as_of.instant) as live:
            # One stream more than events may be is too many already.
            limit = self._most_events + 1
            rows = live.rows(SQL["streams"], campaign_id=asked.campaign_id, limit=limit)
        world.close()
        world.connection = self._folded(asked, [row["contact_id"] for row in rows])

    def _folded(self, asked: Asked, streams: Sequence[UUID]) -> LogConnection:
        if not self._folding.acquire(timeout=self._patience_seconds):
            raise self._busy()
        try:
            began = time.monotonic()
            connection = open_connection(self._url, settings=_SESSION, role=Role.READ)
            try:
                make_tables(connection)
                events = fold(connection, self._ledger, asked, streams, most_events=self._most_events)
            except BaseException:
                connection.close()
                raise
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotReady(
                "the role drumbeat_read may not make temporary tables in the database of the read models, which "
                "as_of needs: run `drumbeat migrate`"
            ) from error
        finally:
            self._folding.release()
        seconds = round(time.monotonic() - began, 3)
        log.info("campaign_folded", position=asked.position, events=events, seconds=seconds)
        return connection

    @contextmanager
    def _lent(self, asked: Asked) -> Iterator[World]:
        world = self._take(asked)
        try:
            yield world
        except Problem:
            self._give_back(world, is_well=world.is_made)
            raise
        except BaseException:
            # Whatever was wrong, nobody goes on with the session.
            self._give_back(world, is_well=False)
            raise
        self._give_back(world, is_well=True)

    def _take(self, asked: Asked) -> World:
        with self._changed:
            world = self._free(asked) or self._free_soon(asked)
            # Asked last.
            self._worlds.pop(asked, None)
            self._worlds[asked] = world
            world.is_lent = True
            return world

    def _free_soon(self, asked: Asked) -> World:
        if self._waiting >= _WAITING_FOR_EACH * self._kept:
            raise self._busy()
        deadline = time.monotonic() + self._patience_seconds
        self._waiting += 1
        try:
            while (world := self._free(asked)) is None:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise self._busy()
            return world
        finally:
            self._waiting -= 1

    def _free(self, asked: Asked) -> World | None:
        known = self._worlds.get(asked)
        if known is not None:
            return None if known.is_lent else known
        if len(self._worlds) >= self._kept:
            idle = next((world for world in self._worlds.values() if not world.is_lent), None)
            if idle is None:
                return None
            self._drop(idle)
        return World(asked)

    def _give_back(self, world: World, *, is_well: bool) -> None:
        with self._changed:
            world.is_lent = False
            if not is_well or self._kept == 0:
                self._drop(world)
            self._changed.notify_all()

    def _drop(self, world: World) -> None:
        del self._worlds[world.asked]
        world.close()

    def _busy(self) -> AsOfBusy:
        return AsOfBusy(f"{self._kept} earlier moments are being answered about; try again")


@contextmanager
def _reading(connection: LogConnection, workspace_id: str) -> Iterator[None]:
    connection.execute(BEGIN + SET_WORKSPACE % quoted(connection, workspace_id), prepare=False)
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            connection.execute(b"ROLLBACK")
        raise
    connection.execute(b"COMMIT")
