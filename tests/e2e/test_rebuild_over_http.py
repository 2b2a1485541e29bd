"""A rebuild asked for over HTTP on a machine that goes on: its process killed; done, put back, one cancelled."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.machine import Machine, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(280)]

REBUILDS = "/projections/rebuilds"


def post(up: Machine, path: str, body: dict[str, Any]) -> dict[str, Any]:
    asked = up.asking(path)
    headers = {**dict(asked.header_items()), "Content-Type": "application/json"}
    with urlopen(Request(asked.full_url, json.dumps(body).encode(), headers), timeout=20) as answer:
        told: dict[str, Any] = json.loads(answer.read())
        return told


def state(up: Machine, generation: str) -> str:
    return str((up.get(f"{REBUILDS}/{generation}") or {"state": ""})["state"])


def live(up: Machine) -> set[str]:
    return {one["generation"] for one in up.get("/projections")["items"] if one["state"] == "live"}


def test_a_rebuild_survives_the_death_of_the_process_that_carries_it_out(tmp_path: Path) -> None:
    with machine(tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300") as up:
        generation = post(up, REBUILDS, {"all": True, "workers": 2})["queued"]["generation"]
        killed: list[int] = []
        for _ in range(2):
            # Two processes that fold take longer to start than it takes to look.
            assert until(lambda: state(up, generation) == "building" and up.pid_of("project") is not None, 60), (
                up.said
            )
            pid = up.pid_of("project")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            assert state(up, generation) == "building"
            assert until(lambda: up.pid_of("project") not in {None, *killed}, 30), up.said
        assert until(lambda: state(up, generation) == "live", 90), up.said
        done = up.get(f"{REBUILDS}/{generation}")
        assert {one["changed"] + one["appeared"] + one["gone"] for one in done["differences"]} == {0}
        assert sum(one["same"] for one in done["differences"]) > 1_000
        assert live(up) == {generation}

        switch = post(up, "/projections/rollback", {"all": True})
        assert until(lambda: up.get(f"/projections/switches/{switch['switch_id']}")["state"] == "done", 30), (
            up.said
        )
        assert (live(up), state(up, generation)) == ({"gen_1"}, "kept")

        other = post(up, REBUILDS, {"all": True, "workers": 2})["queued"]["generation"]
        assert until(lambda: state(up, other) == "building", 30), up.said
        began = time.monotonic()
        post(up, f"{REBUILDS}/{other}/cancel", {})
        assert until(lambda: state(up, other) == "cancelled", 30), up.said
        assert time.monotonic() - began < 30
        assert other not in {one["generation"] for one in up.get("/projections")["items"]}
        assert live(up) == {"gen_1"}
