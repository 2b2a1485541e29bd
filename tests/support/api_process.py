"""`drumbeat api` as a process of its own on a test's database: raw sockets to it, its memory, its death."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from support.keys import TESTS_KEY, Keys, bearer
from support.machine import DRUMBEAT, environment, until


@dataclass(slots=True)
class ApiProcess:
    """One process that serves both APIs. `client` asks it as everybody does."""

    process: "subprocess.Popen[bytes]"
    port: int
    client: httpx.Client
    log: Path

    def connect(self) -> socket.socket:
        """A connection of one's own, with a bound on every wait."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def memory_bytes(self) -> int:
        """What the process holds now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def api_process(database_url: str, folder: Path, **settings: object) -> Iterator[ApiProcess]:
    """The process, once it answers to `TESTS_KEY`; ended at the end, whatever happened."""
    Keys(database_url).of("default")
    ours = {"DRUMBEAT_DATABASE_URL": database_url, "DRUMBEAT_KEY_REQUESTS_PER_SECOND": 0}
    env = environment(folder / "state", **(ours | settings))
    log = folder / "api.log"
    port = int(env["DRUMBEAT_API_PORT"])
    with log.open("ab") as said:
        process = subprocess.Popen([DRUMBEAT, "api"], env=env, stdout=said, stderr=said)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=bearer(TESTS_KEY)) as client:
        made = ApiProcess(process, port, client, log)
        try:
            assert until(lambda: _answers(made), 60), log.read_text()
            yield made
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    made.kill()


def _answers(api: ApiProcess) -> bool:
    if api.process.poll() is not None:
        return False
    try:
        return api.client.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it came over a socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """The document of an answer that is a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        assert document["type"] == f"urn:drumbeat:problem:{document['code']}"
        assert document["correlation_id"] == self.headers["correlation-id"]
        return document


def answer_on(connection: socket.socket) -> Told:
    """The next answer on a connection. Raises `EOFError` when it ends before."""
    with closing(connection.makefile("rb")) as lines:
        first = lines.readline()
        if not first:
            raise EOFError
        headers = {}
        while (line := lines.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Told(int(first.split()[1]), headers, lines.read(int(headers.get("content-length", "0"))))


def is_ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection; what it says before is read and passed over."""
    try:
        while connection.recv(65_536):
            continue
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
