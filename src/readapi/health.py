"""Is this process alive, and can it answer. Both live in the event loop and touch no database."""

import msgspec
from fastapi import Request
from starlette.responses import Response

from drumbeat.readapi import routing
from drumbeat.web.problems import NotReady

router = routing.plain_router("health")


class Live(msgspec.Struct):
    """The process answers."""

    status: str


class Ready(msgspec.Struct):
    """What was looked at a moment ago: `ok` each, or this answer would be a problem."""

    status: str
    checks: dict[str, str]


_LIVE = msgspec.json.encode(Live("live"))
_NO_STORE = {"Cache-Control": "no-store"}


@routing.serves(router, "/health/live", answers=Live, summary="The process answers")
async def live() -> Response:
    """Restart the process when this fails."""
    return Response(_LIVE, headers=_NO_STORE, media_type="application/json")


@routing.serves(router, "/health/ready", answers=Ready, problems=(NotReady,), summary="Both databases answer")
async def ready(request: Request) -> Response:
    """Send no requests here while this fails; it recovers by itself."""
    pulse = request.app.state.services.pulse
    if not pulse.ready:
        raise NotReady("; ".join(f"{name}: {state}" for name, state in pulse.checks.items()))
    body = msgspec.json.encode(Ready("ready", pulse.checks))
    return Response(body, headers=_NO_STORE, media_type="application/json")
