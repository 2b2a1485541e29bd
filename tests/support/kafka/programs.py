"""Kafka's own programs: brought from Maven by dev/kafka/pom.xml, run with the machine's Java."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

from support.kafka.guarded import alone

DEV: Final = Path(__file__).parents[3] / "dev" / "kafka"
POM: Final = DEV / "pom.xml"
LOG_SETTINGS: Final = DEV / "log4j2.properties"
NEEDED_JAVA: Final = 17
FETCH_LIMIT_SECONDS: Final = 900

CONSOLE_CONSUMER: Final = "org.apache.kafka.tools.consumer.ConsoleConsumer"
CONSUMER_GROUPS: Final = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TOPICS: Final = "org.apache.kafka.tools.TopicCommand"
STORAGE: Final = "kafka.tools.StorageTool"
BROKER: Final = "kafka.Kafka"


class ProgramsMissing(Exception):
    """This machine cannot run Kafka by itself. The message says in a few words what it lacks."""


def kafka_version() -> str:
    """The version that dev/kafka/pom.xml names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    assert found is not None, POM
    return found[1]


@cache
def java() -> str:
    """The Java to run with: of JAVA_HOME, else of PATH. Raises `ProgramsMissing`."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if found is None:
        raise ProgramsMissing(f"Java {NEEDED_JAVA} or later is not installed")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < NEEDED_JAVA:
        raise ProgramsMissing(f"Java {NEEDED_JAVA} or later is needed, this is {told.splitlines()[:1]}")
    return found


def libraries(say: Callable[[str], None] = lambda _words: None) -> Path:
    """The folder of Kafka's jars, fetched when this machine does not have them yet. Raises `ProgramsMissing`.

    It stands in the user's cache and is shared by every checkout with the same pom. Whoever comes while another
    process fetches waits for it; a fetch that was broken off leaves nothing that looks complete.
    """
    folder = _cache() / f"kafka-{kafka_version()}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not folder.is_dir():
        with alone(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                say(f"fetching Kafka {kafka_version()} with Maven, 54 MB, once")
                _fetch(folder)
    return folder


def _cache() -> Path:
    of_the_user = os.environ.get("XDG_CACHE_HOME")
    return (Path(of_the_user) if of_the_user else Path.home() / ".cache") / "drumbeat"


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ProgramsMissing("Maven (mvn) is not installed")
    unfinished = folder.with_name(f"{folder.name}.{uuid4().hex[:8]}")
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={unfinished}",
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_LIMIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr.strip())
            raise ProgramsMissing(f"Maven could not fetch Kafka: {said[:300]}")
        unfinished.rename(folder)
    except subprocess.TimeoutExpired:
        raise ProgramsMissing("Maven did not fetch Kafka in time") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def java_command(main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    """The command that runs a class of Kafka's jars. Raises `ProgramsMissing`."""
    logging = f"-Dlog4j2.configurationFile={LOG_SETTINGS}"
    return [java(), *options, logging, "-cp", f"{libraries()}/*", main_class, *arguments]


def kafka_tool(
    main_class: str, *arguments: str, seconds: float = 60, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Kafka's command line tools to its end, such as `CONSOLE_CONSUMER`. Raises `ProgramsMissing`."""
    quick = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return subprocess.run(
        java_command(main_class, *arguments, options=quick),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=None if env is None else {**os.environ, **env},
        stdin=subprocess.DEVNULL,
    )
