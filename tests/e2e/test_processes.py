"""One machine as a whole: what `make run` starts answers, ends, comes back, and survives the death of any part."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import psutil
import psycopg
import pytest

from drumbeat.eventstore.embedded import EmbeddedServer
from support.machine import Machine, drumbeat, lives, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
PEOPLE = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine") / "state"


@pytest.fixture(scope="module")
def running(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    log = tmp_path_factory.mktemp("log") / "up.log"
    with machine(home, log, "--demonstration", "--people", str(PEOPLE)) as up:
        yield up


def campaign_id(up: Machine) -> str:
    (campaign,) = up.get("/campaigns")["items"]
    return str(campaign["campaign_id"])


def count_in_log(home: Path, type_name: str) -> int:
    """A plain count over the log."""
    url = EmbeddedServer(home / "postgres").url
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute("SELECT count(*) FROM ledger.events WHERE type = %s", [type_name]).fetchone()
        return int(row[0]) if row else 0


def test_make_run_is_what_these_tests_start() -> None:
    planned = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "drumbeat up --demonstration" in planned


def test_every_request_that_it_offers_is_answered(running: Machine) -> None:
    urls = running.urls()
    assert len(urls) >= 5
    for url in urls:
        with urlopen(url, timeout=20) as answer:
            assert answer.status == 200
    with urlopen(running.address + "/", timeout=20) as page:
        assert page.headers["content-type"].startswith("text/html")


def test_the_demonstration_says_that_it_is_one(running: Machine) -> None:
    (campaign,) = running.get("/campaigns")["items"]
    assert campaign["source"] == "demonstration"
    assert campaign["name"].startswith("Demonstration:")
    assert campaign["status"] == "running"


def test_the_dashboard_agrees_with_a_plain_count_over_the_log(running: Machine, home: Path) -> None:
    numbers = running.get(f"/campaigns/{campaign_id(running)}/dashboard")
    assert numbers["contacts"]["value"] == count_in_log(home, "contact.enrolled.v1") == PEOPLE
    assert numbers["attempts"]["value"] == count_in_log(home, "contact.call_placed.v1") > PEOPLE
    assert numbers["calls_received"]["value"] == count_in_log(home, "contact.call_received.v1")
    assert sum(row["contacts"]["value"] for row in numbers["contacts_by_label"]) == PEOPLE


def test_every_process_serves_metrics(running: Machine) -> None:
    for port in ("DRUMBEAT_API_PORT", "DRUMBEAT_PROJECT_METRICS_PORT", "DRUMBEAT_POLICIES_METRICS_PORT"):
        with urlopen(f"http://127.0.0.1:{running.env[port]}/metrics", timeout=10) as answer:
            assert "# TYPE drumbeat_" in answer.read().decode()


def test_status_finds_everything_healthy(running: Machine) -> None:
    assert until(lambda: drumbeat("status", "--json", env=running.env).returncode == 0)


@pytest.mark.parametrize("name", ["api", "project", "policies", "postgres"])
def test_a_killed_process_comes_back_and_goes_on(running: Machine, home: Path, name: str) -> None:
    campaign = campaign_id(running)
    before = running.pid_of(name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert until(lambda: running.pid_of(name) not in {None, before}), running.said
    assert until(lambda: running.get("/health/ready") is not None), running.said
    renamed = drumbeat("campaign", "rename", campaign, f"Demonstration: after {name}", env=running.env)
    assert renamed.returncode == 0, renamed.stderr
    position = re.search(r"position (\d+)", renamed.stderr)
    assert position is not None
    assert until(lambda: running.get(f"/campaigns/{campaign}?at_least={position[1]}") is not None), running.said
    assert running.get(f"/campaigns/{campaign}")["name"] == f"Demonstration: after {name}"


def test_the_death_of_the_supervisor_leaves_nothing_but_postgres_which_the_next_start_joins(
    running: Machine, home: Path, tmp_path: Path
) -> None:
    campaign = campaign_id(running)
    numbers = running.get(f"/campaigns/{campaign}/dashboard")
    children = [pid for pid in (running.pid_of(name) for name in ("api", "project", "policies")) if pid]
    postgres = running.pid_of("postgres")
    assert len(children) == 3
    assert postgres is not None
    running.kill()
    assert until(lambda: not any(lives(pid) for pid in children))
    assert lives(postgres)
    with machine(home, tmp_path / "again.log", "--demonstration", "--people", str(PEOPLE)) as again:
        assert EmbeddedServer(home / "postgres").postmaster_pid == postgres
        found = again.get(f"/campaigns/{campaign}/dashboard")
        assert found["contacts_by_label"] == numbers["contacts_by_label"]
        assert found["attempts"] == numbers["attempts"]
        assert again.interrupt() == 0
    assert not lives(postgres)


def test_ctrl_c_ends_every_process_and_the_next_start_finds_the_data_as_it_was(home: Path, tmp_path: Path) -> None:
    with machine(home, tmp_path / "first.log", "--demonstration", "--people", str(PEOPLE)) as first:
        seen = first.get("/campaigns")
        processes = first.everything()
        assert len(processes) > 4
        assert first.interrupt() == 0
        assert [psutil.Process(pid).cmdline() for pid in processes if lives(pid)] == []
    with machine(home, tmp_path / "second.log", "--demonstration", "--people", str(PEOPLE)) as second:
        found = second.get("/campaigns")
        assert found["freshness"]["position"] == seen["freshness"]["position"]
        assert found["items"] == seen["items"]


def test_a_demonstration_that_was_killed_while_loading_is_begun_anew(tmp_path: Path) -> None:
    home = tmp_path / "state"
    first = Machine(home, tmp_path / "first.log", "--demonstration", "--people", "600")
    assert until((home / "postgres" / "socket").exists, 30)
    assert until(lambda: _has_events(home, 100), 60), first.said
    first.kill()
    with machine(home, tmp_path / "second.log", "--demonstration", "--people", "600") as second:
        (campaign,) = second.get("/campaigns")["items"]
        assert campaign["name"].startswith("Demonstration:")
        assert campaign["contacts"] == 600
        assert count_in_log(home, "campaign.deleted.v1") == 1


def _has_events(home: Path, count: int) -> bool:
    try:
        with closing(psycopg.connect(EmbeddedServer(home / "postgres").url)) as connection:
            row = connection.execute("SELECT max(position) FROM ledger.events").fetchone()
            return row is not None and (row[0] or 0) > count
    except (psycopg.Error, OSError):
        return False
