"""`command-http`: commands over HTTP by one client, 8 and 64, each on a kept-alive connection of its own.

A client works contacts off: it places a call, connects it and ends it, each under an idempotency key, and
sends the next command when the last one was answered. The peer is an endpoint of FastAPI that parses the same
path and body and answers the same document, in a process of its own under the same server. Every event is counted
in the log.
"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from threading import Event as Flag
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import master_key_file
from benchmarks.serving import request, served, take_turns
from drumbeat import telemetry
from drumbeat.access import person
from drumbeat.bootstrap import api, commands, ledger, now
from drumbeat.commands.campaign import DraftCampaign, LaunchCampaign
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.senders import AssignSender, RegisterSender
from drumbeat.events.ids import contact_id
from drumbeat.events.values import AnsweredBy, CallOutcome, CampaignKind, Channel, GoalRole
from drumbeat.opsapi.authentication import key_gate
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.opsapi.serving import serve
from drumbeat.settings import Settings
from support.keys import bearer, key_for

CLIENTS = (1, 8, 64)
COMMANDS_A_CONTACT = 3


def commands_over_http(bench: Bench) -> list[Result]:
    """Goal: at least 0.3 of the endpoint that only parses, at 1, 8 and 64 clients."""
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        with served(serve_commands, url) as ours, served(_serve_parsing, url) as parsing:
            key = key_for(url)
            return [_with_clients(bench, url, key, (ours, parsing), clients) for clients in CLIENTS]


def _with_clients(bench: Bench, url: str, key: str, ports: tuple[int, int], clients: int) -> Result:
    ours, parsing = ports
    contacts = max(bench.scaled(1_600, 320) // clients, 2)
    p99_ms: list[float] = []

    def commanded() -> float:
        campaign, references = running_campaign(url, clients * contacts)
        scripts = [script_of(campaign, references[one::clients], key) for one in range(clients)]
        before = head_of(url)
        rate, took = measured(ours, scripts)
        p99_ms.append(statistics.quantiles(took, n=100)[98] * 1_000)
        _check(url, before, clients * contacts)
        return rate

    def parsed() -> float:
        campaign, references = uuid4(), [str(number) for number in range(clients * contacts)]
        scripts = [script_of(campaign, references[one::clients], key) for one in range(clients)]
        return measured(parsing, scripts)[0]

    axis = f"command-http-{clients}"
    result = bench.compare(axis, "commands/s", ours=commanded, peer=parsed, goal=Goal(per_peer=0.3))
    return replace(result, told=[f"p99 {statistics.median(p99_ms):.1f} ms"])


@cache
def settings() -> Settings:
    """Those of the processes of a benchmark: the same master keys, and no limit of requests."""
    return Settings(master_key_file=master_key_file(), key_requests_per_second=0)


def running_campaign(url: str, people: int) -> tuple[UUID, list[str]]:
    """A launched campaign in which nobody was called yet, and its people's references."""
    campaign, sender, references = uuid4(), uuid4(), [f"p-{number}" for number in range(people)]
    rows = tuple(ContactRow(reference=one, phone=f"+35191{n:07}") for n, one in enumerate(references))
    with ledger(settings(), url) as on:
        do = commands(url, on).execute
        for command in (
            DraftCampaign(
                campaign_id=campaign, kind=CampaignKind.VOICE_AGENT, name="B", settings={"agent": "Ava"}
            ),
            DefineGoal(campaign_id=campaign, goal_id=uuid4(), name="Appointment", role=GoalRole.PRIMARY),
            RegisterSender(sender_id=sender, channel=Channel.PHONE, friendly_name="Main", address="+351210000000"),
            AssignSender(campaign_id=campaign, sender_id=sender),
            EnrolContacts(campaign_id=campaign, rows=rows),
            LaunchCampaign(campaign_id=campaign),
        ):
            do(command, person(), now=now())
    return campaign, references


def script_of(campaign: UUID, references: Sequence[str], key: str) -> list[bytes]:
    """The requests of a client that places a call to each of these people, connects it and ends it."""
    script = []
    for reference in references:
        calls = f"/campaigns/{campaign}/contacts/{contact_id(campaign, reference)}/calls"
        for path, body in (
            (calls, {}),
            (f"{calls}/1/connect", {"answered_by": "human"}),
            (f"{calls}/1/end", {"outcome": "completed", "duration_seconds": 61}),
        ):
            told = {"Idempotency-Key": str(uuid4()), **bearer(key)}
            script.append(request("POST", path, json.dumps(body).encode(), **told))
    return script


def measured(port: int, scripts: Sequence[Sequence[bytes]]) -> tuple[float, list[float]]:
    """Commands a second of all clients together, and the seconds of each."""
    began = time.perf_counter()
    took = take_turns(port, scripts)
    return len(took) / (time.perf_counter() - began), took


def head_of(url: str) -> int:
    """The newest position of a log."""
    with ledger(settings(), url) as on:
        return on.head()


def _check(url: str, before: int, contacts: int) -> None:
    written = head_of(url) - before
    assert written == COMMANDS_A_CONTACT * contacts, f"{written} events of {COMMANDS_A_CONTACT * contacts}"


def serve_commands(url: str, port: int) -> None:
    """The API with commands, for `benchmarks.serving.served`."""
    # Logs as in earnest, to nowhere.
    with open("/dev/null", "w", encoding="utf-8") as nowhere, ledger(settings(), url) as on:  # noqa: PTH123  a device
        telemetry.configure_logging(process="api", log_format="json", stream=nowhere)
        asked = settings()
        serve(api(asked, url, key_gate(asked, url, now), on), "127.0.0.1", port, Flag())


class _Place(BaseModel):
    sender_id: UUID | None = None


class _Connect(BaseModel):
    answered_by: AnsweredBy


class _End(BaseModel):
    outcome: CallOutcome
    duration_seconds: int | None = None
    summary: str | None = None


class _Answer(BaseModel):
    stream_id: UUID
    version: int
    position: int
    events: int
    results: list[dict[str, Any]]


def _serve_parsing(_url: str, port: int) -> None:
    app = FastAPI()
    calls = "/campaigns/{campaign_id}/contacts/{contact_id}/calls"

    @app.post(calls)
    def place(campaign_id: UUID, contact_id: UUID, body: _Place) -> _Answer:
        assert isinstance(campaign_id, UUID)
        assert body.sender_id is None
        return _answer(contact_id)

    @app.post(f"{calls}/{{attempt}}/connect")
    def connect(campaign_id: UUID, contact_id: UUID, attempt: int, body: _Connect) -> _Answer:
        assert isinstance(campaign_id, UUID)
        assert attempt
        assert body.answered_by
        return _answer(contact_id)

    @app.post(f"{calls}/{{attempt}}/end")
    def end(campaign_id: UUID, contact_id: UUID, attempt: int, body: _End) -> _Answer:
        assert isinstance(campaign_id, UUID)
        assert attempt
        assert body.outcome
        return _answer(contact_id)

    serve(app, "127.0.0.1", port, Flag())


def _answer(stream_id: UUID) -> _Answer:
    return _Answer(stream_id=stream_id, version=4, position=1_234_567, events=1, results=[])
