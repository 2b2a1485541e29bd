"""The read API as a part of an ASGI application, and as one by itself."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Semaphore

import msgspec
from fastapi import FastAPI

from drumbeat.access.master_keys import MasterKeys
from drumbeat.projections.models import installed
from drumbeat.readapi import (
    activity,
    activity_export,
    attempts,
    audit,
    campaigns,
    console,
    contacts,
    dashboard,
    definitions,
    health,
    heatmap,
    history,
    history_diff,
    own,
    senders,
)
from drumbeat.readapi.asking import Fresh, Services
from drumbeat.readapi.database import ReadModels
from drumbeat.readapi.ledger import SQL as LEDGER
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.looking import Look
from drumbeat.readapi.pulse import Pulse
from drumbeat.readapi.statements import POSITION
from drumbeat.readapi.waiting import Waiting
from drumbeat.readapi.worlds import Worlds
from drumbeat.web import app as web
from drumbeat.web.authenticating import Gate


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What the read API needs. The two databases may be the same. `metrics_need_key`: `/metrics` asks for one.

    `master` opens what is personal in a timeline; without it that is withheld.
    """

    read_models_url: str
    ledger_url: str
    master: MasterKeys | None = None
    connections: int = 10
    wait_for_connection_seconds: float = 10.0
    wait_limit_seconds: float = 10.0
    max_waiters: int = 64
    page_rows: int = 500
    diff_contacts: int = 50_000
    diffs_at_once: int = 2
    clock: Callable[[], datetime] = field(default=_now)
    metrics_need_key: bool = False
    as_of_kept: int = 4
    as_of_max_events: int = 500_000


# Paths are tried in this order: what is asked most stands first.
ROUTERS = (
    dashboard.router,
    heatmap.router,
    campaigns.router,
    contacts.router,
    attempts.router,
    activity.router,
    activity_export.router,
    senders.router,
    history.router,
    history_diff.router,
    audit.router,
    health.router,
    definitions.router,
    definitions.process_router,
    console.router,
)


_DESCRIPTION = """\
Reads of Drumbeat: campaigns, their dashboards, and exactly the rows behind every number.

Every answer of a read begins with `as_of`, a token `position@instant`: everything up to the position of the log is
in it, and what depends on the clock was judged at the instant. `at_least` waits for a position. A read of
one campaign that sends the token back as `as_of` is answered as it was then. Answers carry an entity tag;
`If-None-Match` is answered 304 when nothing changed.
"""


def reading(deps: Deps) -> web.Part:
    """The read API, to be served."""
    _, fresh = msgspec.json.schema_components([Fresh], ref_template="#/components/schemas/{name}")
    examples = json.loads(Path(__file__).with_name("examples.json").read_bytes())
    return web.Part(
        routers=[*ROUTERS, *(own.router_of(one) for one in installed().own)],
        opened=_opened(deps),
        described=_DESCRIPTION,
        schemas=fresh,
        maxima={"limit": deps.page_rows},
        examples={path: {"get": example} for path, example in examples.items()},
    )


def create_app(deps: Deps, gate: Gate) -> FastAPI:
    """The read API alone."""
    return web.create_app([reading(deps)], gate)


def _databases(deps: Deps) -> tuple[ReadModels, LedgerReads]:
    connections, wait_seconds = deps.connections, deps.wait_for_connection_seconds
    return (
        ReadModels(deps.read_models_url, connections=connections, wait_seconds=wait_seconds),
        LedgerReads(deps.ledger_url, deps.master, connections=connections, wait_seconds=wait_seconds),
    )


def _looks_at_own(deps: Deps) -> dict[str, Look]:
    names = [one.projection.name for one in installed().own]
    return {name: Look(deps.read_models_url, own.statement_of_position(name)) for name in names}


def _waiting(deps: Deps, look: Look) -> Waiting:
    return Waiting(look.position, limit_seconds=deps.wait_limit_seconds, max_waiters=deps.max_waiters)


def _opened(deps: Deps) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        watched, looked = Look(deps.read_models_url, POSITION), Look(deps.read_models_url, POSITION)
        head = Look(deps.ledger_url, LEDGER["head"])
        read_models, ledger = _databases(deps)
        own_looks = _looks_at_own(deps)
        services = Services(
            read_models=read_models,
            ledger=ledger,
            worlds=Worlds(
                deps.read_models_url,
                read_models,
                ledger,
                kept=deps.as_of_kept,
                most_events=deps.as_of_max_events,
                patience_seconds=deps.wait_limit_seconds,
            ),
            waiting=_waiting(deps, watched),
            own={name: _waiting(deps, look) for name, look in own_looks.items()},
            pulse=Pulse({"read_models": looked.position, "ledger": head.position}),
            clock=deps.clock,
            metrics_need_key=deps.metrics_need_key,
            wait_limit_seconds=deps.wait_limit_seconds,
            page_rows=deps.page_rows,
            diff_contacts=deps.diff_contacts,
            comparisons=Semaphore(deps.diffs_at_once),
        )
        app.state.services = services
        services.pulse.start()
        try:
            yield
        finally:
            for waiting in (services.waiting, *services.own.values()):
                await waiting.close()
            await services.pulse.stop()
            for connection in (watched, looked, head, *own_looks.values()):
                await connection.close()
            services.worlds.close()
            services.read_models.close()
            services.ledger.close()

    return opened
