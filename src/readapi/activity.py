"""What was done in a campaign, by whom and to whom (the activity tab)."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from drumbeat.projections.activity import action_names
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.database import Row
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.names import names_of
from drumbeat.readapi.paging import Above, Listing, Order, Page, Paged, UpTo
from drumbeat.readapi.statements import listing, load
from drumbeat.web.declaring import OneOf

SQL = load("activity")
router = routing.router("activity")

ActionName = Annotated[str, OneOf(sorted(action_names()))]


class Done(msgspec.Struct, kw_only=True):
    """One action. `contact_id` is null for an action on the campaign itself.

    `code` is the one word that tells more (an outcome, a reason), `number` the attempt or a count, `subject_id`
    the goal, analysis or number that it is about; `words` says it all in one line.
    """

    position: int
    time: Instant
    actor: str
    cause: str
    action: str
    words: str
    code: str | None
    number: int | None
    subject_id: UUID | None
    subject_name: str | None
    contact_id: UUID | None
    contact_name: str | None
    contact_reference: str | None


async def narrowed(
    *,
    contact: Annotated[UUID | None, Query(description="What concerns this contact.")] = None,
    action: Annotated[list[ActionName] | None, Query(description="Any of these actions.")] = None,
    actor: Annotated[list[str] | None, Query(description="By any of these.")] = None,
    from_: Annotated[AwareDatetime | None, Query(alias="from", description="At this instant or later.")] = None,
    to: Annotated[AwareDatetime | None, Query(description="Before this instant.")] = None,
    above: Above = None,
    up_to: UpTo = None,
) -> dict[str, Any]:
    """The filters that the list and its export have."""
    return {
        "contact": contact,
        "action": action,
        "actor": actor,
        "from": from_,
        "to": to,
        "above": above,
        "up_to": up_to,
    }


Narrowed = Annotated[dict[str, Any], Depends(narrowed)]

LISTING = Listing(
    statements=listing(SQL, {"position": "by_position"}),
    key_types={"position": int},
    id_column="position",
    id_type=int,
)


@routing.reads(
    router,
    "/campaigns/{campaign_id}/activity",
    answers=Page[Done],
    problems=(*routing.CAMPAIGN, *routing.PAGED),
    summary="What was done in a campaign, newest first",
)
def activity(
    ask: Asked, campaign_id: UUID, paged: Paged, filters: Narrowed, *, order: Order = Order.DESC
) -> Response:
    """Names are those of now. A call is one action, told when it ended."""
    with ask.snapshot() as now:
        names = names_of(now, find(now, campaign_id))
        return LISTING.answer(
            ask, now, paged, lambda row: done(row, names), sort="position", order=order, campaign_id=campaign_id,
            **filters,
        )  # fmt: skip


_TAKEN = frozenset(Done.__struct_fields__) - {"words", "subject_name"}
_WITH_NUMBER = {
    "call_ended": "call {number} ended",
    "call_outcome_corrected": "outcome of call {number} corrected",
    "campaign_settings_changed": "campaign settings changed to version {number}",
    "campaign_import_finished": "campaign import finished, {number} rows accepted",
    "campaign_sender_excluded": "campaign sender excluded at spam score {number}",
}


def done(row: Row, names: Mapping[str, str]) -> Done:
    """A row of the list, put into words."""
    subject = names.get(str(row["subject_id"]))
    return Done(**{name: row[name] for name in _TAKEN}, subject_name=subject, words=_words(row, subject))


def _words(row: Row, subject: str | None) -> str:
    plain = _WITH_NUMBER.get(row["action"], row["action"].replace("_", " ")).format(number=row["number"])
    named = plain if subject is None else f"{plain} “{subject}”"
    return named if row["code"] is None else f"{named}: {row['code'].replace('_', ' ')}"
