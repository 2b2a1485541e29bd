"""The broker of a test session: one for all its workers, and what to do where none can run."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from support.kafka.broker import START_LIMIT_SECONDS, Broker, BrokerDidNotStart
from support.kafka.configuration import Quorum, properties, quiet_ports
from support.kafka.guarded import alone, hold, let_live, start_guarded
from support.kafka.programs import ProgramsMissing, kafka_version
from support.kafka.wire import answers

WISH: Final = "DRUMBEAT_TEST_KAFKA"
NOT_RUN: Final = "not run: no Kafka"


class NoKafka(Exception):
    """No broker can run here. The message says what would help."""


@dataclass(frozen=True, slots=True)
class SharedBroker:
    """A broker that the whole session uses. `words` say which one it is."""

    bootstrap: str
    words: str


@contextlib.contextmanager
def broker_for_session(folder: Path) -> Iterator[SharedBroker]:
    """Join or start the session's broker; `folder` is shared by the session's workers. The last to leave ends it.

    What DRUMBEAT_TEST_KAFKA names comes first, then dev/kafka/pom.xml, then Docker. Raises `NoKafka` when there is
    none of them, and `BrokerDidNotStart` when there is one and it does not work: that is never passed over.
    """
    with contextlib.ExitStack() as held:
        with alone(folder / "starting"):
            held.callback(os.close, hold(folder / "in-use"))
            note = folder / "note.json"
            told = json.loads(note.read_text()) if note.exists() else {}
            if "nothing" in told:
                raise NoKafka(told["nothing"])
            if not told or not _answers(told["bootstrap"]):
                told = _begin(folder, held)
                note.write_text(json.dumps(told))
            if "nothing" in told:
                raise NoKafka(told["nothing"])
        yield SharedBroker(**told)


def _begin(folder: Path, held: contextlib.ExitStack) -> dict[str, str]:
    wish = os.environ.get(WISH)
    if wish:
        if not _answers(wish):
            raise BrokerDidNotStart(f"no broker answers at {wish} ({WISH})")
        return asdict(SharedBroker(wish, f"the one of {WISH} at {wish}"))
    try:
        broker = Broker(folder / "broker", lifeline=folder / "in-use", discard=True)
        broker.start()
    except ProgramsMissing as missing:
        return _by_docker(folder, held, str(missing))
    held.callback(broker.leave)
    words = f"{kafka_version()} by dev/kafka/pom.xml at {broker.bootstrap}"
    return asdict(SharedBroker(broker.bootstrap, words))


def _by_docker(folder: Path, held: contextlib.ExitStack, why: str) -> dict[str, str]:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, timeout=60, check=False).returncode:
        return {"nothing": f"needs Java 17 and Maven, {WISH} or Docker ({why}; Docker is not running)"}
    port, controller = quiet_ports(2)
    settings = container_settings(port, controller)
    command = [docker, "run", "--rm", "--name", f"drumbeat-test-{uuid4().hex[:12]}"]
    command += ["--publish", f"127.0.0.1:{port}:{port}"]
    command += [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    log = folder / "docker.log"
    guard, _ = start_guarded([*command, f"apache/kafka:{kafka_version()}"], lifeline=folder / "in-use", log=log)
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while not answers(port):
        if guard.poll() is not None or time.monotonic() > deadline:
            raise BrokerDidNotStart(f"Docker did not start Kafka: {log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.1)
    held.callback(let_live, guard)
    bootstrap = f"127.0.0.1:{port}"
    return asdict(SharedBroker(bootstrap, f"{kafka_version()} by Docker at {bootstrap}"))


def container_settings(port: int, controller: int) -> dict[str, str]:
    """The variables that give Docker's image the properties that a broker of our own has."""
    ports = {"PLAINTEXT": port, "CONTROLLER": controller}
    own = properties(
        Path("/tmp/kafka"), node_id=1, quorum=Quorum.of_one(controller), ports=ports, advertised={}, users={},
        overrides={"listeners": f"PLAINTEXT://:{port},CONTROLLER://127.0.0.1:{controller}"},
    )  # fmt: skip
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in own.items()}


def _answers(bootstrap: str) -> bool:
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    return answers(int(port), host)
