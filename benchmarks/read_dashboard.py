"""`read-dashboard`: the median time of a dashboard over HTTP, one client, kept-alive connection.

The peer is an endpoint of a FastAPI application that returns a constant; the floor is that and the dashboard's own
statement from psycopg. Both applications run in a process of their own under the same server.
"""

import socket
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from uuid import UUID, uuid4, uuid5

import msgspec
import psycopg
from eventsourcing.persistence import StoredEvent
from fastapi import FastAPI

from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import given_keys, keep_keys, master_key_file, sealed, whom
from benchmarks.serving import exchange, request, served
from drumbeat import telemetry
from drumbeat.bootstrap import PROJECTIONS, api, now
from drumbeat.events import Cause, Event, Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced
from drumbeat.events.campaign import CampaignActivated, CampaignAudienceOpened, CampaignDrafted, CampaignLaunched
from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.evaluations import ContactGoalEvaluated
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignSource,
    ContactPrivate,
    GoalResult,
    GoalRole,
    Vocabulary,
)
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.opsapi.authentication import key_gate
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.opsapi.serving import serve
from drumbeat.projections.engine.projector import Projector
from drumbeat.readapi import dashboard
from drumbeat.settings import Settings
from drumbeat.transport.source import LogSource
from support.keys import bearer, key_for

CAMPAIGN = uuid4()
GOAL = uuid4()
_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def dashboard_read(bench: Bench) -> Result:
    """Goal: at most 1.3 times the constant endpoint and the statement together."""
    people = bench.scaled(5_000, 1_000)
    reads = bench.scaled(4_000, 1_500)
    with bench.database() as url:
        _make_campaign(url, people)
        key = key_for(url)
        with (
            served(_serve_ours, url) as ours,
            served(_serve_anew, url) as anew,
            served(_serve_constant, url) as constant,
        ):
            _check(ours, people, key)
            path = f"/campaigns/{CAMPAIGN}/dashboard"
            return bench.compare(
                "read-dashboard",
                "µs",
                ours=lambda: _over_http(ours, path, reads, key),
                peer=lambda: _over_http(constant, "/constant", reads, key),
                floor=lambda: _over_http(constant, "/constant", reads, key) + _statement(url, reads),
                also={
                    "the statement alone": lambda: _statement(url, reads),
                    "ours, each answer made anew": lambda: _over_http(anew, path, reads, key),
                },
                goal=Goal(per_floor=1.3, at_most=True),
            )


def _over_http(port: int, path: str, reads: int, key: str) -> float:
    asked = request("GET", path, b"", **bearer(key))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _median(lambda: exchange(connection, asked), reads)


def _statement(url: str, reads: int) -> float:
    statement = dashboard.DASHBOARD.sql.replace(b"$1", b"%(workspace_id)s").replace(b"$2", b"%(campaign_id)s")
    arguments = {"workspace_id": "default", "campaign_id": CAMPAIGN}
    with closing(psycopg.connect(url, autocommit=True)) as connection:

        def ask() -> None:
            assert connection.execute(statement, arguments).fetchone()

        return _median(ask, reads)


def _median(act: Callable[[], object], times: int) -> float:
    for _ in range(times // 5):
        act()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000_000


def _check(port: int, people: int, key: str) -> None:
    path = f"/campaigns/{CAMPAIGN}/dashboard"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answer = msgspec.json.decode(exchange(connection, request("GET", path, b"", **bearer(key))))
    assert answer["contacts"]["value"] == people
    assert answer["attempts"]["value"] == people
    assert sum(one["attempts"]["value"] for one in answer["outcomes"]) == people


def _serve_ours(url: str, port: int) -> None:
    # Logs as in earnest, to nowhere.
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123  a device, not a file
        telemetry.configure_logging(process="api", log_format="json", stream=nowhere)
        settings = Settings(master_key_file=master_key_file(), key_requests_per_second=0)
        serve(api(settings, url, key_gate(settings, url, now)), "127.0.0.1", port, Flag())


def _serve_anew(url: str, port: int) -> None:
    # As if the campaign had changed since it was last asked for.
    dashboard.content = dashboard.content.__wrapped__  # type: ignore[assignment]
    _serve_ours(url, port)


def _serve_constant(_url: str, port: int) -> None:
    app = FastAPI()

    @app.get("/constant")
    def constant() -> dict[str, int]:
        return {"answer": 42}

    serve(app, "127.0.0.1", port, Flag())


def _make_campaign(url: str, people: int) -> None:
    for migrations in MIGRATION_SETS:
        migrations.migrate(url)
    events = [*_campaign(), *(event for number in range(people) for event in _person(number))]
    connections = Connections(url)
    with closing(connections):
        LogRecorder(connections).insert_bulk(events)
        keep_keys(url, events)
    with closing(LogSource(url)) as source:
        Projector(source, url, PROJECTIONS, ask=given_keys).run_until(len(events))
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("VACUUM ANALYZE")


def _campaign() -> list[StoredEvent]:
    drafted = CampaignDrafted(
        kind=CampaignKind.VOICE_AGENT,
        name="Bench",
        vocabulary=Vocabulary.VOICE_AGENT,
        settings=CampaignSettings(),
        source=CampaignSource.API,
    )
    goal = CampaignGoalDefined(goal_id=GOAL, name="Goal", role=GoalRole.PRIMARY)
    return _stored(CAMPAIGN, drafted, goal, CampaignAudienceOpened(), CampaignLaunched(), CampaignActivated())


def _person(number: int) -> list[StoredEvent]:
    outcomes, results = list(CallOutcome), list(GoalResult)
    return _stored(
        uuid5(CAMPAIGN, str(number)),
        ContactEnrolled(reference=str(number), source=CampaignSource.API, private=ContactPrivate(name="Ada")),
        ContactCallPlaced(attempt=1, settings_version=1),
        ContactCallEnded(attempt=1, outcome=outcomes[number % len(outcomes)], duration_seconds=number % 300),
        ContactGoalEvaluated(goal_id=GOAL, result=results[number % len(results)]),
    )


def _stored(stream_id: UUID, *facts: Fact) -> list[StoredEvent]:
    return [
        sealed(
            Event(
                id=uuid4(),
                stream_id=stream_id,
                stream_version=version,
                time=_NOW + timedelta(seconds=version),
                workspace_id="default",
                campaign_id=CAMPAIGN,
                actor="bench",
                cause=Cause.SYSTEM,
                correlation_id=CAMPAIGN,
                causation_id=None,
                person_id=whom(stream_id, fact),
                fact=fact,
            )
        )
        for version, fact in enumerate(facts, start=1)
    ]
