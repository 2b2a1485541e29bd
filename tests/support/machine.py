"""`drumbeat` as its users run it: processes of their own, in a state folder and on ports of their own."""

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import structlog

from drumbeat import cli
from drumbeat.transport.cluster import Cluster
from support.sealing import master_key_file

DRUMBEAT = str(Path(sys.executable).parent / "drumbeat")


_TOPICS = {"contacts": 3, "campaigns": 2, "other": 1}


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def environment(home: Path, **settings: object) -> dict[str, str]:
    """The environment of a machine of its own: nothing of the tester's settings is left in it.

    A database that the test names is read by tests too: its master keys are those that all tests know.
    """
    ports = free_ports(4)
    ours = {
        "DRUMBEAT_HOME": home,
        "DRUMBEAT_API_PORT": ports[0],
        "DRUMBEAT_PROJECT_METRICS_PORT": ports[1],
        "DRUMBEAT_POLICIES_METRICS_PORT": ports[2],
        "DRUMBEAT_RELAY_METRICS_PORT": ports[3],
        "DRUMBEAT_LOG_FORMAT": "json",
        **settings,
    }
    if "DRUMBEAT_DATABASE_URL" in settings:
        ours.setdefault("DRUMBEAT_MASTER_KEY_FILE", master_key_file(home.with_name(f"{home.name}.master-keys")))
    others = {name: value for name, value in os.environ.items() if not name.startswith("DRUMBEAT_")}
    return others | {name: str(value) for name, value in ours.items()}


def drumbeat(*arguments: str, env: Mapping[str, str], seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [DRUMBEAT, *arguments], env=env, capture_output=True, text=True, timeout=seconds, check=False
    )


def drumbeat_inside(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command that ends by itself in this process: a second quicker, and the same to see."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root = logging.getLogger()
    logged, level, said, told = root.handlers[:], root.level, io.StringIO(), io.StringIO()
    code: object = 0
    try:
        with (
            mock.patch.dict(os.environ, env, clear=True),
            mock.patch.object(sys, "argv", ["drumbeat", *arguments]),
            redirect_stdout(said),
            redirect_stderr(told),
        ):
            cli.main()
    except SystemExit as ended:
        code = ended.code
    finally:
        root.handlers[:], root.level = logged, level
        structlog.reset_defaults()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return subprocess.CompletedProcess([*arguments], int(str(code or 0)), said.getvalue(), told.getvalue())


class Machine:
    """One `drumbeat up`. `home` outlives it."""

    def __init__(self, home: Path, log: Path, *arguments: str, **settings: object) -> None:
        self.env = environment(home, **settings)
        self.home = home
        self.address = f"http://127.0.0.1:{self.env['DRUMBEAT_API_PORT']}"
        self._log = log
        with log.open("w") as said:
            self.process = subprocess.Popen(
                [DRUMBEAT, "up", *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything that it and its processes have written."""
        return self._log.read_text()

    def is_up(self) -> bool:
        """Whether it has told what to open."""
        assert self.process.poll() is None, self.said
        return "Drumbeat is running." in self.said

    def urls(self) -> list[str]:
        """The requests that it offers to paste."""
        return re.findall(r"curl -s -H \"Authorization: Bearer \$\(cat \S+\)\" '(\S+)'", self.said)

    def asking(self, path: str) -> Request:
        """A GET of a path, with the key of the machine."""
        key = (self.home / "key").read_text().strip()
        return Request(self.address + path, headers={"Authorization": f"Bearer {key}"})

    def get(self, path: str) -> Any:
        """The JSON at a path of the API; None while it does not answer, or answers with an error."""
        try:
            with urlopen(self.asking(path), timeout=20) as answer:
                return json.loads(answer.read())
        except (HTTPError, URLError, OSError):
            return None

    def pid_of(self, name: str) -> int | None:
        """The process id of the child that runs now."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next((child.pid for child in children if self._is(child, name)), None)

    def _is(self, child: psutil.Process, name: str) -> bool:
        try:
            if name == "postgres":
                return bool(child.name() == "postgres" and child.ppid() == self.process.pid)
            return name in _command_of(child)[2:4]
        except psutil.NoSuchProcess:
            return False  # it ended while we looked

    def everything(self) -> list[int]:
        """The process ids of all that it consists of."""
        parent = psutil.Process(self.process.pid)
        return [parent.pid, *(child.pid for child in parent.children(recursive=True))]

    def interrupt(self, seconds: float = 30.0) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        self.process.kill()
        self.process.wait()


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def through_kafka(cluster: Cluster, url: str) -> dict[str, object]:
    """Settings of a machine whose read models come by way of Kafka."""
    return {
        "DRUMBEAT_DATABASE_URL": url,
        "DRUMBEAT_KAFKA_BOOTSTRAP": cluster.bootstrap,
        "DRUMBEAT_KAFKA_TOPIC_PREFIX": cluster.topic_prefix,
        "DRUMBEAT_KAFKA_GROUP": f"{cluster.topic_prefix}projections",
        **{f"DRUMBEAT_KAFKA_{name.upper()}_PARTITIONS": count for name, count in _TOPICS.items()},
    }


@contextmanager
def machine(home: Path, log: Path, *arguments: str, **settings: object) -> Iterator[Machine]:
    """A machine that is up; ended at the end, whatever happened."""
    made = Machine(home, log, *arguments, **settings)
    try:
        assert until(made.is_up, 90), made.said
        yield made
    finally:
        if made.process.poll() is None:
            remains = made.everything()
            made.process.send_signal(signal.SIGTERM)
            try:
                made.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in remains:
                    psutil.Process(pid).kill()


@contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield int(listening.getsockname()[1])
