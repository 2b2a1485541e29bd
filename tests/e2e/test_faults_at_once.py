"""Imports of one file begun at once on a machine that has nothing yet: no server, no schema, no campaign."""

import json
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.opsapi.exits import Exit
from support.machine import DRUMBEAT, environment

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROWS, REFUSED, CALLS_EACH = 2_400, 240, 3
MAPPING = """
name = "A log"
shape = "row_per_contact"
[contact]
reference = "id"
[call]
attempts = "n"
duration = "seconds"
[outcome]
by_duration = { above_zero = "completed", zero = "no_answer" }
"""


@pytest.mark.long
def test_imports_of_one_file_begun_at_once_share_server_schema_work_and_report(tmp_path: Path) -> None:
    (tmp_path / "log.toml").write_text(MAPPING)
    rows = [f"p{n},{CALLS_EACH if n % 10 else 'several'},60\n" for n in range(ROWS)]
    (tmp_path / "log.csv").write_text("id,n,seconds\n" + "".join(rows))
    command = [DRUMBEAT, "import", "call-history", "log.csv", "--mapping", "log.toml", "--json"]
    processes = [
        subprocess.Popen(
            command,
            env=environment(tmp_path / "home"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    reports = []
    for process in processes:
        said, wrong = process.communicate(timeout=90)
        assert process.returncode == Exit.IN_PART, wrong
        report = json.loads(said)
        reports.append([report[name] for name in ("campaign_id", "accepted", "refused", "contacts", "calls")])
    accepted = ROWS - REFUSED
    assert reports == [[reports[0][0], accepted, REFUSED, accepted, accepted * CALLS_EACH]] * 3
    refused = (tmp_path / "log.refused.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[1]) for line in refused] == list(range(1, ROWS + 1, 10))
    with (
        EmbeddedServer(tmp_path / "home" / "postgres") as server,
        closing(psycopg.connect(server.url)) as connection,
    ):
        counted = connection.execute(
            "SELECT type, count(*) FROM ledger.events"
            " WHERE type IN ('campaign.drafted.v1', 'campaign.completed.v1', 'contact.enrolled.v1',"
            " 'contact.call_placed.v1') GROUP BY type"
        ).fetchall()
    assert dict(counted) == {
        "campaign.drafted.v1": 1,
        "campaign.completed.v1": 1,
        "contact.enrolled.v1": accepted,
        "contact.call_placed.v1": accepted * CALLS_EACH,
    }
