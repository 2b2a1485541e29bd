"""docs/own-projection.md as it stands: its package installed by pip, its commands typed, on a running machine."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.machine import DRUMBEAT, drumbeat, machine, until
from support.own_packages import PAGE, files_of, install, pretended, written

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(280)]

ADDRESS = "http://127.0.0.1:8400"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def listed(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What stands in each generation of the package, by generation."""
    answer = drumbeat("projections", "list", "--json", env=env)
    return {one["generation"]: one for one in json.loads(answer.stdout) if one["package"] == "call-ends"}


def typed(commands: str, home: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The commands of a block of the page, in a shell."""
    command = ["bash", "-e"]
    env = {**env, "PATH": f"{Path(DRUMBEAT).parent}:{env['PATH']}"}
    return subprocess.run(
        command, input=commands, cwd=home, env=env, capture_output=True, text=True, timeout=200, check=False
    )


@pytest.mark.long
def test_the_page_holds_from_the_first_file_to_the_last_table(tmp_path: Path) -> None:
    source = written(tmp_path / "source", files_of(PAGE))
    site = install(source, tmp_path / "site")
    pretended(site, "wrong-ends", {}, "wrong_ends = wrong_ends:PROJECTION")
    own = typed("python -m pytest -q -p no:cacheprovider .", source, {**os.environ, "PYTHONPATH": str(site)})
    assert own.returncode == 0, own.stdout
    arguments = ["--demonstration", "--people", "200"]
    home = tmp_path / ".drumbeat"
    with machine(home, tmp_path / "log", *arguments, PYTHONPATH=site) as up:
        assert until(lambda: {one["state"] for one in listed(up.env).values()} == {"live"}, 60), up.said
        assert "projection wrong_ends of package wrong-ends 1.0 is refused: entry point is wrong_ends:" in up.said
        assert until(lambda: bool((up.get("/campaigns") or {"items": []})["items"]), 60), up.said
        (campaign,) = up.get("/campaigns")["items"]
        dashboard = f"/campaigns/{campaign['campaign_id']}/dashboard"
        assert until(lambda: up.get(dashboard)["contacts"]["value"] == 200, 60)

        def agree() -> bool:
            numbers = up.get(dashboard)
            rows = up.get(f"/campaigns/{campaign['campaign_id']}/projections/call_ends?limit=500")
            counted: Counter[str] = Counter()
            for one in rows["items"]:
                counted[one["outcome"]] += one["value"]
            told = {
                one["outcome"]: one["attempts"]["value"] for one in numbers["outcomes"] if one["attempts"]["value"]
            }
            return len(told) > 3 and counted == told

        assert until(agree, 30), up.said
        _, requests = BLOCK.findall(PAGE.read_text())
        assert requests.count("drumbeat projections") == 1
        commands = f"CAMPAIGN={campaign['campaign_id']}\n{requests.replace(ADDRESS, up.address)}"
        done = typed(commands, tmp_path, up.env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"outcome":"completed"' in done.stdout
        assert "gen_3 is live" in done.stdout
        assert "call_ends" in done.stdout.rpartition("is live")[2]  # verified
        assert agree()
        more = drumbeat("projections", "rebuild", "call_ends", "--workers", "2", "--json", env=up.env)
        assert json.loads(more.stdout)["live"], more.stderr
        assert drumbeat("projections", "rollback", "call_ends", env=up.env).returncode == 0
        assert drumbeat("projections", "compare", "gen_4", env=up.env).returncode == 0
        assert [drumbeat("projections", "drop", one, env=up.env).returncode for one in ("gen_2", "gen_4")] == [
            0,
            0,
        ]
        refused = drumbeat("projections", "rebuild", "wrong_ends", env=up.env)
        assert (refused.returncode, "is refused: entry point" in refused.stderr) == (1, True)
        assert len(drumbeat("projections", "list", env=up.env).stderr.splitlines()) == 1
        assert up.interrupt() == 0
    with machine(home, tmp_path / "log") as up:
        left = drumbeat("projections", "list", env=up.env)
        assert "left by call-ends: `drumbeat projections drop gen_3`" in left.stdout
        assert up.get(f"/campaigns/{campaign['campaign_id']}/projections/call_ends") is None
        assert up.get(dashboard)["contacts"]["value"] == 200
        assert drumbeat("projections", "drop", "gen_3", env=up.env).returncode == 0
        assert listed(up.env) == {}
