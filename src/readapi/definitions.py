"""What does each number mean: the catalogue, and the process's own metrics for Prometheus."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from drumbeat import telemetry
from drumbeat.events.workspace import KeyScope
from drumbeat.readapi import routing
from drumbeat.readapi.metrics import METRICS, Metric
from drumbeat.web.authenticating import GUARDED, admit
from drumbeat.web.declaring import declared, refuse_unknown
from drumbeat.web.problems import UnknownParameter

router = routing.plain_router("metrics", KeyScope.READ)


class Definitions(msgspec.Struct):
    """Every metric there is."""

    items: list[Metric]


_BODY = msgspec.json.encode(Definitions(list(METRICS.values())))
_TAG = routing.entity_tag(_BODY)


@routing.serves(
    router,
    "/metrics/definitions",
    answers=Definitions,
    summary="What every number means",
    problems=GUARDED,
    tagged=True,
)
async def definitions(if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None) -> Response:
    """The same for every workspace; it changes with the version of Drumbeat alone."""
    if routing.matches(if_none_match, _TAG):
        return Response(status_code=304, headers={"ETag": _TAG})
    return Response(_BODY, headers={"ETag": _TAG, "Cache-Control": "no-cache"}, media_type="application/json")


async def _may_see(request: Request) -> None:
    if request.app.state.services.metrics_need_key:
        await admit(request, KeyScope.OPERATE)
    refuse_unknown(request)


process_router = APIRouter(tags=["metrics"], dependencies=[Depends(_may_see)])


@process_router.get(
    "/metrics",
    response_class=Response,
    summary="Metrics of this process for Prometheus",
    responses={
        200: {"description": "As text", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **declared(UnknownParameter, *GUARDED),
    },
    # A setting says whether a key is asked for.
    openapi_extra={"security": [{}, {"key": [KeyScope.OPERATE.value]}]},
)
async def prometheus() -> Response:
    """In the text format of Prometheus; the projector and the policies serve theirs on ports of their own."""
    return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)
