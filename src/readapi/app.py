"""The read API as an ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from drumbeat.access import person
from drumbeat.events import Principal
from drumbeat.readapi import (
    activity,
    attempts,
    campaigns,
    console,
    contacts,
    dashboard,
    definitions,
    health,
    heatmap,
    history,
    openapi,
    senders,
)
from drumbeat.readapi.asking import Services
from drumbeat.readapi.database import ReadModels
from drumbeat.readapi.ledger import SQL as LEDGER
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.looking import Look
from drumbeat.readapi.observing import Observed
from drumbeat.readapi.problems import MethodNotAllowed, Problem, UnknownRoute
from drumbeat.readapi.pulse import Pulse
from drumbeat.readapi.routing import invalid
from drumbeat.readapi.statements import POSITION
from drumbeat.readapi.waiting import Waiting


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _somebody() -> Principal:
    return person()


def _default_principal(_request: Request) -> Principal:
    return _somebody()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What the read API needs. The two databases may be the same. Replaceable: the clock, and who asks.

    `principal` names the workspace of a request; until there are API keys it is the default one for everybody who
    can reach the port.
    """

    read_models_url: str
    ledger_url: str
    connections: int = 10
    wait_for_connection_seconds: float = 10.0
    wait_limit_seconds: float = 10.0
    max_waiters: int = 64
    clock: Callable[[], datetime] = field(default=_now)
    principal: Callable[[Request], Principal] = field(default=_default_principal)


# Paths are tried in this order: what is asked most stands first.
ROUTERS = (
    dashboard.router,
    heatmap.router,
    campaigns.router,
    contacts.router,
    attempts.router,
    activity.router,
    senders.router,
    history.router,
    health.router,
    definitions.router,
    console.router,
)


def create_app(deps: Deps) -> FastAPI:
    """The application; it connects when it is started and begins with or without a database."""
    app = FastAPI(
        title="Drumbeat", version=version("drumbeat"), lifespan=_lifespan(deps), docs_url=None, redoc_url=None
    )
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Observed)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unserved)
    made = openapi.document(app)
    # FastAPI's documented way to replace its document.
    app.openapi = lambda: made  # type: ignore[method-assign]
    app.state.parameters = openapi.parameters(made)
    return app


def _lifespan(deps: Deps) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watched, looked = Look(deps.read_models_url, POSITION), Look(deps.read_models_url, POSITION)
        head = Look(deps.ledger_url, LEDGER["head"])
        services = Services(
            read_models=ReadModels(
                deps.read_models_url,
                connections=deps.connections,
                wait_seconds=deps.wait_for_connection_seconds,
            ),
            ledger=LedgerReads(
                deps.ledger_url, connections=deps.connections, wait_seconds=deps.wait_for_connection_seconds
            ),
            waiting=Waiting(watched.position, limit_seconds=deps.wait_limit_seconds, max_waiters=deps.max_waiters),
            pulse=Pulse({"read_models": looked.position, "ledger": head.position}),
            clock=deps.clock,
            principal=deps.principal,
            wait_limit_seconds=deps.wait_limit_seconds,
        )
        app.state.services = services
        services.pulse.start()
        try:
            yield
        finally:
            await services.waiting.close()
            await services.pulse.stop()
            for connection in (watched, looked, head):
                await connection.close()
            services.read_models.close()
            services.ledger.close()

    return lifespan


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(instance=request.url.path, correlation_id=str(request.scope["state"]["correlation_id"]))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _problem(request, invalid(error))


async def _unserved(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await _problem(request, MethodNotAllowed(f"{request.method} is not for this path"))
    return await _problem(request, UnknownRoute(f"there is nothing at {request.url.path}"))
