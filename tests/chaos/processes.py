"""The processes of Drumbeat, each started again when it ends, as a supervisor does."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chaos.diary import Diary
from drumbeat.opsapi.exits import HOPELESS, Exit
from support.machine import DRUMBEAT

_PAUSE_SECONDS: Final = 0.3
_ENDS: Final = frozenset({*HOPELESS, Exit.BUG})
"""Exit codes that no fault from outside explains."""


class Process:
    """One of them, by its name in plans. For one thread."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], env: Mapping[str, str], log: Path, diary: Diary
    ) -> None:
        """Not started yet. `log` gets all its words over all its starts."""
        self.name = name
        self.starts = 0
        self._arguments, self._env, self._log, self._diary = arguments, dict(env), log, diary
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ours = False
        self._again_at = self._started_at = 0.0
        self.is_suspended = False

    def start(self) -> None:
        """Start it."""
        self.starts += 1
        self._started_at = time.monotonic()
        with self._log.open("a") as said:
            self._process = subprocess.Popen(
                [DRUMBEAT, *self._arguments], env=self._env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    @property
    def is_running(self) -> bool:
        """Whether it lives, suspended or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def seconds(self) -> float:
        """For how long it has run."""
        return time.monotonic() - self._started_at

    def tend(self) -> None:
        """Start it again when it has ended, a moment later."""
        if self.is_running:
            return
        if self._process is not None:
            code, self._process = self._process.returncode, None
            self._again_at = time.monotonic() + _PAUSE_SECONDS
            if not self._is_ours:
                self._diary.note("bug" if code in _ENDS else "ended", self.name, code=code)
            self._is_ours = False
        elif time.monotonic() >= self._again_at:
            self.start()

    def kill(self) -> bool:
        """kill -9. False: it did not run."""
        if not self.is_running or self._process is None:
            return False
        self._is_ours = True
        self._process.kill()
        self._process.wait()
        self.is_suspended = False
        return True

    def suspend(self) -> bool:
        """SIGSTOP. False: it does not run."""
        if not self.is_running or self._process is None:
            return False
        self._process.send_signal(signal.SIGSTOP)
        self.is_suspended = True
        return True

    def wake(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.is_suspended = False

    def end(self) -> None:
        """End it, cleanly when it can, for good."""
        if self._process is None:
            return
        self.wake()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._diary.note("bug", self.name, does="not end")
            self._process.kill()
            self._process.wait()
        self._process = None
