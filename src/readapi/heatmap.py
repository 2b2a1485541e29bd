"""When do people answer: human-answered calls by local weekday and hour (E-14)."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import msgspec
from starlette.responses import Response

from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked, Content, content_of
from drumbeat.readapi.campaigns import found
from drumbeat.readapi.database import Row
from drumbeat.readapi.links import Links, Number, Ratio, ratio
from drumbeat.readapi.statements import glance

HEATMAP = glance("heatmap")
router = routing.router("dashboard")


class Cell(msgspec.Struct, kw_only=True):
    """Attempts placed on a weekday (ISO, 1 Monday) in an hour (0 to 23); null: not known.

    `rate` is human / recorded; attempts without recorded outcome stand beside.
    """

    weekday: int | None
    hour: int | None
    rate: Ratio
    not_recorded: Number


class Zones(msgspec.Struct, kw_only=True):
    """Whose local time the recorded attempts are told in, and what that means in words."""

    statement: str
    contact: Number
    campaign: Number
    unknown: Number
    campaign_zone: str


class Heatmap(msgspec.Struct, kw_only=True):
    """The cells that hold anything, by weekday and hour; the others are empty.

    Attempts on a known weekday at an unknown hour are in `hour_unknown`, those without a weekday in `day_unknown`.
    """

    campaign_id: UUID
    zones: Zones
    total: Cell
    cells: list[Cell]
    hour_unknown: list[Cell]
    day_unknown: Cell


@routing.reads(
    router,
    "/campaigns/{campaign_id}/heatmap",
    answers=Heatmap,
    problems=routing.CAMPAIGN,
    summary="When people answer, by local weekday and hour",
)
def heatmap(ask: Asked, campaign_id: UUID) -> Response:
    """Every count links to its calls."""
    seen = ask.glance(HEATMAP, campaign_id)
    return ask.answer(seen, content(seen.document, campaign_id))


@lru_cache(maxsize=512)
def content(document: bytes, campaign_id: UUID) -> Content:
    """What is answered for what the read models hold: made once while that does not change."""
    return content_of(_heatmap(found(msgspec.json.decode(document), campaign_id)))


Counts = Counter[tuple[int, int, str]]
"""By (weekday, hour, what), 0 and -1 for unknown, as the read model has them."""


def _heatmap(campaign: Row) -> Heatmap:
    campaign_id = campaign["campaign_id"]
    links = Links(campaign_id)
    counts: Counts = Counter()
    zones: Counter[str] = Counter()
    for row in campaign["cells"]:
        counts[row["weekday"], row["hour"], row["what"]] += row["value"]
        if row["what"] == "recorded":
            zones[row["zone_source"] or "unknown"] += row["value"]
    keys = sorted({(weekday, hour) for weekday, hour, _ in counts})
    return Heatmap(
        campaign_id=campaign_id,
        zones=_zones(links, zones, campaign["zone"]),
        total=_cell(links, counts, keys, ""),
        cells=[_known(links, counts, key) for key in keys if key[0] > 0 and key[1] >= 0],
        hour_unknown=[_known(links, counts, key) for key in keys if key[0] > 0 and key[1] < 0],
        day_unknown=_cell(links, counts, [key for key in keys if key[0] == 0], "&weekday=unknown"),
    )


def _known(links: Links, counts: Counts, key: tuple[int, int]) -> Cell:
    weekday, hour = key
    cell = _cell(links, counts, [key], f"&weekday={weekday}&hour={hour if hour >= 0 else 'unknown'}")
    cell.weekday, cell.hour = weekday, hour if hour >= 0 else None
    return cell


def _cell(links: Links, counts: Counts, keys: Iterable[tuple[int, int]], when: str) -> Cell:
    keys = list(keys)

    def total(what: str) -> int:
        return sum(counts[weekday, hour, what] for weekday, hour in keys)

    recorded_rows = links.attempts(f"state=recorded{when}")
    human_rows = links.attempts(f"direction=placed&answer_status=human{when}")
    other_rows = links.attempts(f"state=not_recorded{when}")
    human = Number("heatmap_human", total("human"), human_rows)
    recorded = Number("heatmap_recorded", total("recorded"), recorded_rows)
    not_recorded = Number("heatmap_not_recorded", total("not_recorded"), other_rows)
    return Cell(weekday=None, hour=None, rate=ratio("heatmap_rate", human, recorded), not_recorded=not_recorded)


def _zones(links: Links, counts: Counter[str], campaign_zone: str) -> Zones:
    def number(source: str) -> Number:
        rows = links.attempts(f"state=recorded&zone_source={source}")
        return Number("heatmap_by_zone", counts[source], rows)

    return Zones(
        statement=(
            f"{counts['contact']} attempts are told in the contact's local time, {counts['campaign']} in the "
            f"campaign's zone at that time (now {campaign_zone}), {counts['unknown']} without any time"
        ),
        contact=number("contact"),
        campaign=number("campaign"),
        unknown=number("unknown"),
        campaign_zone=campaign_zone,
    )
