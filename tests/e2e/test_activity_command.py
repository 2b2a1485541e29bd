"""`drumbeat activity export`: the list's rows in a file, whole or not at all."""

import csv
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from drumbeat import bootstrap
from drumbeat.intake.demonstration import Loaded
from drumbeat.operator import Operator
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.projections.engine.projector import Projector
from drumbeat.settings import Settings
from drumbeat.transport.source import LogSource
from support.machine import DRUMBEAT, drumbeat_inside, environment
from support.postgres import TestServer
from support.projecting import rows_of
from support.sealing import keys_in, master_key_file

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def url(postgres_server: TestServer) -> Iterator[str]:
    with postgres_server.fresh_database() as fresh:
        bootstrap.migrate(Settings(), fresh)
        yield fresh


@pytest.fixture(scope="module")
def loaded(url: str, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    in_force = Settings(master_key_file=master_key_file(tmp_path_factory.mktemp("keys") / "master.keys"))
    demonstration = bootstrap.load_demonstration(in_force, url, stop=Event(), people=20)
    with closing(LogSource(url)) as source:
        Projector(source, url, bootstrap.PROJECTIONS, ask=keys_in(url)).run_until(source.high_water())
    return demonstration


@pytest.fixture
def env(url: str, loaded: Loaded, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=url)


def export(env: dict[str, str], campaign: object, *arguments: str) -> subprocess.CompletedProcess[str]:
    return drumbeat_inside("activity", "export", str(campaign), *arguments, env=env)


def test_every_action_is_in_the_file(env: dict[str, str], loaded: Loaded, url: str, tmp_path: Path) -> None:
    output = tmp_path / "activity.csv"
    done = export(env, loaded.campaign_id, "--output", str(output))
    assert done.returncode == Exit.DONE, done.stderr
    assert done.stderr.startswith("as of ")
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    positions = [int(row["position"]) for row in rows]
    assert positions == sorted((row["position"] for row in rows_of(url, "activity")), reverse=True)
    assert list(tmp_path.glob("*.part")) == []


def test_filters_order_and_form_are_those_that_are_asked_for(
    env: dict[str, str], loaded: Loaded, url: str, tmp_path: Path
) -> None:
    output = tmp_path / "calls.jsonl"
    wanted = ("call_ended", "contact_enrolled")
    filters = [part for action in wanted for part in ("--action", action)]
    of = ("--format", "jsonl", "--order", "asc", "--output", str(output), "--above", "30", "--to", "2999-01-01")
    done = export(env, loaded.campaign_id, *filters, *of)
    assert done.returncode == Exit.DONE, done.stderr
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    known = [row for row in rows_of(url, "activity") if row["action"] in wanted and row["position"] > 30]
    assert [row["position"] for row in rows] == sorted(row["position"] for row in known)
    assert {row["action"] for row in rows} <= set(wanted)


@pytest.mark.long
def test_it_goes_into_a_pipe_and_minds_no_reader_that_has_enough(env: dict[str, str], loaded: Loaded) -> None:
    command = f"{DRUMBEAT} activity export {loaded.campaign_id}"
    whole = subprocess.run(
        command.split(), env=env, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    assert len(whole) > 50
    first = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | head -n 1"],
        env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert first.stdout.splitlines() == whole[:1]
    assert "Traceback" not in first.stderr


def test_what_cannot_be_exported_is_told_in_one_line(env: dict[str, str], loaded: Loaded, tmp_path: Path) -> None:
    nobody = "00000000-0000-0000-0000-000000000007"
    unknown = export(env, nobody, "--output", str(tmp_path / "a.csv"))
    assert (unknown.returncode, unknown.stderr) == (Exit.REFUSED, f"drumbeat: there is no campaign {nobody}\n")
    action = export(env, loaded.campaign_id, "--action", "dance", "--output", str(tmp_path / "a.csv"))
    assert action.returncode == Exit.REFUSED
    assert action.stderr.count("\n") == 1
    nowhere = export(env, loaded.campaign_id, "--output", str(tmp_path / "no" / "a.csv"))
    assert nowhere.returncode == Exit.WRONG_USE
    assert nowhere.stderr.endswith("a.csv cannot be written: No such file or directory\n")
    assert export(env, loaded.campaign_id, "--format", "xlsx").returncode == Exit.WRONG_USE
    assert export(env, loaded.campaign_id, "--from", "soon").returncode == Exit.WRONG_USE
    assert [one.name for one in tmp_path.iterdir() if one.is_file() and "master" not in one.name] == []


def test_an_export_that_breaks_off_leaves_no_file(
    env: dict[str, str], loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(
        _self: Operator, _path: str, _query: Sequence[tuple[str, str]], write: Callable[[bytes], Any]
    ) -> Mapping[str, str]:
        write(b"a part\r\n")
        raise Failed(Exit.UNAVAILABLE, "the answer ended before it was whole; the log says why")

    output = tmp_path / "activity.csv"
    output.write_text("of yesterday")
    monkeypatch.setattr(Operator, "copy", broken)
    done = export(env, loaded.campaign_id, "--output", str(output))
    assert done.returncode == Exit.UNAVAILABLE
    assert output.read_text() == "of yesterday"
    assert list(tmp_path.glob("*.part")) == []


def test_a_full_disk_is_told_and_leaves_no_part(env: dict[str, str], loaded: Loaded, tmp_path: Path) -> None:
    output = tmp_path / "activity.csv"
    (tmp_path / "activity.csv.part").symlink_to("/dev/full")
    done = export(env, loaded.campaign_id, "--output", str(output))
    assert done.returncode == Exit.WRONG_USE
    assert done.stderr.endswith("cannot be written: No space left on device\n")
    assert not output.exists()
