"""A moment as it was told where the contact is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from drumbeat.events.values import Occurred, ZoneSource


def occurred_at(instant: datetime, *, contact_zone: str | None, campaign_zone: str) -> Occurred:
    """Every local part of an instant, in the contact's zone when it is known, else in the campaign's.

    Zones were checked when they came in; no zone is guessed from a phone number.
    """
    zone = contact_zone or campaign_zone
    local = instant.astimezone(ZoneInfo(zone))
    return Occurred(
        year=local.year,
        month=local.month,
        day=local.day,
        weekday=local.isoweekday(),
        hour=local.hour,
        minute=local.minute,
        instant=instant,
        zone=zone,
        zone_source=ZoneSource.CONTACT if contact_zone else ZoneSource.CAMPAIGN,
    )
