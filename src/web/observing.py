"""What happens around every request: its correlation id, its log record, its metric, and no error unanswered."""

import time
from uuid import UUID, uuid4

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drumbeat import telemetry
from drumbeat.web.problems import InternalError

CORRELATION_HEADER = "Correlation-Id"
_HEADER = CORRELATION_HEADER.lower().encode()

CLIENT_GONE = 499
"""Told in logs and metrics of a request whose client went away, or was cut off, before it was whole."""

log = structlog.get_logger()

_PERSONAL = "/people/"
"""What follows in such a path names a person, perhaps by phone number, and is not logged."""


class Observed:
    """ASGI middleware, outermost of ours. A `Correlation-Id` that is a UUID is taken over; else one is made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        path = _PERSONAL if scope["path"].startswith(_PERSONAL) else scope["path"]
        status = 0
        began = time.perf_counter()

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, str(correlation_id).encode())]
            await send(message)

        with telemetry.correlated(correlation_id):
            try:
                await self._app(scope, receive, send_observed)
            except ClientDisconnect:
                # Whoever ended the connection has answered the client, if it is still there to be answered.
                status = status or CLIENT_GONE
            except Exception:
                log.exception("request_broke", path=path)
                if status == 0:
                    problem = InternalError("the log has the details under the correlation id")
                    answer = problem.response(instance=scope["path"], correlation_id=str(correlation_id))
                    await answer(scope, receive, send_observed)
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "none")
            telemetry.REQUEST_SECONDS.labels(scope["method"], route, str(status)).observe(seconds)
            # Whoever watches asks all the time; that is worth no line.
            say = log.debug if scope["path"].startswith(("/health/", "/metrics")) and status < 400 else log.info
            say(
                "request",
                method=scope["method"],
                path=path,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 2),
            )


def _correlation_id(scope: Scope) -> UUID:
    for name, value in scope["headers"]:
        if name == _HEADER:
            try:
                return UUID(value.decode("ascii"))
            except ValueError:
                break
    return uuid4()
