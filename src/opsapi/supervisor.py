"""Runs the processes of one machine: starts them, starts a crashed one again, ends all of them together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

import structlog

from drumbeat.opsapi.exits import HOPELESS, Exit

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0
PROVEN_AFTER_SECONDS = 30.0
"""A process that lived this long is started again without the pauses that its earlier crashes earned."""


@dataclass(slots=True)
class Child:
    """One process under supervision. Only its supervisor writes it."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause_seconds: float = field(default=FIRST_PAUSE_SECONDS)


class Supervisor:
    """Keeps processes of `drumbeat` running until told to stop. Belongs to one thread.

    Children run in sessions of their own, so that Ctrl-C in a terminal reaches them only through here, and hold
    the end of a pipe whose closing ends them when this process dies without a word.
    """

    def __init__(
        self, *, environment: Mapping[str, str], shutdown_seconds: float, command: Sequence[str] | None = None
    ) -> None:
        """`command` starts `drumbeat`; the arguments of a child follow it."""
        self._environment = dict(environment)
        self._shutdown_seconds = shutdown_seconds
        self._command = list(command or (sys.executable, "-m", "drumbeat.cli"))
        self._children: dict[str, Child] = {}
        self._lifeline, self._held = os.pipe()

    def add(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a process and keep it running from now on. `environment` is what it has besides that of all."""
        own = {**self._environment, **(environment or {})}
        child = self._children[name] = Child(name=name, arguments=arguments, environment=own)
        self._start(child)

    def run(self, stop: Event, *, every_round: Callable[[], None]) -> Exit:
        """Watch until `stop` is set, or a child ends in a way that no restart can help. `every_round` is called
        several times a second."""
        while not stop.is_set():
            every_round()
            for child in self._children.values():
                hopeless = self._look_after(child)
                if hopeless is not None:
                    return hopeless
            stop.wait(0.1)
        return Exit.DONE

    def stop(self) -> None:
        """End all children: asked first, killed when they take too long. Returns when none is left."""
        for process in self._running():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._shutdown_seconds
        for process in self._running():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("process_killed", pid=process.pid, after_seconds=self._shutdown_seconds)
                process.kill()
                process.wait()
        os.close(self._held)
        os.close(self._lifeline)

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.process is not None and child.process.poll() is None
        }

    def _running(self) -> list[subprocess.Popen[bytes]]:
        processes = [child.process for child in self._children.values()]
        return [process for process in processes if process is not None and process.poll() is None]

    def _look_after(self, child: Child) -> Exit | None:
        """Start a child again when its pause is over; answers how to end when starting it again cannot help."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_again_at:
                self._start(child)
            return None
        code = child.process.poll()
        if code is None:
            return None
        child.process = None
        if code in HOPELESS:
            log.error("process_cannot_run", name=child.name, exit_code=code)
            return Exit(code)
        if now - child.started_at > PROVEN_AFTER_SECONDS:
            child.pause_seconds = FIRST_PAUSE_SECONDS
        log.warning("process_ended", name=child.name, exit_code=code, start_again_in_seconds=child.pause_seconds)
        child.start_again_at = now + child.pause_seconds
        child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        return None

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603  our own program with our own arguments
            [*self._command, *child.arguments, "--lifeline", str(self._lifeline)],
            env=child.environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(self._lifeline,),
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        log.info("process_started", name=child.name, pid=child.process.pid)
