"""How is it going with each contact: the list and the card (E-30, E-31)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query
from starlette.responses import Response

from drumbeat.events.addresses import country_of
from drumbeat.events.labels import contact_labels
from drumbeat.events.values import ContactStatus, Priority, Vocabulary
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.database import Row, Snapshot
from drumbeat.readapi.goals import active_ids, goals_of, primary
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.names import names_of
from drumbeat.readapi.paging import Listing, Order, Page, Paged
from drumbeat.readapi.problems import UnknownContact
from drumbeat.readapi.statements import filled, listing, load
from drumbeat.readapi.timeline import Entry, entries
from drumbeat.web.declaring import OneOf
from drumbeat.web.problems import InvalidParameter

SQL = load("contacts")
CARD = filled(SQL, "card")
router = routing.router("contacts")

_KEYS: dict[str, Any] = {
    "id": UUID,
    "name": str,
    "status": str,
    "priority": int,
    "enrolled": datetime,
    "attempts": int,
    "conversations": int,
    "talk_time": int,
    "last_called": int,
    "goal_score": float,
}
ContactSort = Annotated[str, OneOf(_KEYS)]
GoalFilter = Literal["achieved", "partially_achieved", "not_achieved", "unknown", "not_evaluated"]
ContactLabel = Annotated[str, OneOf(dict.fromkeys(word for one in Vocabulary for word in contact_labels(one)))]

LISTING = Listing(
    statements=listing(SQL, {key: f"by_{key}" for key in _KEYS}),
    key_types=_KEYS,
    id_column="contact_id",
    id_type=UUID,
)

_OVER = frozenset({"finalizing", "completed", "cancelled", "archived"})


class Phone(msgspec.Struct):
    """A phone number, in E.164, and its country (ISO 3166-1); null where the number does not say."""

    number: str
    country: str | None


class ContactItem(msgspec.Struct, kw_only=True):
    """A contact of a campaign. `status` is canonical, `status_label` the word people see.

    `paused_by` is `hand` or `campaign`, null when neither; it is an overlay of the label. `goal_score` is the mean
    over the active goals with a known score, 0 to 100. `retry_at` is null when no retry will come, and so is
    `attempts_left`. `erased`: the person was erased, and nothing personal of them is known any more.
    """

    contact_id: UUID
    reference: str
    name: str | None
    phone: Phone | None
    email: str | None
    tags: list[str]
    priority: str
    zone: str | None
    status: str
    substatus: str
    status_label: str
    paused_by: str | None
    removed: bool
    erased: bool
    attempts: int
    attempts_left: int | None
    conversations: int
    talk_time_seconds: int
    total_time_seconds: int
    last_called_at: Instant | None
    last_outcome: str | None
    retry_at: Instant | None
    primary_goal: str | None
    goal_score: float | None
    enrolled_at: Instant


class GoalStanding(msgspec.Struct, kw_only=True):
    """A contact's result for one goal; `not_evaluated` when nobody judged it."""

    goal_id: UUID
    name: str
    role: str
    archived: bool
    result: str
    score: int | None


class AnalysisAnswer(msgspec.Struct, kw_only=True):
    """What an analysis found in one conversation."""

    conversation_id: UUID
    analysis_id: UUID
    name: str | None
    question: str | None
    value: Any
    answered_at: Instant


class ContactCard(ContactItem, kw_only=True):
    """One contact whole, with everything that happened, oldest first."""

    profile: dict[str, str] | None
    removed_reason: str | None
    in_flight_attempt: int | None
    completion_due_at: Instant | None
    goals: list[GoalStanding]
    answers: list[AnalysisAnswer]
    timeline: list[Entry]


@routing.reads(
    router,
    "/campaigns/{campaign_id}/contacts",
    answers=Page[ContactItem],
    problems=(*routing.CAMPAIGN, *routing.PAGED),
    summary="The contacts of a campaign",
)
def contacts(
    ask: Asked,
    campaign_id: UUID,
    paged: Paged,
    *,
    search: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Part of name, phone, email or reference, ignoring case."),
    ] = None,
    status: Annotated[list[ContactStatus] | None, Query(description="Any of these canonical statuses.")] = None,
    substatus: Annotated[list[str] | None, Query(description="Any of these substatuses.")] = None,
    status_label: Annotated[list[ContactLabel] | None, Query(description="Any of these labels.")] = None,
    paused: Annotated[bool | None, Query(description="Paused by hand, or not.")] = None,
    tag: Annotated[list[str] | None, Query(description="Has any of these tags.")] = None,
    priority: Annotated[list[Priority] | None, Query(description="Any of these priorities.")] = None,
    goal: Annotated[
        UUID | None, Query(description="The goal that `result` is about; the primary one if left out.")
    ] = None,
    result: Annotated[list[GoalFilter] | None, Query(description="Any of these results for the goal.")] = None,
    removed: Annotated[bool, Query(description="List the contacts that were removed instead.")] = False,
    sort: ContactSort = "id",
    order: Order = Order.ASC,
) -> Response:
    """Everybody who is in the campaign now; the numbers of the dashboard are sums over these rows."""
    filters = {
        "search": search, "status": status, "substatus": substatus, "status_label": status_label, "paused": paused,
        "tag": tag, "priority": priority, "result": result, "removed": removed,
    }  # fmt: skip
    with ask.snapshot() as now:
        campaign = find(now, campaign_id)
        filters |= {"campaign_id": campaign_id} | filters_of_goals(campaign, goal, result)
        return LISTING.answer(ask, now, paged, lambda row: _item(row, campaign), sort=sort, order=order, **filters)


@routing.reads(
    router,
    "/campaigns/{campaign_id}/contacts/{contact_id}",
    answers=ContactCard,
    problems=(*routing.CAMPAIGN, UnknownContact),
    summary="One contact with its timeline",
)
def contact(ask: Asked, campaign_id: UUID, contact_id: UUID) -> Response:
    """The card from the read model, the timeline from the contact's stream up to the same position."""
    with ask.snapshot() as now:
        campaign = find(now, campaign_id)
        card, names = _card(now, campaign, contact_id), names_of(now, campaign)
    stream = ask.services.ledger.stream(ask.workspace_id, contact_id)
    card.timeline = entries(stream, names, up_to=now.as_of.position)
    return ask.answer(now, card)


def filters_of_goals(campaign: Row, goal: UUID | None, result: Sequence[GoalFilter] | None) -> dict[str, Any]:
    """The goal that a filter by result is about, and those that count. Raises `InvalidParameter`."""
    goals = goals_of(campaign)
    first = primary(goals)
    asked = goal or (first.id if first else None)
    if goal is not None and goal not in {one.id for one in goals}:
        known = [str(one.id) for one in goals]
        raise InvalidParameter("the campaign has no such goal", field="goal", value=str(goal), allowed=known)
    if goal is not None and result is None:
        raise InvalidParameter("goal needs a result beside it", field="result", allowed="a goal's result")
    return {"goal": str(asked) if asked else None, "active_goals": active_ids(goals)}


def _item(row: Row, campaign: Row) -> ContactItem:
    return ContactItem(**_common(row, campaign))


_TAKEN = frozenset(ContactItem.__struct_fields__)


def _common(row: Row, campaign: Row) -> dict[str, Any]:
    first = primary(goals_of(campaign))
    results = row["goal_results"] or {}
    # Completing or cancelling a campaign voids its retries when they are read.
    retry_at = None if campaign["status"] in _OVER else row["retry_at"]
    return {name: row[name] for name in _TAKEN if name in row} | {
        "status_label": row["label"],
        "phone": None if row["phone"] is None else Phone(row["phone"], country_of(row["phone"])),
        "paused_by": _paused_by(row, campaign["status"]),
        "retry_at": retry_at,
        "attempts_left": None if retry_at is None else row["attempts_left"],
        "primary_goal": None if first is None else results.get(str(first.id), "not_evaluated"),
    }


def _paused_by(row: Row, campaign_status: str) -> str | None:
    if row["paused_by_hand"]:
        return "hand"
    return "campaign" if campaign_status == "paused" and row["open"] else None


def _card(snapshot: Snapshot, campaign: Row, contact_id: UUID) -> ContactCard:
    goals = goals_of(campaign)
    key = {"campaign_id": campaign["campaign_id"], "contact_id": contact_id}
    row = snapshot.row(CARD, active_goals=active_ids(goals), **key)
    if row is None:
        raise UnknownContact(
            f"campaign {campaign['campaign_id']} has no contact {contact_id}",
            field="contact_id",
            value=str(contact_id),
        )
    results = row["goal_results"] or {}
    return ContactCard(
        **_common(row, campaign),
        profile=row["profile"],
        removed_reason=row["removed_reason"],
        in_flight_attempt=row["in_flight"],
        completion_due_at=row["completion_due_at"],
        goals=[_standing(goal, results.get(str(goal.id), "not_evaluated")) for goal in goals],
        answers=answers_of(snapshot.rows(SQL["answers"], **key), campaign),
        timeline=[],
    )


def _standing(goal: Any, result: str) -> GoalStanding:
    score = {"achieved": 100, "partially_achieved": 50, "not_achieved": 0}.get(result)
    return GoalStanding(
        goal_id=goal.id, name=goal.name, role=goal.role, archived=goal.archived, result=result, score=score
    )


def answers_of(rows: Sequence[Row], campaign: Row) -> list[AnalysisAnswer]:
    """Answers with the names of their analyses, as they are called now."""
    analyses = {one["id"]: one for one in campaign["analyses"]}
    return [
        AnalysisAnswer(
            **row,
            name=analyses.get(str(row["analysis_id"]), {}).get("name"),
            question=analyses.get(str(row["analysis_id"]), {}).get("question"),
        )
        for row in rows
    ]
