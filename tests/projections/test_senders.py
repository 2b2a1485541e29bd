"""Senders, what they may do for a campaign, and business hours."""

from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest

from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderEnabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSenderWeightChanged,
)
from drumbeat.events.schedule import Hours, ScheduleChanged, ScheduleDefined
from drumbeat.events.sender import (
    SenderDisconnected,
    SenderReconnected,
    SenderRegistered,
    SenderRenamed,
    SenderRetired,
    SenderSpamScoreReported,
)
from drumbeat.events.values import Channel, Holiday, WeeklyHours
from drumbeat.projections import schedules, senders
from support.projecting import CAMPAIGN, EPOCH, ListLog, project, rows_of
from support.rebuilding import same_again_and_from_zero

pytestmark = pytest.mark.postgres

NUMBER, HOURS = uuid5(CAMPAIGN, "number"), uuid5(CAMPAIGN, "hours")
REGISTERED = SenderRegistered(
    channel=Channel.PHONE, friendly_name="Main", address="+49301234", daily_limit=90, schedule_id=HOURS
)
ASSIGNED = CampaignSenderAssigned(sender_id=NUMBER, weight=3)


def sender_after(database_url: str, *told: Fact) -> dict[str, Any]:
    log = ListLog()
    log.tell(NUMBER, REGISTERED, *told, campaign_id=None)
    same_again_and_from_zero(log, database_url, [senders.PROJECTION])
    (row,) = rows_of(database_url, "senders")
    return row


def standing_after(database_url: str, *told: Fact) -> list[dict[str, Any]]:
    log = ListLog()
    log.tell(NUMBER, REGISTERED, campaign_id=None)
    log.tell(CAMPAIGN, ASSIGNED, *told)
    same_again_and_from_zero(log, database_url, [senders.PROJECTION])
    return rows_of(database_url, "campaign_senders")


def test_a_registered_sender_is_connected_and_has_no_score(database_url: str) -> None:
    row = sender_after(database_url)
    assert (row["friendly_name"], row["address"], row["channel"]) == ("Main", "+49301234", "phone")
    assert (row["daily_limit"], row["schedule_id"]) == (90, HOURS)
    assert (row["connected"], row["retired"], row["spam_score"], row["spam_band"]) == (True, False, None, None)


@pytest.mark.parametrize(
    ("score", "band"), [(0, "green"), (4, "green"), (5, "yellow"), (6, "yellow"), (7, "red"), (10, "red")]
)
def test_a_spam_score_has_a_band(database_url: str, score: int, band: str) -> None:
    row = sender_after(
        database_url,
        SenderSpamScoreReported(score=9, source="carrier"),
        SenderSpamScoreReported(score=score, source="registry"),
    )
    assert (row["spam_score"], row["spam_band"], row["spam_source"]) == (score, band, "registry")
    assert row["spam_reported_at"] == EPOCH + timedelta(seconds=3)


def test_a_sender_that_is_renamed_disconnected_reconnected_and_retired_says_so(database_url: str) -> None:
    log = ListLog()
    seen = []
    for told in (
        REGISTERED,
        SenderRenamed(before="Main", after="Hall"),
        SenderDisconnected(cause="password"),
        SenderReconnected(),
        SenderRetired(),
    ):
        log.tell(NUMBER, told, campaign_id=None)
        project(log, database_url, [senders.PROJECTION])
        (row,) = rows_of(database_url, "senders")
        seen.append((row["friendly_name"], row["connected"], row["disconnected_cause"], row["retired"]))
    assert seen == [
        ("Main", True, None, False),
        ("Hall", True, None, False),
        ("Hall", False, "password", False),
        ("Hall", True, None, False),
        ("Hall", True, None, True),
    ]
    assert row["version"] == row["position"] == 5


def test_an_assigned_sender_shows_its_number_and_weight(database_url: str) -> None:
    (row,) = standing_after(database_url)
    assert (row["campaign_id"], row["sender_id"], row["standing"]) == (CAMPAIGN, NUMBER, "active")
    assert (row["friendly_name"], row["address"], row["weight"]) == ("Main", "+49301234", 3)


def test_a_changed_weight_leaves_the_standing(database_url: str) -> None:
    disabled = CampaignSenderDisabled(sender_id=NUMBER)
    changed = CampaignSenderWeightChanged(sender_id=NUMBER, before=3, after=50)
    (row,) = standing_after(database_url, disabled, changed)
    assert (row["standing"], row["weight"]) == ("disabled", 50)
    assert row["standing_since"] == EPOCH + timedelta(seconds=3)


def test_an_excluded_sender_says_at_which_score_until_it_is_reinstated(database_url: str) -> None:
    log = ListLog()
    log.tell(NUMBER, REGISTERED, campaign_id=None)
    seen = []
    for told in (
        ASSIGNED,
        CampaignSenderDisabled(sender_id=NUMBER),
        CampaignSenderEnabled(sender_id=NUMBER),
        CampaignSenderExcluded(sender_id=NUMBER, score=8, threshold=7),
        CampaignSenderReinstated(sender_id=NUMBER, report_version=2),
    ):
        log.tell(CAMPAIGN, told)
        project(log, database_url, [senders.PROJECTION])
        (row,) = rows_of(database_url, "campaign_senders")
        seen.append((row["standing"], row["excluded_score"], row["excluded_threshold"]))
    assert seen == [
        ("active", None, None),
        ("disabled", None, None),
        ("active", None, None),
        ("excluded", 8, 7),
        ("active", None, None),
    ]


def test_an_unassigned_sender_is_gone_from_the_campaign_and_not_from_the_list(database_url: str) -> None:
    unassigned = CampaignSenderUnassigned(sender_id=NUMBER)
    assert (
        standing_after(database_url, unassigned, CampaignSenderWeightChanged(sender_id=NUMBER, before=3, after=4))
        == []
    )
    assert len(rows_of(database_url, "senders")) == 1


def test_a_schedule_shows_the_hours_that_hold_now(database_url: str) -> None:
    monday = WeeklyHours(weekday=1, opens_minute=540, closes_minute=1020)
    tuesday = WeeklyHours(weekday=2, opens_minute=600, closes_minute=720)
    log = ListLog()
    log.tell(
        HOURS,
        ScheduleDefined(name="Office", zone="Europe/Berlin", weekly_hours=(monday,)),
        ScheduleChanged(
            before=Hours(zone="Europe/Berlin", weekly_hours=(monday,)),
            after=Hours(
                zone="Europe/Vienna",
                weekly_hours=(monday, tuesday),
                holidays=(Holiday(year=2026, month=12, day=25),),
            ),
        ),
        campaign_id=None,
    )
    same_again_and_from_zero(log, database_url, [schedules.PROJECTION])
    (row,) = rows_of(database_url, "schedules")
    assert (row["schedule_id"], row["name"], row["zone"], row["version"]) == (HOURS, "Office", "Europe/Vienna", 2)
    assert row["weekly_hours"] == [monday.model_dump(), tuesday.model_dump()]
    assert row["holidays"] == [{"year": 2026, "month": 12, "day": 25}]
