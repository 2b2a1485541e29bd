"""How are a campaign's numbers used and how are they seen (E-22)."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.database import Row
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.links import Links, Number
from drumbeat.readapi.statements import load

SQL = load("senders")
router = routing.router("senders")


class SenderRow(msgspec.Struct, kw_only=True):
    """A number of a campaign. `spam_band` is green (0–4), yellow (5–6) or red (7–10); null: never reported.

    `excluded_score` and `excluded_threshold` say why it is excluded.
    """

    sender_id: UUID
    friendly_name: str
    address: str
    channel: str
    standing: str
    standing_since: Instant
    weight: int
    assigned_at: Instant
    daily_limit: int | None
    spam_score: int | None
    spam_band: str | None
    spam_reported_at: Instant | None
    excluded_score: int | None
    excluded_threshold: int | None
    connected: bool
    retired: bool
    calls_today: Number
    calls_total: Number


class Senders(msgspec.Struct, kw_only=True):
    """The numbers in the order of their assignment. Today began at `today_from`, midnight in `zone`."""

    campaign_id: UUID
    zone: str
    today_from: Instant
    today_to: Instant
    items: list[SenderRow]


@routing.reads(
    router,
    "/campaigns/{campaign_id}/senders",
    answers=Senders,
    problems=routing.CAMPAIGN,
    summary="The numbers of a campaign with their calls and spam scores",
)
def senders(ask: Asked, campaign_id: UUID) -> Response:
    """All of them: a campaign has few."""
    with ask.snapshot() as now:
        zone = find(now, campaign_id)["zone"]
        today, tomorrow = day(now.as_of.instant, zone)
        rows = now.rows(SQL["of_campaign"], campaign_id=campaign_id, today=today, tomorrow=tomorrow)
        return ask.answer(now, _shown(campaign_id, zone, today, tomorrow, rows))


def day(instant: datetime, zone: str) -> tuple[datetime, datetime]:
    """The calendar day in a zone that an instant falls on, in UTC: 23 or 25 hours when the clock is changed."""
    midnight = instant.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (midnight + timedelta(days=1)).replace(fold=0)
    utc = ZoneInfo("UTC")
    return midnight.astimezone(utc), following.astimezone(utc)


_TAKEN = frozenset(SenderRow.__struct_fields__) - {"calls_today", "calls_total"}


def _shown(campaign_id: UUID, zone: str, today: datetime, tomorrow: datetime, rows: list[Row]) -> Senders:
    links = Links(campaign_id)

    def row_of(row: Row) -> SenderRow:
        calls = f"sender={row['sender_id']}&direction=placed"
        window = f"&from={today:%Y-%m-%dT%H:%M:%SZ}&to={tomorrow:%Y-%m-%dT%H:%M:%SZ}"
        return SenderRow(
            **{name: row[name] for name in _TAKEN},
            calls_today=Number("sender_calls_today", row["calls_today"], links.attempts(calls + window)),
            calls_total=Number("sender_calls_total", row["calls_total"], links.attempts(calls)),
        )

    return Senders(
        campaign_id=campaign_id,
        zone=zone,
        today_from=today,
        today_to=tomorrow,
        items=[row_of(row) for row in rows],
    )
