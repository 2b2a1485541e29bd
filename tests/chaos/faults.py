"""Does what a plan says, waits where it must, and ends what was begun."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from chaos.diary import Diary
from chaos.plan import Fault

_TICK_SECONDS: Final = 0.05
_WAIT_SECONDS: Final = 120.0
"""How long a fault may wait for what it needs, a whole cluster or a living victim."""


class World(Protocol):
    """What faults are done to."""

    def tend(self) -> None:
        """Start again what has ended."""
        ...

    def may(self, fault: Fault) -> bool:
        """Whether a fault can be done now: at most one broker is away at a time, and its victim lives."""
        ...

    def do(self, fault: Fault) -> None:
        """Begin it."""
        ...

    def undo(self, fault: Fault) -> None:
        """Wake who was stopped."""
        ...


class Stuck(Exception):
    """A fault could not be done for too long: something did not come back."""


@dataclass(slots=True)
class Executor:
    """Carries a plan out over a world. For one thread."""

    world: World
    diary: Diary
    _lasting: list[tuple[float, Fault]] = field(default_factory=list)

    def run(self, plan: Sequence[Fault]) -> None:
        """All of it; what was stopped is awake again. Raises `Stuck`."""
        began_at, late_seconds = time.monotonic(), 0.0
        for fault in plan:
            due_at = began_at + fault.at_seconds + late_seconds
            self._until(lambda due_at=due_at: time.monotonic() >= due_at, float("inf"))  # type: ignore[misc]
            self._until(lambda fault=fault: self.world.may(fault), _WAIT_SECONDS, str(fault))  # type: ignore[misc]
            # What had to wait shifts everything behind it: the gaps stay as planned.
            late_seconds += time.monotonic() - due_at
            self.diary.note(fault.kind, fault.target, lasts=fault.lasts_seconds, planned=fault.at_seconds)
            self.world.do(fault)
            if fault.lasts_seconds:
                self._lasting.append((time.monotonic() + fault.lasts_seconds, fault))
        self._until(lambda: not self._lasting, _WAIT_SECONDS, "the last ones")

    def settle(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Tend the world until a condition holds; whether it came to hold in time."""
        try:
            self._until(condition, seconds)
        except Stuck:
            return False
        return True

    def _until(self, condition: Callable[[], bool], seconds: float, what: str = "") -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.world.tend()
            self._end_what_is_over()
            if condition():
                return
            if time.monotonic() > deadline:
                raise Stuck(f"{what} could not be done for {seconds:.0f} s")
            time.sleep(_TICK_SECONDS)

    def _end_what_is_over(self) -> None:
        now = time.monotonic()
        for ends_at, fault in list(self._lasting):
            if ends_at <= now:
                self._lasting.remove((ends_at, fault))
                self.world.undo(fault)
                self.diary.note("wake", fault.target)
