"""One HTTP application made of parts: the routes of each API, what they need, and one document for all."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from drumbeat.web import openapi
from drumbeat.web.authenticating import Gate
from drumbeat.web.declaring import invalid
from drumbeat.web.directory import Directory
from drumbeat.web.observing import Observed
from drumbeat.web.problems import MethodNotAllowed, Problem, UnknownRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An API: its routers, tried in their order, and what opens with the process and closes with it.

    `opened` sets what the endpoints need on `app.state`. `described` is its paragraph of the OpenAPI document,
    `schemas` and `examples` (by path and method; `openapi.Example`) stand there too, and `maxima`:
    the greatest values of its parameters that are settings.
    """

    routers: Sequence[APIRouter]
    opened: Callable[[FastAPI], AbstractAsyncContextManager[None]]
    described: str
    schemas: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    maxima: Mapping[str, int] = field(default_factory=dict)


def create_app(parts: Sequence[Part], gate: Gate) -> FastAPI:
    """The application; it connects when it is started and begins with or without a database.

    `gate` tells who sends a request; it is closed with the application.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(gate.close)
            for part in parts:
                await stack.enter_async_context(part.opened(app))
            yield

    app = FastAPI(
        title="Drumbeat",
        version=version("drumbeat"),
        lifespan=lifespan,
        openapi_url=None,
    )
    app.state.gate = gate
    routes = [route for part in parts for router in part.routers for route in router.routes]
    for route in routes:
        if isinstance(route, APIRoute):
            # An operation is called by its question or its command, and so are the client's methods.
            route.unique_id = route.name
    # Found in the directory; tried behind it for what it does not know: another method, a slash too many.
    app.router.routes += [Directory(routes), *routes]
    app.add_middleware(Observed)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unserved)
    made = openapi.document(app, parts)
    # FastAPI's documented way to replace its document.
    app.openapi = lambda: made  # type: ignore[method-assign]
    document = msgspec.json.encode(made)

    async def tell_document(_request: Request) -> Response:
        # Encoded once: it is large, and whoever asks for it often must not hold up the others.
        return Response(document, media_type="application/json")

    app.add_route("/openapi.json", tell_document)
    app.state.parameters = openapi.parameters(made)
    app.state.takes = [(compile_path(path)[0], method) for method, path in app.state.parameters]
    return app


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(instance=request.url.path, correlation_id=str(request.scope["state"]["correlation_id"]))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _problem(request, invalid(error))


async def _unserved(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        takes = {method for path, method in request.app.state.takes if path.match(request.url.path)}
        allowed = ", ".join(sorted(takes)) or "GET"
        return await _problem(request, MethodNotAllowed(f"{request.method} is not for this path", allowed=allowed))
    return await _problem(request, UnknownRoute(f"there is nothing at {request.url.path}"))
