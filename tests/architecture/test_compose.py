"""docker-compose.yml: everything of ours is in it, each process as the command line and the settings know it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from drumbeat import cli, settings
from drumbeat.eventstore.embedded import TUNED_FOR_DRUMBEAT

ROOT = Path(__file__).parents[2]
PROCESSES = {"api", "relay", "project", "policies"}
ONCE = {"audit-key", "keys", "migrate", "topics"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(document["services"])


def test_every_process_of_ours_and_both_servers_are_in_it(services: dict[str, Any]) -> None:
    assert services.keys() == PROCESSES | ONCE | {"postgres", "kafka"}


@pytest.mark.parametrize("name", sorted(PROCESSES | ONCE))
def test_commands_and_settings_are_known(services: dict[str, Any], name: str) -> None:
    command: Any = typer.main.get_command(cli.app)
    words = list(services[name]["command"])
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
    settings.read({key: str(value) for key, value in services[name]["environment"].items()})


@pytest.mark.parametrize("name", sorted(PROCESSES | {"postgres", "kafka"}))
def test_what_runs_on_says_how_it_is(services: dict[str, Any], name: str) -> None:
    check = services[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= check.keys()


def test_who_waits_waits_for_somebody_who_is_there(services: dict[str, Any]) -> None:
    for name in PROCESSES | ONCE:
        for other, how in services[name]["depends_on"].items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how == {"condition": wanted}, f"{name} waits for {other}"
            assert other in services


def test_on_the_host_nothing_listens_but_on_loopback(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_postgres_is_tuned_like_the_embedded_one_and_kafka_is_the_version_that_is_tested(
    services: dict[str, Any],
) -> None:
    assert services["postgres"]["image"] == "postgres:18"
    assert services["kafka"]["image"] == "apache/kafka:4.3.1"
    tuned = dict(word.split("=") for word in services["postgres"]["command"] if "=" in word)
    assert tuned.items() <= TUNED_FOR_DRUMBEAT.items()
    assert {"shared_buffers", "max_wal_size", "maintenance_work_mem"} <= tuned.keys()


def test_docker_compose_itself_takes_it() -> None:
    client = _client()
    if client is None:
        pytest.skip("NOT TESTED: there is no docker compose here to ask")
    subprocess.run([*client, "config", "--quiet"], cwd=ROOT, check=True, timeout=60, capture_output=True)


def _client() -> list[str] | None:
    for client in (["docker", "compose"], ["docker-compose"]):
        found = shutil.which(client[0])
        if found and not subprocess.run([*client, "version"], capture_output=True, check=False).returncode:
            return client
    return None
