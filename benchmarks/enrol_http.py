"""`enrol-http`: ten thousand people enrolled by one request, in contacts a second.

The peer is the same command without HTTP, in this process: what lies between them is reading the request and
writing the answer. Every event is counted in the log.
"""

import json
import socket
import time
from uuid import UUID

from benchmarks.command_http import head_of, running_campaign, serve_commands, settings
from benchmarks.harness import Bench, Goal, Result
from benchmarks.serving import exchange, request, served
from drumbeat.access import person
from drumbeat.bootstrap import commands, ledger, now
from drumbeat.commands.enrolment import EnrolContacts
from drumbeat.opsapi.schemas import MIGRATION_SETS
from support.keys import bearer, key_for


def ten_thousand_at_once(bench: Bench) -> Result:
    """No goal: told."""
    people = bench.scaled(10_000, 2_000)
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        key = key_for(url)
        with served(serve_commands, url) as port:
            return bench.compare(
                "enrol-http",
                "contacts/s",
                ours=lambda: people / _over_http(url, port, key, people),
                peer=lambda: people / _without_http(url, people),
                goal=Goal(),
            )


def _rows(people: int) -> list[dict[str, str]]:
    return [
        {
            "reference": f"r-{number}",
            "name": f"Person {number}",
            "phone": f"+35196{number:07}",
            "zone": "Europe/Lisbon",
        }
        for number in range(people)
    ]


def _over_http(url: str, port: int, key: str, people: int) -> float:
    campaign, before = _empty(url)
    path, body = f"/campaigns/{campaign}/contacts/batch", json.dumps({"rows": _rows(people)}).encode()
    asked = request("POST", path, body, **bearer(key))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        answer = json.loads(exchange(connection, asked))
        took = time.perf_counter() - began
    assert [one["result"] for one in answer["results"]] == ["accepted"] * people
    _check(url, before, people)
    return took


def _without_http(url: str, people: int) -> float:
    campaign, before = _empty(url)
    wish = EnrolContacts.model_validate({"campaign_id": campaign, "rows": _rows(people)})
    with ledger(settings(), url) as on:
        execute = commands(url, on).execute
        began = time.perf_counter()
        done = execute(wish, person(), now=now())
        took = time.perf_counter() - began
    assert len(done.results) == people
    _check(url, before, people)
    return took


def _empty(url: str) -> tuple[UUID, int]:
    campaign, _ = running_campaign(url, 1)
    return campaign, head_of(url)


def _check(url: str, before: int, people: int) -> None:
    written = head_of(url) - before
    assert written == people, f"{written} events for {people} people"
