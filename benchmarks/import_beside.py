"""`command-p99-import`: the 99th percentile of a command over HTTP while an uploaded file of contacts is enrolled.

API, projector and policies are processes of their own, as `drumbeat up` starts them; the file is one of those that
just may be uploaded. Two clients send commands; ours is measured while the import runs, the peer on the same
machine without it. The import's rows are counted.
"""

import json
import socket
import statistics
import time
from dataclasses import replace
from uuid import UUID

from benchmarks.command_http import head_of, running_campaign, script_of
from benchmarks.harness import Bench, Goal, Result
from benchmarks.processes import answer_of, processes, settings_of, wait_until
from benchmarks.serving import exchange, request, take_turns
from drumbeat.opsapi.schemas import MIGRATION_SETS
from support.keys import bearer, key_for

_CLIENTS = 2


def beside_an_import(bench: Bench) -> Result:
    """Goal: at most three times what it is without."""
    commands, rows = bench.scaled(2_100, 600), bench.scaled(60_000, 20_000)
    rates: list[float] = []
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        key = key_for(url)
        settings = {**settings_of(url, None), "DRUMBEAT_KEY_REQUESTS_PER_SECOND": 0}
        with processes(["api", "project", "policies"], settings) as (env, *_):
            port = int(env["DRUMBEAT_API_PORT"])
            ready = f"http://127.0.0.1:{port}/health/ready"
            wait_until(lambda: bool(answer_of(ready)), "the API is not ready")

            def idle() -> float:
                return _p99_ms(url, port, key, commands)

            def beside() -> float:
                campaign, _ = running_campaign(url, 1)
                began, path = time.perf_counter(), _upload(port, key, campaign, rows)
                took = _p99_ms(url, port, key, commands)
                assert _standing(port, key, path)["state"] == "running", "the import ended before the commands did"
                while (standing := _standing(port, key, path))["state"] == "running":
                    time.sleep(0.1)
                rates.append(rows / (time.perf_counter() - began))
                assert standing["accepted"] == rows, standing
                return took

            result = bench.compare(
                "command-p99-import", "ms", ours=beside, peer=idle, goal=Goal(per_peer=3, at_most=True)
            )
    return replace(result, told=[f"the import beside them: {statistics.median(rates):,.0f} rows/s"])


def _p99_ms(url: str, port: int, key: str, commands: int) -> float:
    people = commands // 3
    campaign, references = running_campaign(url, people)
    before = head_of(url)
    took = take_turns(port, [script_of(campaign, references[one::_CLIENTS], key) for one in range(_CLIENTS)])
    assert len(took) == 3 * people
    assert head_of(url) - before >= 3 * people
    return statistics.quantiles(took, n=100)[98] * 1_000


def _upload(port: int, key: str, campaign: UUID, rows: int) -> str:
    lines = [f"i-{number},Person {number},+35196{number:07}" for number in range(rows)]
    body = "\n".join(["reference,name,phone", *lines, ""]).encode()
    asked = request("POST", f"/campaigns/{campaign}/imports", body, Content_Type="text/csv", **bearer(key))
    return f"/imports/{json.loads(_ask(port, asked))['queued']['import_id']}"


def _standing(port: int, key: str, path: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(_ask(port, request("GET", path, b"", **bearer(key))))
    return found


def _ask(port: int, asked: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return exchange(connection, asked)
