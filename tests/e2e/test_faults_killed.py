"""kill -9 of every process at moments that nobody chose, while the demonstration is loaded and a file imported."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drumbeat.access.master_keys import MasterKeyFile
from drumbeat.eventstore.embedded import EmbeddedServer
from support.agreement import caught_up, everything_agrees
from support.machine import DRUMBEAT, Machine, drumbeat_inside, environment, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PEOPLE, ROWS = 30, 2_000
PLAN = ("import", "postgres", "project", "import", "api", "postgres", "import", "project")
"""Who is killed, one after another, at moments that nobody chose."""
MAPPING = """
name = "A log"
shape = "row_per_call"
[contact]
reference = "id"
[outcome]
column = "end"
values = { talked = "completed", busy = "busy" }
"""


@dataclass(slots=True)
class Import:
    """`drumbeat import`, begun anew whenever it was killed."""

    folder: Path
    env: dict[str, str]
    process: "subprocess.Popen[str] | None" = None
    report: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "log.toml").write_text(MAPPING)
        people = ROWS // 2
        rows = [f"p{n % people},{'busy' if n < people else 'talked'}\n" for n in range(ROWS)]
        (self.folder / "log.csv").write_text("id,end\n" + "".join(rows))

    def begin(self) -> None:
        arguments = ["import", "call-history", "log.csv", "--mapping", "log.toml", "--json"]
        self.process = subprocess.Popen(
            [DRUMBEAT, *arguments],
            env=self.env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> bool:
        """kill -9, and begin again; false when it has ended."""
        if self.process is None or self.process.poll() is not None:
            return False
        self.process.kill()
        self.process.communicate()
        self.begin()
        return True

    def finish(self) -> None:
        assert self.process is not None
        said, wrong = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, wrong
        self.report = json.loads(said)


@pytest.mark.long
def test_whoever_is_killed_whenever_everything_agrees_afterwards(tmp_path: Path) -> None:
    home, chance = tmp_path / "state", random.Random(5)
    up = Machine(home, tmp_path / "first.log", "--demonstration", "--people", str(PEOPLE))
    importing = Import(tmp_path, environment(home))
    killed: Counter[str] = Counter()
    try:
        # A machine whose database dies while its schemas are made ends; from here on it goes on by itself.
        assert until(lambda: all(up.pid_of(name) is not None for name in ("project", "api")), 60)
        importing.begin()
        for name in PLAN:
            time.sleep(chance.uniform(0.1, 0.7))
            # What was killed before, or never came up yet, is waited for.
            killed[name] += importing.kill() if name == "import" else until(partial(kill, up, name))
    finally:
        up.kill()
    with machine(home, tmp_path / "second.log", "--demonstration", "--people", str(PEOPLE)) as again:
        importing.finish()
        url = EmbeddedServer(home / "postgres").url
        assert until(lambda: caught_up(url)), again.said
        assert until(lambda: drumbeat_inside("status", env=again.env).returncode == 0)
        demonstration, imported = again.get("/campaigns?sort=name&order=desc")["items"]
        assert demonstration["name"].startswith("Demonstration:")
        assert (demonstration["contacts"], imported["contacts"]) == (PEOPLE, ROWS // 2)
        assert (imported["status"], importing.report["contacts"], importing.report["calls"]) == (
            "completed",
            ROWS // 2,
            ROWS,
        )
        assert again.interrupt() == 0
    assert min(killed[name] for name in ("project", "postgres", "api", "import")) > 0, killed
    with EmbeddedServer(home / "postgres") as server:
        everything_agrees(server.url, MasterKeyFile(home / "master.keys"))


def kill(up: Machine, name: str) -> bool:
    """kill -9 of a process of the machine; false when it does not run at the moment."""
    pid = up.pid_of(name) if name != "postgres" else EmbeddedServer(up.home / "postgres").postmaster_pid
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True
