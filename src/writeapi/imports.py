"""Imports by upload (E-33): a file of contacts is taken at once, enrolled in the background, and reported on."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.uploads import (
    OVER,
    AcceptUpload,
    CancelUpload,
    Standing,
    TooManyUploads,
    Upload,
    UploadState,
)
from drumbeat.events.workspace import KeyScope
from drumbeat.intake.upload_files import MOST_BYTES, UnfitUpload, UploadFile, read_upload
from drumbeat.web.authenticating import principal_of
from drumbeat.web.declaring import answered, declared, rows_of_page
from drumbeat.web.problems import DatabaseAway, InvalidParameter, PageTooLarge
from drumbeat.writeapi.asking import DryRun, IdempotencyKey
from drumbeat.writeapi.bodies import media_type, read_within
from drumbeat.writeapi.commanding import (
    ALWAYS,
    Services,
    as_json,
    carry_out,
    commanded,
    keyed,
    parameter_router,
)
from drumbeat.writeapi.import_answers import Import, ImportPage, Uploaded, as_csv, checked, shown
from drumbeat.writeapi.problems import (
    REFUSALS,
    BodyTooLarge,
    ImportOver,
    InvalidFile,
    NotCsv,
    TooManyImports,
    UnknownImport,
)

CSV = "text/csv"
_SEND_AGAIN = "send it again with the same Idempotency-Key"

router = parameter_router("imports")
reading = parameter_router("imports", KeyScope.READ)


async def upload_of(request: Request) -> bytes:
    """The file that was sent. Raises `BodyTooLarge` as soon as it is."""
    return await read_within(request, MOST_BYTES)


@router.post(
    "/campaigns/{campaign_id}/imports",
    summary="Enrol the contacts of a CSV file in the background",
    status_code=202,
    response_class=Response,
    responses={
        202: commanded(Uploaded, "The file is kept and will be enrolled", Location="where to ask how it is doing"),
        200: commanded(Uploaded, "A dry run: the file and its rows by themselves"),
        **declared(
            *ALWAYS, BodyTooLarge, NotCsv, InvalidFile, TooManyImports,
            *(REFUSALS[no] for no in (
                No.UNKNOWN_STREAM, No.DELETED, No.CAMPAIGN_OVER, No.NOT_FOR_AN_IMPORT, No.IDEMPOTENCY_KEY_REUSED,
                No.CONFLICT,
            )),
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": {CSV: {"schema": {"type": "string"}}}}},
)  # fmt: skip
def import_contacts(
    request: Request,
    campaign_id: UUID,
    raw: Annotated[bytes, Depends(upload_of)],
    *,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> Response:
    """At most 5 MiB in UTF-8 with a header: reference, and any of name, phone, country, email, zone, priority,
    tags; other columns go into the profile. Columns are told apart by commas or semicolons."""
    file = _read(request, raw)
    wish = AcceptUpload(campaign_id=campaign_id, file_hash=hashlib.sha256(raw).hexdigest())
    once = keyed(request, idempotency_key)
    done = carry_out(request, wish, once, dry_run=dry_run)
    if dry_run:
        try:
            return as_json(Uploaded(checked=checked(file)), 200, once)
        except UnfitUpload as unfit:
            raise _invalid(unfit) from unfit
    services: Services = request.app.state.writing
    upload = Upload(
        import_id=UUID(done.results[0]["import_id"]),
        campaign_id=campaign_id,
        principal=principal_of(request),
        file=raw,
        lines=file.lines,
    )
    with _reachable(_SEND_AGAIN):
        try:
            queued = services.uploads.queue(upload, limit=services.imports_at_once, now=services.clock())
        except TooManyUploads as too_many:
            raise TooManyImports(f"{too_many}; wait for one, or cancel one") from too_many
    return as_json(Uploaded(queued=shown(queued)), 202, once, Location=f"/imports/{queued.import_id}")


@reading.get(
    "/imports",
    summary="The imports, the newest first",
    response_class=Response,
    responses={200: answered(ImportPage, "The imports"), **declared(*ALWAYS, PageTooLarge)},
)
def imports(
    request: Request,
    *,
    campaign_id: Annotated[UUID | None, Query(description="Only those into this campaign.")] = None,
    limit: Annotated[int, Query(ge=1, description="Imports a page.")] = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response:
    """Of this workspace."""
    services, workspace_id = _asked(request)
    rows = rows_of_page(request, limit, services.page_rows)
    with _reachable():
        if cursor is not None and services.uploads.find(workspace_id, cursor) is None:
            raise InvalidParameter("this is no cursor of this list", field="cursor", value=str(cursor))
        found = services.uploads.newest(workspace_id, campaign_id=campaign_id, before=cursor, limit=rows + 1)
    page = [shown(one) for one in found[:rows]]
    return as_json(ImportPage(items=page, next_cursor=str(page[-1].import_id) if len(found) > rows else None), 200)


@reading.get(
    "/imports/{import_id}",
    name="import",
    summary="How an import is doing",
    response_class=Response,
    responses={200: answered(Import, "How it is doing"), **declared(*ALWAYS, UnknownImport)},
)
def import_standing(request: Request, import_id: UUID) -> Response:
    """To be asked again until `state` is done, failed or cancelled."""
    return as_json(shown(_find(request, import_id)), 200)


@reading.get(
    "/imports/{import_id}/report",
    summary="The rows that an import refused",
    response_class=Response,
    responses={
        200: {
            "description": "CSV: line, field, reason, allowed",
            "content": {CSV: {"schema": {"type": "string"}}},
        },
        **declared(*ALWAYS, UnknownImport),
    },
)
def import_report(request: Request, import_id: UUID) -> Response:
    """A line for each row that was refused so far. Nothing of what stood in the file is repeated."""
    services, workspace_id = _asked(request)
    _find(request, import_id)
    with _reachable():
        rows = services.uploads.report(workspace_id, import_id)
    named = {"Content-Disposition": f'attachment; filename="import-{import_id}.refused.csv"'}
    return Response(as_csv(rows), 200, {**named, "Cache-Control": "no-store"}, f"{CSV}; charset=utf-8")


@router.post(
    "/imports/{import_id}/cancel",
    summary="Take no more of a file",
    response_class=Response,
    responses={
        200: commanded(Import, "It ends, or has been cancelled before"),
        **declared(*ALWAYS, UnknownImport, ImportOver, REFUSALS[No.IDEMPOTENCY_KEY_REUSED], REFUSALS[No.CONFLICT]),
    },
)
def cancel_import(
    request: Request, import_id: UUID, *, idempotency_key: IdempotencyKey = None, dry_run: DryRun = False
) -> Response:
    """Who is enrolled already stays. One that runs ends after its current chunk: `cancelling` until then."""
    services, workspace_id = _asked(request)
    standing = _find(request, import_id)
    if standing.state in OVER - {UploadState.CANCELLED}:
        raise ImportOver(f"the import is {standing.state}", field="state", value=standing.state.value)
    once = keyed(request, idempotency_key)
    carry_out(request, CancelUpload(import_id=import_id), once, dry_run=dry_run)
    if dry_run:
        return as_json(shown(standing), 200, once)
    with _reachable(_SEND_AGAIN):
        cancelled = services.uploads.cancel(workspace_id, import_id, now=services.clock())
    return as_json(shown(_there(cancelled, import_id)), 200, once)


def _asked(request: Request) -> tuple[Services, str]:
    services: Services = request.app.state.writing
    return services, principal_of(request).workspace_id


def _find(request: Request, import_id: UUID) -> Standing:
    services, workspace_id = _asked(request)
    with _reachable():
        standing = services.uploads.find(workspace_id, import_id)
    return _there(standing, import_id)


def _there(standing: Standing | None, import_id: UUID) -> Standing:
    if standing is None:
        raise UnknownImport(f"there is no import {import_id}", field="import_id", value=str(import_id))
    return standing


def _read(request: Request, raw: bytes) -> UploadFile:
    kind = media_type(request, "nothing named")
    if kind != CSV:
        raise NotCsv(f"the file is sent as {kind!r}", field="Content-Type", value=kind, allowed=CSV)
    try:
        return read_upload(raw)
    except UnfitUpload as unfit:
        raise _invalid(unfit) from unfit


def _invalid(unfit: UnfitUpload) -> InvalidFile:
    return InvalidFile(unfit.message, field=unfit.field, value=unfit.value, allowed=unfit.allowed)


@contextmanager
def _reachable(then: str = "try again") -> Iterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        raise DatabaseAway(f"the database does not answer; {then}") from error
