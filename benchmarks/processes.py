"""Drumbeat's own processes for benchmarks, on a database and a broker of the benchmark."""

import contextlib
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.brokers import PARTITIONS
from benchmarks.keys import master_key_file
from drumbeat.transport.cluster import Cluster
from support.machine import DRUMBEAT, environment


def settings_of(url: str, cluster: Cluster | None) -> Mapping[str, object]:
    """What the processes are told: the database, and the broker if read models are fed from Kafka."""
    settings: dict[str, object] = {
        "DRUMBEAT_DATABASE_URL": url,
        "DRUMBEAT_LOG_LEVEL": "warning",
        "DRUMBEAT_MASTER_KEY_FILE": master_key_file(),
    }
    if cluster is not None:
        settings |= {
            "DRUMBEAT_KAFKA_BOOTSTRAP": cluster.bootstrap,
            "DRUMBEAT_KAFKA_TOPIC_PREFIX": cluster.topic_prefix,
            "DRUMBEAT_KAFKA_GROUP": cluster.topic_prefix,
            "DRUMBEAT_KAFKA_CONTACTS_PARTITIONS": PARTITIONS["contacts"],
            "DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS": PARTITIONS["campaigns"],
            "DRUMBEAT_KAFKA_OTHER_PARTITIONS": PARTITIONS[""],
        }
    return settings


@contextlib.contextmanager
def processes(names: list[str], settings: Mapping[str, object]) -> Iterator[Sequence[Mapping[str, str]]]:
    """`drumbeat NAME` for each name, ended at the end; the environment of each, which says its ports."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as folder:
        envs = [environment(Path(folder) / "home", **settings)] * len(names)
        if len(set(names)) < len(names):
            envs = [environment(Path(folder) / "home", **settings) for _ in names]
        said = Path(folder) / "said"
        with said.open("w") as file:
            running = [
                subprocess.Popen([DRUMBEAT, name], env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
                for name, env in zip(names, envs, strict=True)
            ]
        try:
            yield envs
            ended = [process.args for process in running if process.poll() is not None]
            assert not ended, f"{ended} ended: {said.read_text()}"
        except BaseException:
            print(said.read_text()[-3_000:])
            raise
        finally:
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Come back when it is so. Raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {seconds:g} s")
        time.sleep(0.02)


def answer_of(address: str | urllib.request.Request) -> str:
    """What a process answers; nothing when it does not."""
    try:
        with urllib.request.urlopen(address, timeout=15) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
