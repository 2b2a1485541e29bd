"""`drumbeat up --live`: a dialler calls over HTTP while it runs; it outlives the API and ends with the machine."""

import os
import signal
import time
from pathlib import Path

import pytest

from drumbeat.intake.live_plan import live_cast
from support.machine import Machine, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

CAMPAIGN = f"/campaigns/{live_cast('default', 1, 1).campaign_id}"


def placed(up: Machine) -> int:
    """Calls placed so far."""
    page = up.get(f"{CAMPAIGN}/attempts?direction=placed&limit=1&count=true")
    return int(page["count"]) if page else 0


@pytest.mark.long
def test_a_person_who_looks_sees_calls_come_in_through_restarts_of_the_api(tmp_path: Path) -> None:
    home = tmp_path / "state"
    with machine(home, tmp_path / "first.log", "--live") as up:
        assert until(lambda: placed(up) >= 2)
        before = placed(up)
        api = up.pid_of("api")
        assert api is not None
        os.kill(api, signal.SIGKILL)
        assert until(lambda: placed(up) > before + 1, 60)
        began = time.monotonic()
        assert up.interrupt() == 0
        assert time.monotonic() - began < 15
    assert "command_broke" not in up.said
    assert "process_killed" not in up.said
    seen = before + 1
    with machine(home, tmp_path / "second.log", "--live") as again:
        assert until(lambda: placed(again) > seen + 1, 60)
        assert [row["name"] for row in again.get("/campaigns")["items"]] == ["Demonstration: live calls"]
        assert again.interrupt() == 0
