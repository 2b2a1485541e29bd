"""`drumbeat projections` beside a machine that goes on: rebuilt, killed, compared, live, rolled back, dropped."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from support.machine import DRUMBEAT, Machine, drumbeat, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(280)]


def listed(env: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(drumbeat("projections", "list", "--json", env=env).stdout)
    return found


def states(env: Mapping[str, str], generation: str) -> set[str]:
    return {one["state"] for one in listed(env) if one["generation"] == generation}


class Reader:
    """Asks for a dashboard all the time; `failed` is whatever was not answered."""

    def __init__(self, up: Machine, path: str) -> None:
        self._up, self._path = up, path
        self._stop = threading.Event()
        self.answered, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                assert self._up.get(self._path)["contacts"]["value"] == 300
                self.answered += 1
            except Exception as error:  # noqa: BLE001  told below
                self.failed.append(repr(error))
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


@pytest.mark.long
def test_read_models_are_rebuilt_killed_put_in_place_and_put_back_while_people_read_and_call(
    tmp_path: Path,
) -> None:
    with machine(tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300", "--live") as up:
        env = up.env

        def demonstration() -> dict[str, Any]:
            items = (up.get("/campaigns?sort=name") or {"items": []})["items"]
            found = [one for one in items if "live" not in one["name"] and one["contacts"] == 300]
            return found[0] if found else {}

        assert until(lambda: bool(demonstration()), 60), up.said
        with Reader(up, f"/campaigns/{demonstration()['campaign_id']}/dashboard") as reader:
            killed = subprocess.Popen(
                [DRUMBEAT, "projections", "rebuild", "--all", "--workers", "2"],
                env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            assert until(lambda: "gen_2" in drumbeat("projections", "list", env=env).stdout, 30)
            os.killpg(killed.pid, signal.SIGKILL)
            killed.communicate()
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
