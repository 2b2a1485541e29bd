"""Which calls were there: the call log (C-06, C-09), and with it the rows behind every number about calls."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import AnswerStatus, CallOutcome
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.contacts import AnalysisAnswer, answers_of
from drumbeat.readapi.database import Row
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.paging import Listing, Order, Page, Paged
from drumbeat.readapi.statements import listing, load
from drumbeat.web.declaring import OneOf

SQL = load("attempts")
router = routing.router("attempts")
_TIMED = [outcome for outcome, meaning in MEANING.items() if meaning.counts_in_total_time]


class Direction(StrEnum):
    """A placed call is an attempt; a received one is a conversation and no attempt."""

    PLACED = "placed"
    RECEIVED = "received"


class State(StrEnum):
    """What is known of a call: placed and not ended, ended with a recorded outcome or without, or received."""

    IN_FLIGHT = "in_flight"
    RECORDED = "recorded"
    NOT_RECORDED = "not_recorded"
    RECEIVED = "received"


class OfZone(StrEnum):
    """Whose local time a call is told in."""

    CONTACT = "contact"
    CAMPAIGN = "campaign"
    UNKNOWN = "unknown"


Weekday = Annotated[str, OneOf([*map(str, range(1, 8)), "unknown"])]
Hour = Annotated[str, OneOf([*map(str, range(24)), "unknown"])]


class LocalTime(msgspec.Struct, kw_only=True):
    """When a call was placed on the clock of `zone`; what is not known is null. `weekday` is ISO: 1 Monday."""

    year: int | None
    month: int | None
    day: int | None
    weekday: int | None
    hour: int | None
    minute: int | None
    zone: str | None
    zone_source: str | None


class Attempt(msgspec.Struct, kw_only=True):
    """A call. `attempt` is its number for the contact, null for a received call; `outcome` null while in flight.

    `counts_in_total_time` says whether its duration is part of `total_time_spent`. `removed`: the contact was.
    """

    contact_id: UUID
    contact_name: str | None
    contact_reference: str | None
    attempt: int | None
    direction: str
    sender_id: UUID | None
    placed_at: Instant | None
    ended_at: Instant | None
    local: LocalTime
    answered_by: str | None
    outcome: str | None
    answer_status: str | None
    conversation: bool
    duration_seconds: int | None
    counts_in_total_time: bool
    callback_at: Instant | None
    permanent: bool
    detail: str | None
    corrected: bool
    settings_version: int | None
    conversation_id: UUID | None
    summary: str | None
    transcript_reference: str | None
    answers: list[AnalysisAnswer]
    removed: bool
    position: int


LISTING = Listing(
    statements=listing(SQL, {"placed": "by_placed"}),
    key_types={"placed": int},
    id_column="placed_position",
    id_type=int,
)


@routing.reads(
    router,
    "/campaigns/{campaign_id}/attempts",
    answers=Page[Attempt],
    problems=(*routing.CAMPAIGN, *routing.PAGED),
    summary="The calls of a campaign, newest first",
)
def attempts(
    ask: Asked,
    campaign_id: UUID,
    paged: Paged,
    *,
    contact: Annotated[UUID | None, Query(description="Calls to and from this contact.")] = None,
    sender: Annotated[UUID | None, Query(description="Calls by this number.")] = None,
    direction: Annotated[list[Direction] | None, Query(description="Placed, received, or both.")] = None,
    state: Annotated[list[State] | None, Query(description="Any of these states.")] = None,
    outcome: Annotated[list[CallOutcome] | None, Query(description="Any of these outcomes.")] = None,
    answer_status: Annotated[list[AnswerStatus] | None, Query(description="Any of these.")] = None,
    conversation: Annotated[bool | None, Query(description="Whether it was a conversation.")] = None,
    counts_in_total_time: Annotated[
        bool | None, Query(description="Whether its duration is in total_time_spent.")
    ] = None,
    weekday: Annotated[list[Weekday] | None, Query(description="Local ISO weekday, or unknown.")] = None,
    hour: Annotated[list[Hour] | None, Query(description="Local hour, or unknown.")] = None,
    zone_source: Annotated[list[OfZone] | None, Query(description="Whose local time it is.")] = None,
    from_: Annotated[
        AwareDatetime | None, Query(alias="from", description="Placed at this instant or later.")
    ] = None,
    to: Annotated[AwareDatetime | None, Query(description="Placed before this instant.")] = None,
    order: Order = Order.DESC,
) -> Response:
    """In the order in which they were recorded. Calls of removed contacts stay, marked."""
    filters = {
        "campaign_id": campaign_id, "contact": contact, "sender": sender, "direction": direction, "state": state,
        "outcome": outcome, "answer_status": answer_status, "conversation": conversation, "weekday": weekday,
        "hour": hour, "zone_source": zone_source, "from": from_, "to": to, "timed": counts_in_total_time,
        "timed_outcomes": _TIMED,
    }  # fmt: skip
    with ask.snapshot() as now:
        campaign = find(now, campaign_id)
        return LISTING.answer(
            ask, now, paged, lambda row: _attempt(row, campaign), sort="placed", order=order, **filters
        )


_TAKEN = frozenset(Attempt.__struct_fields__) - {"local", "answers", "counts_in_total_time"}


def _attempt(row: Row, campaign: Row) -> Attempt:
    return Attempt(
        **{name: row[name] for name in _TAKEN},
        counts_in_total_time=row["direction"] == "received" or row["outcome"] in _TIMED,
        local=LocalTime(**{name: row[name] for name in LocalTime.__struct_fields__}),
        answers=answers_of(row["answers"], campaign),
    )
