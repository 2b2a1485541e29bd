"""Read models made anew while people read: asked for and watched here, carried out by a process that projects."""

from typing import Annotated

import msgspec
from fastapi import Depends, Query, Request
from starlette.responses import Response

from drumbeat.commands.rebuilds import (
    AskCancel,
    AskRebuild,
    ExpectedRebuild,
    ProjectionList,
    Rebuild,
    RebuildList,
    RebuildState,
)
from drumbeat.web.authenticating import principal_of
from drumbeat.web.declaring import answered, declared, rows_of_page
from drumbeat.web.problems import PageTooLarge
from drumbeat.writeapi.asking import DryRun, IdempotencyKey
from drumbeat.writeapi.bodies import WITH_BODY, body_of, described, read_body
from drumbeat.writeapi.commanding import as_json, commanded
from drumbeat.writeapi.operating import (
    EVERY,
    KEYED,
    REBUILD,
    REBUILDS,
    Generation,
    answering,
    chosen,
    find,
    noted,
    operator_router,
    services_of,
)
from drumbeat.writeapi.problems import RebuildOver, RebuildUnderWay, UnknownProjection, UnknownRebuild

router = operator_router("rebuilds")


class RebuildAnswer(msgspec.Struct, kw_only=True):
    """The rebuild that was asked for; of a dry run what it would take instead."""

    queued: Rebuild | None = None
    expected: ExpectedRebuild | None = None


@router.get(
    "/projections",
    summary="Every projection in every generation",
    response_class=Response,
    responses={200: answered(ProjectionList, "The projections"), **declared(*EVERY)},
)
def projections(request: Request) -> Response:
    """What is read, what is made beside it, and what was read before: version, state, position, rows and size."""
    with answering():
        return as_json(ProjectionList(services_of(request).rebuilds.held()), 200)


@router.post(
    REBUILDS,
    summary="Make projections anew beside those that are read",
    status_code=202,
    response_class=Response,
    responses={
        202: commanded(
            RebuildAnswer, "It is written down and will be done", Location="where to ask how it is doing"
        ),
        200: commanded(RebuildAnswer, "A dry run: what it would take"),
        **declared(*KEYED, *WITH_BODY, UnknownProjection, RebuildUnderWay),
    },
    openapi_extra=described(AskRebuild),
)
def start_rebuild(
    request: Request,
    raw: Annotated[bytes, Depends(body_of)],
    *,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> Response:
    """Of `projections`, with those that go with them, or of `all`. The rows are made from the log, compared with
    those that are read, and put in their place when none differs. One is made at a time; others wait."""
    services, wish = services_of(request), chosen(read_body(AskRebuild, request, raw))
    with answering():
        expected = services.rebuilds.expected(wish) if dry_run else None
        once, wish_id = noted(request, wish, idempotency_key, dry_run=dry_run)
        if wish_id is None:
            return as_json(RebuildAnswer(expected=expected), 200, once)
        by = principal_of(request).actor
        queued = services.rebuilds.ask(wish_id, wish, by=by, now=services.clock())
    return as_json(RebuildAnswer(queued=queued), 202, once, Location=f"{REBUILDS}/{queued.generation}")


@router.get(
    REBUILDS,
    summary="The rebuilds, the newest first",
    response_class=Response,
    responses={200: answered(RebuildList, "The rebuilds"), **declared(*EVERY, PageTooLarge)},
)
def rebuilds(
    request: Request, *, limit: Annotated[int, Query(ge=1, description="Rebuilds, at most.")] = 50
) -> Response:
    """Those that were asked for here, and those of the command line as long as their rows are there."""
    services = services_of(request)
    rows = rows_of_page(request, limit, services.page_rows)
    with answering():
        return as_json(RebuildList(services.rebuilds.newest(rows)), 200)


@router.get(
    REBUILD,
    summary="How a rebuild is doing",
    response_class=Response,
    responses={200: answered(Rebuild, "How it is doing"), **declared(*EVERY, UnknownRebuild)},
)
def rebuild(request: Request, generation: Generation) -> Response:
    """To be asked again until `state` is live, built, failed or cancelled."""
    with answering():
        return as_json(find(request, generation), 200)


@router.post(
    f"{REBUILD}/cancel",
    summary="Give a rebuild up",
    response_class=Response,
    responses={
        200: commanded(Rebuild, "It ends, or has been cancelled before"),
        **declared(*KEYED, UnknownRebuild, RebuildOver),
    },
)
def cancel_rebuild(
    request: Request, generation: Generation, *, idempotency_key: IdempotencyKey = None, dry_run: DryRun = False
) -> Response:
    """What there is of it is taken away, within seconds: `cancelling` until then. What is read stays as it is."""
    services = services_of(request)
    with answering():
        standing = find(request, generation)
        if standing.state not in (RebuildState.QUEUED, RebuildState.BUILDING, RebuildState.CANCELLED):
            raise RebuildOver(f"{generation} is {standing.state}", field="state", value=standing.state.value)
        wish = AskCancel(generation=generation)
        once, wish_id = noted(request, wish, idempotency_key, dry_run=dry_run)
        if wish_id is not None:
            services.rebuilds.cancel(generation, now=services.clock())
            standing = find(request, generation)
    return as_json(standing, 200, once)
