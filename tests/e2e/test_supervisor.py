"""The supervisor: what it starts it keeps running, and ends, however it ends itself."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.supervisor import Supervisor
from support.machine import lives, until

pytestmark = pytest.mark.slow

CHILD = """
import sys, threading, signal
from drumbeat.opsapi.lifeline import hold, stop_on_signals
hold(int(sys.argv[sys.argv.index("--lifeline") + 1]))
stop = stop_on_signals()
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1] == "unfit":
    sys.exit(4)
if sys.argv[1] == "failing":
    sys.exit(1)
threading.Event().wait() if sys.argv[1] == "deaf" else stop.wait()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "child.py"
    path.write_text(CHILD)
    return path


@pytest.fixture
def supervisor(script: Path) -> Iterator[Supervisor]:
    made = Supervisor(
        environment=os.environ, shutdown_seconds=1.0, command=(sys.executable, "-W", "ignore", str(script))
    )
    yield made
    for pid in made.pids().values():
        os.kill(pid, signal.SIGKILL)


class Rounds:
    """Stops the supervisor when a condition holds, or after a limit."""

    def __init__(self, finished: Callable[[], bool], seconds: float = 15.0) -> None:
        self.stop = Event()
        self._finished = finished
        self._deadline = time.monotonic() + seconds

    def __call__(self) -> None:
        if self._finished() or time.monotonic() > self._deadline:
            self.stop.set()


def test_a_killed_child_is_started_again(supervisor: Supervisor) -> None:
    supervisor.add("api", "willing")
    first = supervisor.pids()["api"]
    os.kill(first, signal.SIGKILL)
    rounds = Rounds(lambda: supervisor.pids().get("api", first) != first)
    assert supervisor.run(rounds.stop, every_round=rounds) is Exit.DONE
    assert supervisor.pids()["api"] != first
    supervisor.stop()
    assert supervisor.pids() == {}


def test_a_child_that_keeps_failing_is_tried_again_with_longer_and_longer_pauses(supervisor: Supervisor) -> None:
    supervisor.add("project", "failing")
    child = supervisor._children["project"]
    rounds = Rounds(lambda: child.pause_seconds >= 1.0)
    supervisor.run(rounds.stop, every_round=rounds)
    assert child.pause_seconds >= 1.0
    supervisor.stop()


def test_a_child_that_cannot_run_here_ends_the_supervisor_with_its_code(supervisor: Supervisor) -> None:
    supervisor.add("api", "willing")
    supervisor.add("project", "unfit")
    assert supervisor.run(Event(), every_round=lambda: None) is Exit.UNFIT
    supervisor.stop()
    assert supervisor.pids() == {}


def test_a_child_that_does_not_listen_is_killed_in_the_end(supervisor: Supervisor) -> None:
    supervisor.add("policies", "deaf")
    pid = supervisor.pids()["policies"]
    time.sleep(0.5)
    supervisor.stop()
    assert not lives(pid)


def test_children_end_when_their_supervisor_is_killed(script: Path, tmp_path: Path) -> None:
    holder = tmp_path / "holder.py"
    holder.write_text(
        textwrap.dedent(f"""
        import os, sys, time
        from drumbeat.telemetry import configure_logging
        configure_logging(process="up")
        from drumbeat.opsapi.supervisor import Supervisor
        s = Supervisor(environment=os.environ, shutdown_seconds=1, command=(sys.executable, {str(script)!r}))
        s.add("api", "willing"); s.add("project", "willing")
        print(*s.pids().values(), flush=True)
        time.sleep(60)
        """)
    )
    with subprocess.Popen([sys.executable, str(holder)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        time.sleep(0.5)
        parent.kill()
    assert until(lambda: not any(lives(pid) for pid in pids))
