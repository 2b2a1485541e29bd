"""The bank file on a machine that goes on calling: rebuilt, compared, live and put back, and every total stays."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.bank import bank_csv
from support.dashboard_reader import Reader
from support.machine import Machine, drumbeat, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(290)]

TOTALS = {"contacts": 41_188, "attempts": 105_754, "talk_time": 10_638_243}


def totals(up: Machine, campaign: str) -> dict[str, Any]:
    dashboard = up.get(f"/campaigns/{campaign}/dashboard")
    return {name: dashboard[name]["value"] for name in TOTALS}


def switched(up: Machine, *arguments: str) -> float:
    """The milliseconds for which readers waited at most."""
    done = drumbeat("projections", *arguments, env=up.env, seconds=60)
    assert done.returncode == 0, done.stderr
    (waited,) = re.findall(r"readers waited (\d+) ms at most", done.stdout)
    return float(waited)


def test_the_bank_file_is_rebuilt_compared_live_and_put_back_while_people_read_and_call(tmp_path: Path) -> None:
    with machine(tmp_path / "state", tmp_path / "log", "--demonstration", "--people", "300", "--live") as up:
        imported = drumbeat(
            "import", "call-history", str(bank_csv()), "--mapping", "bank-marketing", "--json",
            env=up.env, seconds=120,
        )  # fmt: skip
        assert imported.returncode == 0, imported.stderr
        campaign = json.loads(imported.stdout)["campaign_id"]
        path = f"/campaigns/{campaign}/dashboard"
        assert until(lambda: (up.get(path) or {}).get("contacts", {}).get("value") == TOTALS["contacts"], 60)
        assert until(lambda: totals(up, campaign) == TOTALS, 60), totals(up, campaign)

        with Reader(up, path, contacts=TOTALS["contacts"]) as reader:
            before = up.get("/campaigns?limit=1")["as_of"]
            arguments = ("projections", "rebuild", "--all", "--workers", "2", "--no-go-live", "--json")
            built = drumbeat(*arguments, env=up.env, seconds=120)
            assert built.returncode == 0, built.stderr
            told = json.loads(built.stdout)
            assert sum(one["same"] for one in told["tables"]) > 5 * TOTALS["contacts"]
            assert [one["table"] for one in told["tables"] if one["same"] != one["rows"]] == []
            for switch in (
                ("go-live", told["generation"]),
                ("rollback", "--all"),
                ("go-live", told["generation"]),
            ):
                assert switched(up, *switch) < 100
                assert totals(up, campaign) == TOTALS
            assert position(up.get("/campaigns?limit=1")["as_of"]) > position(before), "nobody called meanwhile"
        assert reader.failed == []
        assert reader.answered > 50


def position(as_of: str) -> int:
    return int(as_of.partition("@")[0])
