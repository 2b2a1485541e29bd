"""Contacts of one campaign enrolled in another: named ones, or all that the filters of their list let through."""

import hashlib
from bisect import bisect_right
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol
from uuid import UUID

import msgspec
from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands.command import Done
from drumbeat.commands.enrolment import ROWS_AN_APPEND, CopiedRow, CopyContacts
from drumbeat.commands.requests import ClaimKey
from drumbeat.events.values import ContactStatus, Many, Priority
from drumbeat.web.declaring import declared
from drumbeat.web.problems import NotReady
from drumbeat.web.read_models import CampaignDeleted, PositionNotReached, TooManyWaiters, UnknownCampaign
from drumbeat.writeapi.asking import DryRun, IdempotencyKey
from drumbeat.writeapi.bodies import WITH_BODY, body_of, described, read_body
from drumbeat.writeapi.commanding import (
    ALWAYS,
    ANY_COMMAND,
    Services,
    as_json,
    carry_out,
    commanded,
    keyed,
    parameter_router,
)
from drumbeat.writeapi.problems import REFUSALS, InvalidBody
from drumbeat.writeapi.simulations import Histories

MOST_COPIED: Final = 100_000
"""Contacts that one request may copy: what is held of each while it runs is an id and its answer."""

router = parameter_router("contacts")


class Source(Histories, Protocol):
    """The contacts of one campaign, as the read side knows them at a position that has been waited for."""

    def chosen(
        self, filters: Mapping[str, Any], contact_ids: Sequence[UUID] | None, *, limit: int
    ) -> tuple[int, Sequence[UUID]]:
        """The position, and the ids of at most `limit` contacts that the filters let through, in their order."""
        ...

    def persons(self, contact_ids: Sequence[UUID]) -> Sequence[Mapping[str, Any]]:
        """What is known of these contacts, in the order of their ids; who is not there any more is left out."""
        ...


class OpenSource(Protocol):
    """How the read side is asked, on behalf of who sent the request; waits as its `at_least` says."""

    def __call__(self, request: Request, campaign_id: UUID) -> Awaitable[Source]:
        """Raises problems of the read side."""
        ...


class ContactsChosen(BaseModel):
    """The filters of the list of contacts; one that is left out lets all through."""

    model_config = ConfigDict(extra="forbid")
    search: str | None = Field(default=None, min_length=1, max_length=200)
    status: Many[ContactStatus] | None = None
    substatus: Many[str] | None = None
    status_label: Many[str] | None = None
    paused: bool | None = None
    tag: Many[str] | None = None
    priority: Many[Priority] | None = None
    goal: UUID | None = None
    result: Many[Literal["achieved", "partially_achieved", "not_achieved", "unknown", "not_evaluated"]] | None = (
        None
    )
    removed: bool = False


class CopyFromCampaign(BaseModel):
    """Whose contacts are enrolled: those named, those that the filters let through, or both at once."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    source_campaign_id: UUID
    contact_ids: Many[UUID] | None = None
    """Of the source campaign; left out: all of them."""
    filters: ContactsChosen = Field(default_factory=ContactsChosen)

    @model_validator(mode="after")
    def _some(self) -> "CopyFromCampaign":
        if self.contact_ids is not None and not self.contact_ids:
            raise ValueError("contact_ids names nobody")
        return self


class CopiedContacts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of each contact, in the order of their ids in the source campaign.

    `judged_at` is the position at which the filters were judged. `position` is the greatest of the contacts
    enrolled, null when there was nobody to enrol: a read with `at_least` that position shows all of them.
    """

    accepted: int
    already_enrolled: int
    refused: int
    judged_at: int
    position: int | None
    results: list[dict[str, Any]]
    dry_run: bool = False


@router.post(
    "/campaigns/{campaign_id}/contacts/from-campaign",
    summary="Enrol contacts of another campaign",
    response_class=Response,
    responses={
        200: commanded(CopiedContacts, "What became of each contact"),
        **declared(
            *ALWAYS, *WITH_BODY, NotReady, UnknownCampaign, CampaignDeleted, PositionNotReached, TooManyWaiters,
            *(REFUSALS[no] for no in (*ANY_COMMAND, No.DELETED, No.NOT_FOR_AN_IMPORT)),
        ),
    },
    openapi_extra=described(CopyFromCampaign),
)  # fmt: skip
async def copy_contacts(
    request: Request,
    campaign_id: UUID,
    raw: Annotated[bytes, Depends(body_of)],
    *,
    at_least: Annotated[
        str | None,
        Query(
            pattern="^[0-9]{1,18}(@.*)?$",
            description="Judge the filters when the read models are at this position; left out: at all that the"
            " log holds now.",
        ),
    ] = None,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> Response:
    """Each is judged by itself, as in `contacts/batch`, and tells whence it was copied; at most 100,000."""
    del at_least  # who opens the source reads it
    asked = read_body(CopyFromCampaign, request, raw)
    if asked.source_campaign_id == campaign_id:
        raise InvalidBody("the source is the campaign itself", field="source_campaign_id", value=str(campaign_id))
    services: Services = request.app.state.writing
    source = await services.source(request, asked.source_campaign_id)
    copying = _Copying(request, campaign_id, asked, source, key=idempotency_key, dry_run=dry_run)
    return await run_in_threadpool(copying.answer)


class _Copying:
    """One request being carried out, in a thread of its own."""

    def __init__(
        self,
        request: Request,
        campaign_id: UUID,
        asked: CopyFromCampaign,
        source: Source,
        *,
        key: str | None,
        dry_run: bool,
    ) -> None:
        told = f"copy_contacts:{campaign_id}:{asked.model_dump_json()}"
        self._request = request
        self._campaign_id = campaign_id
        self._asked = asked
        self._source = source
        self._once = keyed(request, key, hashlib.sha256(told.encode()).digest())
        self._dry_run = dry_run

    def answer(self) -> Response:
        judged_at, chosen = self._chosen()
        found = {"judged_at": judged_at, "parts": -(-len(chosen) // ROWS_AN_APPEND)}
        if self._once is not None:
            claimed = carry_out(self._request, ClaimKey(found=found), self._once, dry_run=self._dry_run)
            found = claimed.results[0]
        done = list(self._parts(chosen, found["parts"]))
        results = [result for one in done for result in one.results]
        counted = {
            word: sum(result["result"] == word for result in results)
            for word in ("accepted", "already_enrolled", "refused")
        }
        answer = CopiedContacts(
            **counted,
            judged_at=found["judged_at"],
            position=max((one.position for one in done), default=None),
            results=results,
            dry_run=self._dry_run,
        )
        return as_json(answer, 200, self._once)

    def _chosen(self) -> tuple[int, Sequence[UUID]]:
        filters = self._asked.filters.model_dump(exclude_unset=True)
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in filters.items()}
        judged_at, chosen = self._source.chosen(told, self._asked.contact_ids, limit=MOST_COPIED + 1)
        if len(chosen) > MOST_COPIED:
            allowed = f"at most {MOST_COPIED:,} contacts"
            raise REFUSALS[No.BATCH_TOO_LARGE](
                f"the filters let more than {MOST_COPIED:,} contacts through", field="filters", allowed=allowed
            )
        return judged_at, chosen

    def _parts(self, chosen: Sequence[UUID], count: int) -> Iterator[Done]:
        """One append after the other, as many as there were at first. Under a key, a part that was done before
        gives its first answer, and the next one begins after it: who matches now may be others than then."""
        begin = 0
        for number in range(count):
            ids = chosen[begin : begin + ROWS_AN_APPEND]
            done = self._part(number, ids)
            yield done
            begin += len(ids)
            if done.repeated and done.results:
                begin = bisect_right(chosen, UUID(done.results[-1]["source_contact_id"]))

    def _part(self, number: int, ids: Sequence[UUID]) -> Done:
        rows = tuple(
            CopiedRow(
                source_contact_id=one["contact_id"],
                reference=one["reference"],
                name=one["name"],
                phone=one["phone"],
                email=one["email"],
                profile=one["profile"] or {},
                zone=one["zone"],
                priority=one["priority"],
                tags=tuple(one["tags"]),
            )
            for one in self._source.persons(ids)
        )
        wish = CopyContacts(
            campaign_id=self._campaign_id, source_campaign_id=self._asked.source_campaign_id, rows=rows
        )
        part = None if self._once is None else self._once.part(str(number))
        return carry_out(self._request, wish, part, dry_run=self._dry_run)
