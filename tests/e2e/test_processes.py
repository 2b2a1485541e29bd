"""One machine as a whole: what `make run` starts answers, ends, comes back, and survives the death of any part."""

import os
import re
import signal
import stat
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import psycopg
import pytest

from drumbeat.audit.published import HeadFile
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.roles import Role
from drumbeat.opsapi.schemas import ROLES
from support.auditing import checker
from support.machine import Machine, drumbeat_inside, lives, machine, until
from support.walls import with_user

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


@pytest.mark.long
def test_every_request_that_it_offers_is_answered(running: Machine) -> None:
    urls = running.urls()
    assert len(urls) >= 5
    for url in urls:
        with urlopen(running.asking(url.removeprefix(running.address)), timeout=20) as answer:
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


def test_each_process_logs_in_as_itself_and_may_be_nobody_else(running: Machine, home: Path) -> None:
    url = EmbeddedServer(home / "postgres").url
    with closing(psycopg.connect(url)) as connection:
        found = connection.execute(
            "SELECT DISTINCT usename, rolsuper FROM pg_stat_activity JOIN pg_roles ON rolname = usename "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert set(found) == {(f"drumbeat_process_{name}", False) for name in ("api", "project", "policies")}
    for process, roles in ROLES.items():
        may = {*roles.on_log, *roles.on_read_models}
        with closing(psycopg.connect(with_user(url, f"drumbeat_process_{process}"), autocommit=True)) as one:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                one.execute("SELECT count(*) FROM ledger.events")
            for role in (*Role, "drumbeat"):
                if role in may:
                    one.execute(f"SET ROLE {role}".encode())
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        one.execute(f"SET ROLE {role}".encode())


def test_the_log_is_signed_from_the_first_start_on_and_passes_the_check(running: Machine, home: Path) -> None:
    assert until(lambda: running.get("/audit/head") is not None)
    head = running.get("/audit/head")
    assert head in [one.document() for one in HeadFile(home / "audit.heads").heads()]
    assert stat.S_IMODE((home / "audit.key").stat().st_mode) == 0o600
    proof = running.get("/audit/proofs/positions/1")
    assert checker().is_right(proof, b64decode(head["public_key"]))
    checked = drumbeat_inside("audit", "check", env=running.env)
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "the log is as it was")
    metrics = f"http://127.0.0.1:{running.env['DRUMBEAT_POLICIES_METRICS_PORT']}/metrics"
    with urlopen(metrics, timeout=10) as answer:
        told = answer.read().decode()
    assert "drumbeat_audit_leading 1.0\n" in told
    assert "drumbeat_audit_fault 0.0\n" in told


def test_every_process_serves_metrics(running: Machine) -> None:
    for port in ("DRUMBEAT_API_PORT", "DRUMBEAT_PROJECT_METRICS_PORT", "DRUMBEAT_POLICIES_METRICS_PORT"):
        with urlopen(f"http://127.0.0.1:{running.env[port]}/metrics", timeout=10) as answer:
            assert "# TYPE drumbeat_" in answer.read().decode()


def test_an_append_that_holds_the_others_back_would_be_seen_in_the_metrics(running: Machine) -> None:
    with urlopen(f"http://127.0.0.1:{running.env['DRUMBEAT_PROJECT_METRICS_PORT']}/metrics", timeout=10) as answer:
        held_up = re.search(r"^drumbeat_held_up_seconds (\S+)$", answer.read().decode(), re.MULTILINE)
    assert held_up is not None
    assert 0 <= float(held_up[1]) < 5


def test_status_finds_everything_healthy(running: Machine) -> None:
    assert until(lambda: drumbeat_inside("status", "--json", env=running.env).returncode == 0)


@pytest.mark.parametrize("name", ["api", "project", "policies", "postgres"])
def test_a_killed_process_comes_back_and_goes_on(running: Machine, home: Path, name: str) -> None:
    campaign = campaign_id(running)
    before = running.pid_of(name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert until(lambda: running.pid_of(name) not in {None, before}), running.said
    assert until(lambda: running.get("/health/ready") is not None), running.said
    renamed = drumbeat_inside("campaign", "rename", campaign, f"Demonstration: after {name}", env=running.env)
    assert renamed.returncode == 0, renamed.stderr
    position = re.search(r"position (\d+)", renamed.stderr)
    assert position is not None
    assert until(lambda: running.get(f"/campaigns/{campaign}?at_least={position[1]}") is not None), running.said
    assert running.get(f"/campaigns/{campaign}")["name"] == f"Demonstration: after {name}"


@pytest.mark.long
def test_ctrl_c_ends_every_process_and_the_data_is_as_it_was_then_and_after_the_death_of_the_supervisor(
    running: Machine, home: Path, tmp_path: Path
) -> None:
    assert until(lambda: running.get("/campaigns")["freshness"]["lag_events"] == 0)
    seen = running.get("/campaigns")
    processes = running.everything()
    assert len(processes) > 4
    assert running.interrupt() == 0
    assert [psutil.Process(pid).cmdline() for pid in processes if lives(pid)] == []

    with machine(home, tmp_path / "second.log", "--demonstration", "--people", str(PEOPLE)) as second:
        assert _as_it_was(second, seen)
        children = [pid for pid in (second.pid_of(name) for name in ("api", "project", "policies")) if pid]
        postgres = second.pid_of("postgres")
        assert len(children) == 3
        assert postgres is not None
        second.kill()
        assert until(lambda: not any(lives(pid) for pid in children))
        assert lives(postgres)

    with machine(home, tmp_path / "third.log", "--demonstration", "--people", str(PEOPLE)) as third:
        assert EmbeddedServer(home / "postgres").postmaster_pid == postgres
        assert _as_it_was(third, seen)
        assert third.interrupt() == 0
    assert not lives(postgres)


def _as_it_was(up: Machine, seen: dict[str, Any]) -> bool:
    found = up.get("/campaigns")
    # Whether the hours are open is asked of the clock.
    before, after = ([{**item, "hours": None} for item in answer["items"]] for answer in (seen, found))
    return bool(found["freshness"]["position"] == seen["freshness"]["position"] and before == after)
