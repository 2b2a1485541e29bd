"""docs/history.md is run as it stands, by bash, on a machine with the demonstration."""

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.machine import DRUMBEAT, machine

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
ADDRESS = "http://127.0.0.1:8400"
MARK = "-- end of a block --"


@pytest.mark.long
def test_every_command_of_the_page_of_history_answers(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    home = tmp_path / ".drumbeat"
    asked = ("--demonstration", "--people", "12")
    with machine(home, tmp_path / "log", *asked) as made:
        script = "set -euo pipefail\n" + "".join(
            f"{block.replace(ADDRESS, made.address)}\necho\necho '{MARK}'\n" for block in blocks
        )
        path = f"{Path(DRUMBEAT).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash"], input=script, cwd=tmp_path, env=made.env | {"PATH": path},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _start, replayed, difference, lists, _exported, rest = done.stdout.split(f"{MARK}\n")
    assert rest == ""
    assert "campaign.drafted.v1" in replayed
    assert "    state     type: – → draft" in replayed
    assert len([line for line in replayed.splitlines() if line.startswith("{")]) == 5
    changed = json.loads(difference)
    assert changed["numbers"]
    assert changed["contacts"]["changed"] + changed["contacts"]["enrolled"] >= 2
    assert {"status", "goals"} <= {one["field"].partition(".")[0] for one in changed["campaign"]}
    contacts, activity = map(json.loads, _documents(lists))
    assert len(contacts["items"]) == 2
    assert [changed["from"]["position"] < row["position"] for row in activity["items"]] == [True, True]
    with (tmp_path / "activity.csv").open(newline="") as file:
        actions = list(csv.DictReader(file))
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [call["position"] for call in calls] == sorted(
        int(row["position"]) for row in actions if row["action"] == "call_ended"
    )
    assert (tmp_path / "since.csv").read_text().count("\n") > len(actions) > 12


def _documents(text: str) -> list[str]:
    """The JSON documents that were printed one after another, without anything between them."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        _, end = decoder.raw_decode(rest)
        found.append(rest[:end])
        rest = rest[end:].strip()
    return found
