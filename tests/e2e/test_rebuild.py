"""`drumbeat projections` beside a machine that goes on: rebuilt, killed, compared, live, rolled back, dropped."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drumbeat.transport.cluster import Cluster
from support.dashboard_reader import Reader
from support.machine import DRUMBEAT, Machine, drumbeat, drumbeat_inside, machine, through_kafka, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(280)]


def listed(env: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(drumbeat("projections", "list", "--json", env=env).stdout)
    return found


def states(env: Mapping[str, str], generation: str) -> set[str]:
    return {one["state"] for one in listed(env) if one["generation"] == generation}


def demonstration(up: Machine) -> str:
    """The dashboard of the campaign that is whole, once it is."""

    def found() -> list[str]:
        items = (up.get("/campaigns?sort=name") or {"items": []})["items"]
        return [
            f"/campaigns/{one['campaign_id']}/dashboard"
            for one in items
            if "live" not in one["name"] and one["contacts"] == 300
        ]

    assert until(lambda: bool(found()), 90), up.said
    return found()[0]


@pytest.mark.long
def test_read_models_are_rebuilt_killed_put_in_place_and_put_back_while_people_read_and_call(
    tmp_path: Path,
) -> None:
    with machine(tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300", "--live") as up:
        env = up.env

        with Reader(up, demonstration(up), contacts=300) as reader:
            killed = subprocess.Popen(
                [DRUMBEAT, "projections", "rebuild", "--all", "--workers", "2"],
                env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, text=True,
            )  # fmt: skip
            assert killed.stdout is not None
            # From here on it starts workers, folds, compares and switches: it is killed long before the end.
            assert any("gen_2" in line for line in killed.stdout)
            os.killpg(killed.pid, signal.SIGKILL)
            killed.communicate()
            assert states(env, "gen_2") == {"building"}
            done = drumbeat("projections", "rebuild", "--all", "--json", env=env, seconds=90)
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            assert (told["generation"], told["live"]) == ("gen_2", True)
            assert sum(one["rows"] for one in told["tables"]) > 1_000
            assert states(env, "gen_1") == {"kept"}
            assert drumbeat("projections", "rollback", "--all", env=env).returncode == 0
            assert states(env, "gen_2") == {"kept"}
            compared = drumbeat("projections", "compare", "gen_2", "--json", env=env)
            assert compared.returncode == 0, compared.stdout + compared.stderr
            assert drumbeat("projections", "go-live", "gen_2", env=env).returncode == 0
            assert drumbeat("projections", "drop", "gen_1", env=env).returncode == 0
            assert {one["generation"] for one in listed(env)} == {"gen_2"}
            lags = [one["position"] for one in listed(env)]
            assert until(lambda: min(one["position"] for one in listed(env)) > max(lags), 20), up.said
        assert reader.failed == []
        assert reader.answered > 50
        refused = drumbeat("projections", "rollback", "--all", env=env)
        assert (refused.returncode, "nothing is kept" in refused.stderr) == (1, True)


@pytest.mark.long
def test_a_reader_who_does_not_end_delays_a_switch_that_turns_nobody_away_and_goes_through_when_it_does(
    database_url: str, tmp_path: Path
) -> None:
    with (
        machine(
            tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300",
            DRUMBEAT_DATABASE_URL=database_url,
        ) as up,
        Reader(up, demonstration(up), contacts=300) as reader,
    ):  # fmt: skip
        built = drumbeat("projections", "rebuild", "--all", "--no-go-live", env=up.env, seconds=120)
        assert built.returncode == 0, built.stderr
        with closing(psycopg.connect(database_url)) as long_reader:
            long_reader.execute("SELECT count(*) FROM live.contacts").fetchone()
            switch = subprocess.Popen(
                [DRUMBEAT, "projections", "go-live", "gen_2"], env=up.env, stderr=subprocess.PIPE, text=True
            )
            waited = reader.answered
            assert until(lambda: reader.answered > waited + 10, 25)
            assert switch.poll() is None, "it waits for the reader"
            assert states(up.env, "gen_1") == {"live"}
            long_reader.rollback()
            _, said = switch.communicate(timeout=60)
        assert switch.returncode == 0, said
        assert states(up.env, "gen_2") == {"live"}
        after = reader.answered
        assert until(lambda: reader.answered > after + 20, 30)
        assert reader.failed == []


@pytest.mark.long
@pytest.mark.kafka
def test_a_rebuild_beside_consumers_of_kafka_disturbs_neither_and_goes_on_from_their_places(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    how = through_kafka(kafka_cluster, database_url)
    made = drumbeat_inside("streams", "create", env={**os.environ, **{k: str(v) for k, v in how.items()}})
    assert made.returncode == 0, made.stderr
    with (
        machine(tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300", "--live", **how) as up,
        Reader(up, demonstration(up), contacts=300) as reader,
    ):
        env = up.env
        done = drumbeat("projections", "rebuild", "--all", "--workers", "2", "--json", env=env, seconds=120)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["generation"], told["live"]) == ("gen_2", True)
        assert sum(one["rows"] for one in told["tables"]) > 1_000
        lags = [one["position"] for one in listed(env)]
        # Both generations are fed from the topics, each by a group of its own, and come to the same.
        assert until(lambda: min(one["position"] for one in listed(env)) > max(lags), 40), up.said
        for generation in ("gen_1", "gen_2"):
            if generation == "gen_2":
                assert drumbeat("projections", "rollback", "--all", env=env).returncode == 0
            compared = drumbeat("projections", "compare", generation, "--json", env=env)
            assert compared.returncode == 0, compared.stdout + compared.stderr
        verified = drumbeat("verify", env=env, seconds=120)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert reader.failed == []
        assert reader.answered > 50
