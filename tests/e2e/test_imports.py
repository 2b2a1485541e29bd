"""An upload on a whole machine: whatever is killed, every row is enrolled once."""

import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.machine import Machine, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROWS = 40_000


def post(up: Machine, path: str, body: bytes, content_type: str = "application/json") -> Any:
    asked = up.asking(path)
    request = Request(
        asked.full_url, data=body, headers={**asked.headers, "Content-Type": content_type}, method="POST"
    )
    with urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def kill(up: Machine, name: str) -> None:
    pid = up.pid_of(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.long
def test_an_import_outlives_the_death_of_the_api_the_policies_and_postgres(tmp_path: Path) -> None:
    file = "reference,phone\n" + "".join(f"p-{n},+35191{n:07}\n" for n in range(ROWS))
    with machine(tmp_path / "state", tmp_path / "up.log") as up:
        campaign = post(up, "/campaigns", b'{"kind": "call", "name": "Spring"}')["stream_id"]
        queued = post(up, f"/campaigns/{campaign}/imports", file.encode(), "text/csv")["queued"]
        path = f"/imports/{queued['import_id']}"
        kill(up, "api")

        def standing() -> Any:
            return up.get(path) or {"rows_read": 0, "state": None}

        for victim, share in (("policies", 0.2), ("postgres", 0.5)):
            assert until(lambda share=share: standing()["rows_read"] > share * ROWS, 60)  # type: ignore[misc]
            assert standing()["state"] == "running"
            kill(up, victim)
        assert until(lambda: standing()["state"] == "done", 90), up.said
        done = standing()
        counted = done["rows_read"], done["accepted"], done["already_enrolled"], done["refused"]
        assert counted == (ROWS, ROWS, 0, 0)
        listed = up.get(f"/campaigns/{campaign}/contacts?limit=1&count=true&at_least={done['position']}")
        assert listed["count"] == ROWS
