"""Waiting for a position, in the event loop: one watcher for all who wait, who hold no thread and no connection.

The watcher looks at the checkpoints only while anybody waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
import structlog

from drumbeat import telemetry
from drumbeat.web.problems import DatabaseAway
from drumbeat.web.read_models import PositionNotReached, TooManyWaiters

log = structlog.get_logger()

POLL_SECONDS = 0.005
LOOK_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    position: int
    deadline: float
    reached: asyncio.Future[None]


class Waiting:
    """All waiters of a process. Belongs to one event loop.

    `look` says how far the read models are; it may raise `psycopg.Error` or `OSError`.
    """

    def __init__(self, look: Callable[[], Awaitable[int]], *, limit_seconds: float, max_waiters: int) -> None:
        self._look = look
        self._limit_seconds = limit_seconds
        self._max_waiters = max_waiters
        self._seen = -1
        self._waiters: set[_Waiter] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def reach(self, position: int) -> None:
        """Return when the read models were seen at a position or beyond.

        Raises `PositionNotReached` after the limit, `TooManyWaiters` at once, `DatabaseAway`.
        """
        if position <= max(self._seen, 0):
            return
        if len(self._waiters) >= self._max_waiters:
            raise TooManyWaiters(f"{self._max_waiters} reads wait already; try again, or without at_least")
        loop = asyncio.get_running_loop()
        waiter = _Waiter(position, loop.time() + self._limit_seconds, loop.create_future())
        self._waiters.add(waiter)
        telemetry.WAITING_READS.set(len(self._waiters))
        if self._watcher is None or self._watcher.done():
            self._watcher = loop.create_task(self._watch())
        try:
            await waiter.reached
        finally:
            self._waiters.discard(waiter)
            telemetry.WAITING_READS.set(len(self._waiters))

    async def close(self) -> None:
        """End the watcher. Whoever still waits is answered as if the database were away."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        self._fail("this process is shutting down; try again")

    async def _watch(self) -> None:
        try:
            while self._waiters:
                self._seen = await asyncio.wait_for(self._look(), LOOK_TIMEOUT_SECONDS)
                self._settle_all()
                await asyncio.sleep(POLL_SECONDS)
        except (psycopg.Error, OSError) as error:  # TimeoutError is an OSError
            log.warning("cannot_look", problem=str(error))
        finally:
            # However the watch ended: nobody is left waiting for it.
            self._fail("the read models cannot be reached; try again")

    def _settle_all(self) -> None:
        now = asyncio.get_running_loop().time()
        for waiter in self._waiters:
            if waiter.reached.done():
                continue
            if waiter.position <= self._seen:
                waiter.reached.set_result(None)
            elif now >= waiter.deadline:
                waiter.reached.set_exception(not_reached(waiter.position, self._seen, self._limit_seconds))

    def _fail(self, detail: str) -> None:
        for waiter in self._waiters:
            if not waiter.reached.done():
                waiter.reached.set_exception(DatabaseAway(detail))


def not_reached(asked: int, position: int, limit_seconds: float) -> PositionNotReached:
    """The problem that says how far the read models are."""
    return PositionNotReached(
        f"asked for position {asked}, but the read models are at {position} after {limit_seconds:g} s of waiting",
        field="at_least",
        value=asked,
        position=position,
    )
