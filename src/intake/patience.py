"""Waiting for a ledger that went away, within a bound."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.intake.errors import LedgerAway

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries again, with growing pauses, what failed because the ledger did not answer.

    What is tried must have its effect once however often it is tried, because whether a lost append took effect is
    not known: give it an idempotency key. `limit_seconds` bounds one wait; each success starts it anew.
    """

    limit_seconds: float = 60.0
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def until_it_answers(self, attempt: Callable[[], T], *, waiting: Callable[[], None]) -> T:
        """The answer of `attempt`; `waiting` is called before each pause. Raises `LedgerAway` after the limit."""
        pause = self.first_pause_seconds
        since: float | None = None
        while True:
            try:
                return attempt()
            except LedgerUnavailable as away:
                since = self.clock() if since is None else since
                if self.clock() - since >= self.limit_seconds:
                    raise LedgerAway(
                        f"the database has not answered for {self.limit_seconds:.0f} s ({_first_line(away)}); "
                        "nothing is lost: the same command goes on where this one stopped"
                    ) from away
                waiting()
                self.sleep(pause)
                pause = min(pause * 2, self.longest_pause_seconds)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no reason given")
