"""Generations put in front of readers, asked for over HTTP: what was rebuilt, or what they saw before."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from drumbeat.commands.loop import Idempotency
from drumbeat.commands.rebuilds import AskGoLive, AskRollback, Switch, SwitchState
from drumbeat.web.authenticating import principal_of
from drumbeat.web.declaring import answered, declared
from drumbeat.writeapi.asking import DryRun, IdempotencyKey
from drumbeat.writeapi.bodies import WITH_BODY, body_of, described, read_body
from drumbeat.writeapi.commanding import Services, as_json, commanded
from drumbeat.writeapi.operating import (
    EVERY,
    KEYED,
    REBUILD,
    Generation,
    answering,
    chosen,
    find,
    noted,
    operator_router,
    services_of,
)
from drumbeat.writeapi.problems import CannotGoLive, UnknownProjection, UnknownRebuild, UnknownSwitch

router = operator_router("rebuilds")

_ANSWERED: Final[dict[int | str, dict[str, Any]]] = {
    202: commanded(Switch, "It is written down and will be done", Location="where to ask how it is doing"),
    200: commanded(Switch, "A dry run: it is possible"),
}


@router.post(
    f"{REBUILD}/go-live",
    summary="Let readers see what was rebuilt",
    status_code=202,
    response_class=Response,
    responses={
        **_ANSWERED,
        **declared(*KEYED, UnknownRebuild, CannotGoLive),
    },
)
def go_live(
    request: Request, generation: Generation, *, idempotency_key: IdempotencyKey = None, dry_run: DryRun = False
) -> Response:
    """In one transaction, within a second or two; what they saw before is kept, for a rollback."""
    services = services_of(request)
    with answering():
        find(request, generation)
        wish = AskGoLive(generation=generation)
        once, wish_id = noted(request, wish, idempotency_key, dry_run=dry_run)
        known = _known(services, wish_id)
        names = known.projections if known else list(services.rebuilds.may_go_live(generation))
        return _switched(request, once, wish_id, generation, names)


@router.post(
    "/projections/rollback",
    summary="Let readers see again what they saw before",
    status_code=202,
    response_class=Response,
    responses={
        **_ANSWERED,
        **declared(*KEYED, *WITH_BODY, UnknownProjection, CannotGoLive),
    },
    openapi_extra=described(AskRollback),
)
def roll_back(
    request: Request,
    raw: Annotated[bytes, Depends(body_of)],
    *,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> Response:
    """Of `projections`, with those that go with them, or of `all`; as long as what they saw is kept."""
    services, wish = services_of(request), chosen(read_body(AskRollback, request, raw))
    with answering():
        once, wish_id = noted(request, wish, idempotency_key, dry_run=dry_run)
        known = _known(services, wish_id)
        back = (known.generation, known.projections) if known else services.rebuilds.may_come_back(wish)
        return _switched(request, once, wish_id, back[0], list(back[1]))


@router.get(
    "/projections/switches/{switch_id}",
    summary="How a switch is doing",
    response_class=Response,
    responses={200: answered(Switch, "How it is doing"), **declared(*EVERY, UnknownSwitch)},
)
def switch(request: Request, switch_id: UUID) -> Response:
    """To be asked again until `state` is done or failed."""
    with answering():
        found = services_of(request).rebuilds.switch(switch_id)
    if found is None:
        raise UnknownSwitch(f"there is no switch {switch_id}", field="switch_id", value=str(switch_id))
    return as_json(found, 200)


def _known(services: Services, wish_id: UUID | None) -> Switch | None:
    return None if wish_id is None else services.rebuilds.switch(wish_id)


def _switched(
    request: Request, once: Idempotency | None, wish_id: UUID | None, generation: str, names: list[str]
) -> Response:
    services, by = services_of(request), principal_of(request).actor
    if wish_id is None:
        possible = Switch(generation=generation, projections=names, state=SwitchState.POSSIBLE)
        return as_json(possible, 200, once)
    services.rebuilds.ask_switch(wish_id, generation, names, by=by, now=services.clock())
    asked = services.rebuilds.switch(wish_id)
    assert asked is not None
    return as_json(asked, 202, once, Location=f"/projections/switches/{wish_id}")
