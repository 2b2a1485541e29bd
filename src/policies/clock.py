"""The clock of the policies: whatever is due becomes a command, once.

Any number of clocks may run. Timers are level-triggered rows that the projector alone writes; a clock locks those
it takes (SKIP LOCKED), gives the commands, and lets go. A crash between command and release repeats nothing: the
command carries an idempotency key made of policy, stream and cause, and the decision answers nothing when there
is nothing left to do.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import psycopg
import structlog

from drumbeat.access import system
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.events import Principal
from drumbeat.policies.reactions import REACTIONS
from drumbeat.projections import timers
from drumbeat.projections.timers import Timer, TimerKind

log = structlog.get_logger(__name__)

ACTOR = "policies"
REMEMBERED_TIMERS = 50_000
WIDEST_LOOK_TIMERS = 10_000
"""The most timers of each sort that are looked at when handled ones still stand before the others."""


class Executes(Protocol):
    """What carries out a command: `commands.dispatch.Commands`."""

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        """Carry out one command. Raises `Refused`, `LedgerUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Ticked:
    """What was done: timers taken, how many of them led to events, how many are to be tried again."""

    taken: int = 0
    effective: int = 0
    again: int = 0

    def __add__(self, other: "Ticked") -> "Ticked":
        return Ticked(self.taken + other.taken, self.effective + other.effective, self.again + other.again)


class Clock:
    """Turns due timers into commands. A clock belongs to one thread; its connection to nobody else.

    `limit` bounds how many timers of each sort are held at once: the projector waits for a row that is held.
    `observe` hears (policy, outcome) of every command, for metrics.
    """

    def __init__(
        self,
        commands: Executes,
        *,
        limit: int = 50,
        observe: Callable[[str, str], None] = lambda _policy, _outcome: None,
    ) -> None:
        self._commands = commands
        self._limit = limit
        self._observe = observe
        # (kind, stream, campaign, cause position) of what was handled and may still be shown until the projection
        # has caught up; the oldest are forgotten, which costs a repeat that the key makes harmless.
        self._handled: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self._crossings_seen = 0
        self._due_look = self._crossings_look = limit

    def tick(self, connection: psycopg.Connection[Any], now: datetime) -> Ticked:
        """Do what is due at `now`. Raises `psycopg.OperationalError` and `LedgerUnavailable`: try again later."""
        with connection.transaction():
            found = timers.due(connection, now, self._due_look)
            ticked = self._handle(found, now)
        self._due_look = self._widened(found, ticked)
        return ticked + self._cross(connection, now)

    def run(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        clock: Callable[[], datetime],
        stop: threading.Event,
        poll_seconds: float,
    ) -> None:
        """Tick until `stop` is set; databases that went away are waited for."""
        pause = poll_seconds
        while not stop.is_set():
            try:
                with connect() as connection:
                    while not stop.is_set():
                        ticked = self.tick(connection, clock())
                        pause = poll_seconds
                        stop.wait(0 if ticked.effective >= self._limit else poll_seconds)
            except (psycopg.OperationalError, LedgerUnavailable) as error:
                log.warning("policies_wait_for_the_database", problem=str(error).strip(), seconds=pause)
                stop.wait(pause)
                pause = min(pause * 2, 5.0)

    def _cross(self, connection: psycopg.Connection[Any], now: datetime) -> Ticked:
        # The position is read before the look: what is applied in between is looked at again the next time.
        position = timers.applied_position(connection)
        if position == self._crossings_seen:
            return Ticked()
        found = timers.crossings(connection, self._crossings_seen, self._crossings_look)
        ticked = self._handle(found, now)
        if len(found) < self._crossings_look and not ticked.again:
            self._crossings_seen = position
        self._crossings_look = self._widened(found, ticked)
        return ticked

    def _widened(self, found: Sequence[Timer], ticked: Ticked) -> int:
        # What was handled and is still shown must not hide what stands behind it at the next look.
        return min(self._limit + len(found) - ticked.taken, WIDEST_LOOK_TIMERS)

    def _handle(self, found: Sequence[Timer], now: datetime) -> Ticked:
        ticked = Ticked()
        for timer in found:
            identity = (timer.kind, timer.stream_id, timer.campaign_id, timer.cause_position)
            if identity in self._handled:
                continue
            outcome = self._react(timer, now)
            self._observe(timer.kind, outcome)
            again = outcome == RefusalCode.CONFLICT
            ticked += Ticked(1, int(outcome == "done"), int(again))
            if not again:
                self._remember(identity)
        return ticked

    def _remember(self, identity: tuple[Any, ...]) -> None:
        self._handled[identity] = None
        if len(self._handled) > REMEMBERED_TIMERS:
            self._handled.popitem(last=False)

    def _react(self, timer: Timer, now: datetime) -> str:
        kind = TimerKind(timer.kind)
        principal = replace(system(ACTOR), workspace_id=timer.workspace_id)
        key = f"policy:{kind}:{timer.campaign_id}:{timer.stream_id}:{timer.cause_position}"
        said = log.bind(
            policy=kind.value,
            stream_id=str(timer.stream_id),
            campaign_id=str(timer.campaign_id),
            correlation_id=str(principal.correlation_id),
        )
        try:
            done = self._commands.execute(
                REACTIONS[kind](timer), principal, now=now, idempotency=Idempotency(key=key, kept_for=None)
            )
        except Refused as refused:
            # The stream has moved on and the projection will say so; only a conflict is worth another try.
            said.info("policy_refused", code=refused.code.value)
            return refused.code.value
        if not done.facts:
            return "nothing"
        said.info("policy_acted", position=done.position)
        return "done"
