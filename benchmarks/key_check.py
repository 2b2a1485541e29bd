"""`key-check`, `rate-limit`: what telling who asks, and counting how often, cost of one command over HTTP.

Ours is the gate of both APIs, asked as a route asks it, with the headers of a command and a key that is known; and
the bucket of a key by itself. The peer is a whole command over HTTP by one client, on a kept-alive connection: a
call placed, connected or ended. A key that is not known costs a look at the database, once in
`DRUMBEAT_KEY_TRUSTED_SECONDS`, and beside the requests while the key is in use: told.
"""

import time
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from fastapi import Request

from benchmarks.command_http import measured, running_campaign, script_of, serve_commands
from benchmarks.harness import Bench, Goal, Result
from benchmarks.serving import served
from drumbeat.access import RateLimit
from drumbeat.bootstrap import now
from drumbeat.events.workspace import KeyScope
from drumbeat.opsapi.authentication import key_gate
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.settings import Settings
from drumbeat.web.authenticating import KeyGate
from support.keys import bearer, key_for

_GOAL = Goal(per_peer=0.05, at_most=True)


def who_asks_and_how_often(bench: Bench) -> list[Result]:
    """Goal: each below 5 % of a command over HTTP."""
    times, contacts = bench.scaled(200_000, 40_000), bench.scaled(600, 150)
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        key = key_for(url)
        request = _request(key)
        gate = key_gate(Settings(key_requests_per_second=0), url, now)
        with closing(gate), served(serve_commands, url) as port:
            looked_up_us = _admit_anew(gate, request)

            def command() -> float:
                campaign, references = running_campaign(url, contacts)
                rate, _ = measured(port, [script_of(campaign, references, key)])
                return 1_000_000 / rate

            def check() -> float:
                return _microseconds(lambda: _admitted(gate.admit(request, KeyScope.WRITE)), times)

            limit = RateLimit(1_000_000_000)

            def count() -> float:
                return _microseconds(lambda: limit.take(key), times)

            checked = bench.compare("key-check", "µs", ours=check, peer=command, goal=_GOAL)
            counted = bench.compare("rate-limit", "µs", ours=count, peer=command, goal=_GOAL)
    told = f"looked up in the database {looked_up_us:,.0f} µs, beside the requests"
    return [replace(checked, told=[told]), counted]


def _request(key: str) -> Request:
    told = {"Host": "drumbeat", "Content-Type": "application/json", "Content-Length": "2"}
    told |= {"Idempotency-Key": str(uuid4()), **bearer(key)}
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    return Request({"type": "http", "headers": headers, "state": {"correlation_id": uuid4()}})


def _admit_anew(gate: KeyGate, request: Request) -> float:
    token = request.headers["authorization"].removeprefix("Bearer ")
    took = []
    for _ in range(20):
        began = time.perf_counter()
        gate.keys.look_up(token)
        took.append(time.perf_counter() - began)
    return sorted(took)[10] * 1_000_000


def _admitted(asked: Coroutine[Any, Any, Any]) -> None:
    # A key that is known is admitted without waiting: the coroutine ends at its first step.
    with suppress(StopIteration):
        asked.send(None)
        raise AssertionError("the gate waited")


def _microseconds(act: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) / times * 1_000_000
