"""How this process is: whether both databases answer, and how far the log is. Looked at once a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import psycopg

BEAT_SECONDS = 1.0
LOOK_TIMEOUT_SECONDS = 3.0


class Pulse:
    """The last look at each database. Written by its own task in the event loop, read by all threads.

    `looks` names what is looked at; the one named `ledger` answers with the head of the log.
    """

    def __init__(self, looks: Mapping[str, Callable[[], Awaitable[int]]]) -> None:
        self._looks = looks
        self._task: asyncio.Task[None] | None = None
        self.checks: dict[str, str] = dict.fromkeys(looks, "not looked at yet")
        self.head: int | None = None
        """The newest position of the log as of the last look; None while it is not known."""

    @property
    def ready(self) -> bool:
        """Whether every look succeeded."""
        return all(state == "ok" for state in self.checks.values())

    def start(self) -> None:
        """Begin to look, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._beat())

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _beat(self) -> None:
        while True:
            await asyncio.gather(*(self._look(name) for name in self._looks))
            await asyncio.sleep(BEAT_SECONDS)

    async def _look(self, name: str) -> None:
        try:
            position = await asyncio.wait_for(self._looks[name](), LOOK_TIMEOUT_SECONDS)
        except (psycopg.Error, OSError) as error:  # TimeoutError is an OSError
            self.checks[name] = f"cannot be reached: {type(error).__name__}"
            if name == "ledger":
                self.head = None
            return
        self.checks[name] = "ok"
        if name == "ledger":
            self.head = position
