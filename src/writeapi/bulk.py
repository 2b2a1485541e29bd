"""One command for many campaigns, each judged by itself (E-02)."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode
from drumbeat.commands import campaign
from drumbeat.commands.deciding import OfCampaign
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.requests import ClaimKey
from drumbeat.web.declaring import OneOf, declared
from drumbeat.web.problems import ProblemDocument
from drumbeat.writeapi.asking import DryRun, IdempotencyKey
from drumbeat.writeapi.bodies import WITH_BODY, body_of, described, invalid_body, read_body
from drumbeat.writeapi.commanding import ALWAYS, as_json, carry_out, commanded, keyed, parameter_router
from drumbeat.writeapi.problems import REFUSALS, InvalidBody, RefusedProblem

MOST_CAMPAIGNS: Final = 500
"""Campaigns that one request may name: each is an append of its own, some 2 ms."""

COMMANDS: Final[Mapping[str, type[OfCampaign]]] = {
    "launch": campaign.LaunchCampaign,
    "pause": campaign.PauseCampaign,
    "resume": campaign.ResumeCampaign,
    "complete": campaign.CompleteCampaign,
    "extend": campaign.ExtendCampaign,
    "send-reminders": campaign.SendReminders,
    "cancel": campaign.CancelCampaign,
    "reopen": campaign.ReopenCampaign,
    "archive": campaign.ArchiveCampaign,
    "delete": campaign.DeleteCampaign,
}
"""The commands that may be given in bulk, under the last part of their own paths."""

router = parameter_router("campaigns")


class CommandCampaigns(BaseModel):
    """A command for many campaigns, with the same arguments for all."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    command: Annotated[str, OneOf(COMMANDS)]
    campaign_ids: list[UUID] = Field(min_length=1, max_length=MOST_CAMPAIGNS)
    """In the order in which they are commanded and answered; none twice."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """The body of the command for one campaign."""

    @field_validator("campaign_ids")
    @classmethod
    def _none_twice(cls, ids: list[UUID]) -> list[UUID]:
        if len(set(ids)) < len(ids):
            raise ValueError("a campaign is named twice")
        return ids


class CampaignResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one campaign: its version afterwards and how many events, or why it was refused."""

    campaign_id: UUID
    version: int | None = None
    position: int | None = None
    events: int = 0
    repeated: bool = False
    problem: ProblemDocument | None = None


class CampaignResults(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of each campaign, in the order of the request.

    `position` is the greatest, null when every campaign was refused: a read with `at_least` that position shows
    every effect.
    """

    done: int
    refused: int
    position: int | None
    results: list[CampaignResult]
    dry_run: bool = False


@router.post(
    "/campaigns/bulk",
    summary="Give one command to many campaigns",
    response_class=Response,
    responses={
        200: commanded(CampaignResults, "What became of each campaign"),
        **declared(*ALWAYS, *WITH_BODY, REFUSALS[RefusalCode.IDEMPOTENCY_KEY_REUSED]),
    },
    openapi_extra=described(CommandCampaigns),
)
def command_campaigns(
    request: Request,
    raw: Annotated[bytes, Depends(body_of)],
    *,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> Response:
    """Each campaign is judged and changed by itself: one that is refused holds up no other. Sent again under the
    same key, what was done gets its first answer, and what was refused is tried once more."""
    asked = read_body(CommandCampaigns, request, raw)
    wishes = [_wish(asked, campaign_id) for campaign_id in asked.campaign_ids]
    once = keyed(request, idempotency_key, _hash(asked))
    if once is not None:
        carry_out(request, ClaimKey(), once, dry_run=dry_run)
    results = [_result(request, wish, once, dry_run=dry_run) for wish in wishes]
    positions = [result.position for result in results if result.position is not None]
    answer = CampaignResults(
        done=len(positions),
        refused=len(results) - len(positions),
        position=max(positions, default=None),
        results=results,
        dry_run=dry_run,
    )
    return as_json(answer, 200, once)


def _wish(asked: CommandCampaigns, campaign_id: UUID) -> OfCampaign:
    for name in ("campaign_id", "expected_version"):
        if name in asked.arguments:
            raise InvalidBody(f"arguments.{name}: is not the same for all campaigns", field=f"arguments.{name}")
    try:
        return COMMANDS[asked.command].model_validate(asked.arguments | {"campaign_id": campaign_id})
    except ValidationError as error:
        raise invalid_body(error, "arguments") from error


def _hash(asked: CommandCampaigns) -> bytes:
    return hashlib.sha256(b"command_campaigns:" + asked.model_dump_json().encode()).digest()


def _result(request: Request, wish: OfCampaign, once: Idempotency | None, *, dry_run: bool) -> CampaignResult:
    part = None if once is None else once.part(str(wish.campaign_id))
    try:
        done = carry_out(request, wish, part, dry_run=dry_run)
    except RefusedProblem as refusal:
        problem = refusal.document(instance=f"/campaigns/{wish.campaign_id}")
        return CampaignResult(campaign_id=wish.campaign_id, problem=problem)
    return CampaignResult(
        campaign_id=wish.campaign_id,
        version=done.version,
        position=done.position,
        events=len(done.facts),
        repeated=done.repeated,
    )
