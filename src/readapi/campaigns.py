"""Which campaigns are there, and what is one about: the list and the card (E-01 … E-04)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query
from starlette.responses import Response

from drumbeat.events.hours import is_open
from drumbeat.events.labels import LabelFacts, labels, overlays
from drumbeat.events.lifecycle import ActionFacts, available_actions
from drumbeat.events.schedule import Hours
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus, Vocabulary
from drumbeat.projections.campaigns import name_key
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.database import Row, Snapshot
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.paging import Listing, Order, Page, Paged
from drumbeat.readapi.statements import listing, load
from drumbeat.web.declaring import OneOf
from drumbeat.web.read_models import CampaignDeleted, UnknownCampaign

SQL = load("campaigns")
router = routing.router("campaigns")


class CampaignSort(StrEnum):
    """What the list of campaigns is ordered by; `date` is when a campaign was made."""

    NAME = "name"
    STATUS = "status"
    DATE = "date"


CampaignLabel = Annotated[str, OneOf(sorted({word for one in Vocabulary for word in labels(one)}))]


class Opening(msgspec.Struct):
    """One opening: ISO weekday, minutes after local midnight, `closes_minute` exclusive."""

    weekday: int
    opens_minute: int
    closes_minute: int


class ClosedDay(msgspec.Struct):
    """A day on which there are no hours."""

    year: int
    month: int
    day: int


class BusinessHours(msgspec.Struct, kw_only=True):
    """When a campaign may call, and whether that is now: at the instant of `as_of`."""

    schedule_id: UUID | None
    name: str
    zone: str
    open: bool
    weekly_hours: list[Opening]
    holidays: list[ClosedDay]


class SenderBrief(msgspec.Struct):
    """A number that a campaign calls from."""

    sender_id: UUID
    friendly_name: str
    address: str
    standing: str


class CampaignItem(msgspec.Struct, kw_only=True):
    """A campaign in the list. `status` is canonical, `status_label` the word of its vocabulary.

    `hours` is null while no business hours are set: always open. `available_actions` are the commands that its
    state allows now.
    """

    campaign_id: UUID
    name: str
    kind: str
    vocabulary: str
    source: str
    status: str
    status_label: str
    status_since: Instant
    overlays: list[str]
    available_actions: list[str]
    agent: str | None
    senders: list[SenderBrief]
    hours: BusinessHours | None
    contacts: int
    start_at: Instant | None
    end_at: Instant | None
    created_at: Instant
    launched_at: Instant | None
    completed_at: Instant | None


class Pause(msgspec.Struct, kw_only=True):
    """By whom, when and why a campaign is paused. Reason and note are null since it was reopened."""

    since: Instant
    by: str
    reason: str | None
    note: str | None


class GoalDefinition(msgspec.Struct, kw_only=True):
    """A goal as it is defined now."""

    id: UUID
    name: str
    description: str
    role: str
    archived: bool


class AnalysisDefinition(msgspec.Struct, kw_only=True):
    """An analysis as it is defined now; `scale` belongs to ratings, `options` to choices."""

    id: UUID
    name: str
    description: str
    question: str
    options: list[str]
    scale: int | None
    active: bool
    archived: bool


class CampaignCard(CampaignItem, kw_only=True):
    """One campaign whole: what the list shows, its settings, goals, analyses and how it came to its state."""

    settings: dict[str, Any]
    settings_version: int
    version: int
    zone: str
    goals: list[GoalDefinition]
    analyses: list[AnalysisDefinition]
    steps: list[dict[str, Any]]
    pause: Pause | None
    window_closed_by: str | None
    drain_until: Instant | None
    completion_reason: str | None
    cancelled_at: Instant | None
    cancel_reason: str | None
    archived_at: Instant | None
    copied_from: UUID | None
    report: dict[str, Any] | None
    import_progress: dict[str, Any] | None
    changed_at: Instant


LISTING = Listing(
    statements=listing(SQL, {"name": "by_name", "status": "by_status", "date": "by_date"}),
    key_types={"name": str, "status": str, "date": datetime},
    id_column="campaign_id",
    id_type=UUID,
)


@routing.reads(
    router,
    "/campaigns",
    answers=Page[CampaignItem],
    problems=routing.PAGED,
    summary="The campaigns of the workspace",
)
def campaigns(
    ask: Asked,
    paged: Paged,
    *,
    search: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Part of the name, ignoring case.")
    ] = None,
    status: Annotated[list[CampaignStatus] | None, Query(description="Any of these canonical states.")] = None,
    status_label: Annotated[list[CampaignLabel] | None, Query(description="Any of these labels.")] = None,
    kind: Annotated[list[CampaignKind] | None, Query(description="Any of these kinds.")] = None,
    sort: CampaignSort = CampaignSort.DATE,
    order: Order = Order.DESC,
) -> Response:
    """Deleted campaigns are not listed; archived ones are."""
    wanted = None if search is None else name_key(search)
    filters = {"search": wanted, "status": status, "status_label": status_label, "kind": kind}
    with ask.snapshot() as now:
        return LISTING.answer(ask, now, paged, lambda row: _item(row, now), sort=sort, order=order, **filters)


@routing.reads(
    router,
    "/campaigns/{campaign_id}",
    answers=CampaignCard,
    problems=routing.CAMPAIGN,
    summary="One campaign with its settings, goals and analyses",
)
def campaign(ask: Asked, campaign_id: UUID) -> Response:
    """The same status as in the list, from the same row."""
    with ask.snapshot() as now:
        return ask.answer(now, _card(found(now.row(SQL["card"], campaign_id=campaign_id), campaign_id), now))


def find(snapshot: Snapshot, campaign_id: UUID) -> Row:
    """What numbers and lists need to know of a campaign. Raises `UnknownCampaign`, `CampaignDeleted`."""
    return found(snapshot.row(SQL["known"], campaign_id=campaign_id), campaign_id)


def found(row: Row | None, campaign_id: UUID, *, or_deleted: bool = False) -> Row:
    """The row of a campaign that is there. Raises `UnknownCampaign`, `CampaignDeleted`."""
    if row is None or row["campaign_id"] is None:
        raise UnknownCampaign(f"there is no campaign {campaign_id}", field="campaign_id", value=str(campaign_id))
    if row["deleted"] and not or_deleted:
        raise CampaignDeleted(
            f"campaign {campaign_id} was deleted; /campaigns/{campaign_id}/history still answers",
            field="campaign_id",
            value=str(campaign_id),
        )
    return row


def _item(row: Row, snapshot: Snapshot) -> CampaignItem:
    return CampaignItem(**_common(row, snapshot))


def _card(row: Row, snapshot: Snapshot) -> CampaignCard:
    return CampaignCard(
        **_common(row, snapshot),
        **{name: row[name] for name in CampaignCard.__struct_fields__ if name in row and name not in _COMMON},
        pause=_pause(row),
    )


_COMMON = frozenset(CampaignItem.__struct_fields__)


def _common(row: Row, snapshot: Snapshot) -> dict[str, Any]:
    hours = _hours(row, snapshot.as_of.instant)
    status = CampaignStatus(row["status"])
    report_failed = _report(row) == "failed"
    facts = LabelFacts(outside_hours=hours is not None and not hours.open, report_failed=report_failed)
    taken = {name: row[name] for name in _COMMON if name in row}
    return taken | {
        "overlays": list(overlays(status, facts)),
        "available_actions": list(actions(row, snapshot.as_of.instant)),
        "hours": hours,
        "senders": [SenderBrief(**sender) for sender in row["senders"]],
    }


def actions(row: Row, instant: datetime) -> tuple[str, ...]:
    """The commands that the state of a campaign's row allows at an instant."""
    facts = ActionFacts(
        source=CampaignSource(row["source"]),
        has_end=row["end_at"] is not None,
        window_closed=row["window_closed"] or _passed(row["end_at"], instant),
        report=_report(row),
    )
    return available_actions(CampaignStatus(row["status"]), CampaignKind(row["kind"]), facts)


def _report(row: Row) -> str:
    return str((row["report"] or {}).get("status", "none"))


def _passed(end_at: datetime | None, instant: datetime) -> bool:
    return end_at is not None and end_at <= instant


def _hours(row: Row, instant: datetime) -> BusinessHours | None:
    if row["schedule_name"] is None:
        return None
    hours = Hours(zone=row["schedule_zone"], weekly_hours=row["weekly_hours"], holidays=row["holidays"])
    return BusinessHours(
        schedule_id=row["schedule_id"],
        name=row["schedule_name"],
        zone=row["schedule_zone"],
        open=is_open(hours, instant),
        weekly_hours=row["weekly_hours"],
        holidays=row["holidays"],
    )


def _pause(row: Row) -> Pause | None:
    if row["status"] != "paused" or row["paused_at"] is None:
        return None
    return Pause(since=row["paused_at"], by=row["paused_by"], reason=row["pause_reason"], note=row["pause_note"])
