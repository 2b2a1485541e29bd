"""What was changed, by whom and why: the audit history of a campaign, a deleted one too, and of the workspace."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from drumbeat.queries import Queries
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.campaigns import SQL as CAMPAIGNS
from drumbeat.readapi.campaigns import found
from drumbeat.readapi.database import Row
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.names import names_of
from drumbeat.readapi.paging import Above, Listing, Order, Page, Paged, UpTo
from drumbeat.readapi.statements import listing, load
from drumbeat.readapi.words import in_words
from drumbeat.web.read_models import UnknownCampaign

SQL, WORKSPACE_SQL = load("history"), load("workspace_history")
router = routing.router("history")


class ChangedStream(StrEnum):
    """What kind of stream was changed."""

    CAMPAIGN = "campaign"
    CONTACT = "contact"


class WorkspaceStream(StrEnum):
    """What kind of stream, that belongs to no campaign, was changed."""

    WORKSPACE = "workspace"
    SENDER = "sender"
    SCHEDULE = "schedule"
    SUPPRESSION = "suppression"


class Change(msgspec.Struct, kw_only=True):
    """One change. `subject_id` is the goal, analysis, number or key that it is about. `via` is the key through
    which a product named the actor; without one the actor acted by itself.

    `before` and `after` hold the changed keys, where the event says what was before.
    """

    position: int
    time: Instant
    actor: str
    via: str | None
    cause: str
    stream: str
    stream_id: UUID
    type: str
    words: str
    reason: str | None
    subject_id: UUID | None
    subject_name: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    event_id: UUID
    correlation_id: UUID
    causation_id: UUID | None


def _by_position(queries: Queries) -> Listing:
    statements = listing(queries, {"position": "by_position"})
    return Listing(statements=statements, key_types={"position": int}, id_column="position", id_type=int)


LISTING = _by_position(SQL)
OF_WORKSPACE = _by_position(WORKSPACE_SQL)

Types = Annotated[list[str] | None, Query(alias="type", description="Any of these event types.")]
Actors = Annotated[list[str] | None, Query(description="By any of these.")]
From = Annotated[AwareDatetime | None, Query(alias="from", description="At this instant or later.")]
To = Annotated[AwareDatetime | None, Query(description="Before this instant.")]


@routing.reads(
    router,
    "/campaigns/{campaign_id}/history",
    answers=Page[Change],
    problems=(UnknownCampaign, *routing.PAGED),
    summary="Every change of a campaign: who, when, why, before and after",
)
def history(
    ask: Asked,
    campaign_id: UUID,
    paged: Paged,
    *,
    stream: Annotated[
        list[ChangedStream] | None, Query(description="Changes of the campaign, or of contacts.")
    ] = None,
    type_: Types = None,
    actor: Actors = None,
    from_: From = None,
    to: To = None,
    above: Above = None,
    up_to: UpTo = None,
    order: Order = Order.DESC,
) -> Response:
    """Newest first. A deleted campaign's history is kept."""
    filters = {
        "campaign_id": campaign_id,
        "stream": stream,
        "type": type_,
        "actor": actor,
        "from": from_,
        "to": to,
        "above": above,
        "up_to": up_to,
    }
    with ask.snapshot() as now:
        known = found(now.row(CAMPAIGNS["known"], campaign_id=campaign_id), campaign_id, or_deleted=True)
        names = names_of(now, known)
        return LISTING.answer(
            ask, now, paged, lambda row: _change(row, names), sort="position", order=order, **filters
        )


@routing.reads(
    router,
    "/history",
    answers=Page[Change],
    problems=routing.PAGED,
    summary="Every change of the workspace that belongs to no campaign: its keys, senders, hours, suppressions",
)
def workspace_history(
    ask: Asked,
    paged: Paged,
    *,
    stream: Annotated[list[WorkspaceStream] | None, Query(description="Changes of any of these.")] = None,
    type_: Types = None,
    actor: Actors = None,
    from_: From = None,
    to: To = None,
    order: Order = Order.DESC,
) -> Response:
    """Newest first. What was done to keys is of the stream `workspace`; `subject_id` is the key."""
    filters = {"stream": stream, "type": type_, "actor": actor, "from": from_, "to": to}
    with ask.snapshot() as now:
        return OF_WORKSPACE.answer(
            ask, now, paged, lambda row: _change(row, {}), sort="position", order=order, **filters
        )


_TAKEN = frozenset(Change.__struct_fields__) - {"words", "subject_name"}


def _change(row: Row, names: Mapping[str, str]) -> Change:
    subject = names.get(str(row["subject_id"]))
    return Change(**{name: row[name] for name in _TAKEN}, words=in_words(row["type"]), subject_name=subject)
