"""The audit history: who changed what, when, why, from what to what."""

import json
from typing import Any
from uuid import UUID, uuid5

import pytest

from drumbeat.events import FACTS, Fact, calls, campaign, contact, goals, schedule, sender, suppression
from drumbeat.events.event import Cause, Event
from drumbeat.events.ids import DRUMBEAT
from drumbeat.events.light import decode_light
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    AddressKey,
    CallOutcome,
    CallPrivate,
    Channel,
    ContactPrivate,
    PauseReason,
    Priority,
    Question,
    WeeklyHours,
)
from drumbeat.projections import history
from support.projecting import CAMPAIGN, EPOCH, ListLog, rows_of
from support.rebuilding import same_again_and_from_zero
from support.sealing import sealed_bytes

pytestmark = pytest.mark.postgres

ANN, GOAL, OTHER = uuid5(CAMPAIGN, "ann"), uuid5(CAMPAIGN, "goal"), uuid5(CAMPAIGN, "other")
NUMBER, HOURS, ADDRESS = uuid5(CAMPAIGN, "number"), uuid5(CAMPAIGN, "hours"), uuid5(CAMPAIGN, "address")


def change(database_url: str, stream_id: UUID, fact: Fact, campaign_id: UUID | None = CAMPAIGN) -> dict[str, Any]:
    """The one row that a fact leaves."""
    log = ListLog()
    log.tell(stream_id, fact, campaign_id=campaign_id)
    same_again_and_from_zero(log, database_url, [history.PROJECTION])
    (row,) = rows_of(database_url, "history")
    assert (row["position"], row["actor"], row["cause"]) == (1, "tester", "user")
    assert (row["stream_id"], row["type"]) == (stream_id, fact.TYPE)
    assert row["correlation_id"] == uuid5(DRUMBEAT, "correlation")
    return row


def test_changed_settings_tell_the_changed_keys_only(database_url: str) -> None:
    row = change(
        database_url,
        CAMPAIGN,
        campaign.CampaignSettingsChanged(
            settings_version=2,
            before=CampaignSettings(max_retries=2, agent="Ada"),
            after=CampaignSettings(max_retries=5, agent=None),
        ),
    )
    assert (row["stream"], row["campaign_id"]) == ("campaign", CAMPAIGN)
    assert row["before"] == {"max_retries": 2, "agent": "Ada"}
    assert row["after"] == {"settings_version": 2, "max_retries": 5, "agent": None}


@pytest.mark.parametrize(
    ("fact", "before", "after", "subject"),
    [
        (campaign.CampaignRenamed(before="A", after="B"), {"name": "A"}, {"name": "B"}, None),
        (
            campaign.CampaignSenderWeightChanged(sender_id=NUMBER, before=1, after=9),
            {"weight": 1},
            {"weight": 9},
            NUMBER,
        ),
        (
            goals.CampaignPrimaryGoalChanged(from_=GOAL, to=OTHER),
            {"primary_goal": str(GOAL)},
            {"primary_goal": str(OTHER)},
            None,
        ),
        (
            goals.CampaignGoalEdited(
                goal_id=GOAL,
                before=goals.GoalText(name="Sale", description="x"),
                after=goals.GoalText(name="Sold", description="x"),
            ),
            {"name": "Sale"},
            {"name": "Sold"},
            GOAL,
        ),
        (
            campaign.CampaignSenderExcluded(sender_id=NUMBER, score=8, threshold=7),
            None,
            {"score": 8, "threshold": 7},
            NUMBER,
        ),
        (campaign.CampaignLaunched(), None, None, None),
    ],
)
def test_a_change_tells_before_after_and_what_it_is_about(
    database_url: str, fact: Fact, before: Any, after: Any, subject: UUID | None
) -> None:
    row = change(database_url, CAMPAIGN, fact)
    assert (row["before"], row["after"], row["subject_id"]) == (before, after, subject)


def test_a_pause_and_a_cancellation_tell_their_reasons(database_url: str) -> None:
    row = change(database_url, CAMPAIGN, campaign.CampaignPaused(pause_reason=PauseReason.REVIEW, note="wait"))
    assert (row["reason"], row["after"]) == ("review", {"note": "wait"})


def test_a_correction_tells_the_outcomes_the_reason_and_nothing_that_was_said(database_url: str) -> None:
    row = change(
        database_url,
        ANN,
        calls.ContactCallOutcomeCorrected(
            attempt=2,
            from_=CallOutcome.NO_ANSWER,
            to=CallOutcome.COMPLETED,
            duration_seconds=30,
            reason="the recording shows it",
            private=CallPrivate(summary="a secret"),
        ),
    )
    assert (row["stream"], row["campaign_id"], row["reason"]) == ("contact", CAMPAIGN, "the recording shows it")
    assert row["before"] == {"outcome": "no_answer"}
    assert row["after"] == {"outcome": "completed", "attempt": 2, "duration_seconds": 30, "permanent": False}
    assert "secret" not in repr(row)


def test_a_changed_profile_tells_nothing_personal(database_url: str) -> None:
    row = change(
        database_url,
        ANN,
        contact.ContactProfileChanged(
            priority=Priority.HIGH,
            tags=("vip",),
            address_keys=(AddressKey(channel=Channel.PHONE, key=ADDRESS),),
            private=ContactPrivate(name="Ann", phone="+4930", profile={"city": "Bonn"}),
        ),
    )
    assert row["after"] == {"priority": "high", "tags": ["vip"]}


def test_schedules_senders_and_suppressions_have_a_history_outside_of_campaigns(database_url: str) -> None:
    monday = WeeklyHours(weekday=1, opens_minute=540, closes_minute=1020)
    log = ListLog()
    log.tell(
        HOURS,
        schedule.ScheduleChanged(
            before=schedule.Hours(zone="UTC", weekly_hours=(monday,)),
            after=schedule.Hours(zone="Asia/Tokyo", weekly_hours=(monday,)),
        ),
        campaign_id=None,
    )
    log.tell(NUMBER, sender.SenderDisconnected(cause="password"), campaign_id=None)
    log.tell(ADDRESS, suppression.SuppressionAdded(reason="asked", source="person"), campaign_id=None)
    same_again_and_from_zero(log, database_url, [history.PROJECTION])
    rows = sorted(rows_of(database_url, "history"), key=lambda row: row["position"])
    assert [(row["stream"], row["campaign_id"], row["reason"]) for row in rows] == [
        ("schedule", None, None),
        ("sender", None, "password"),
        ("suppression", None, "asked"),
    ]
    assert (rows[0]["before"], rows[0]["after"]) == ({"zone": "UTC"}, {"zone": "Asia/Tokyo"})
    assert rows[2]["after"] == {"source": "person"}


def test_what_calls_bring_about_is_not_a_change(database_url: str) -> None:
    log = ListLog()
    log.tell(ANN, calls.ContactCallPlaced(attempt=1, settings_version=1))
    log.tell(
        ANN, calls.ContactCallEnded(attempt=1, outcome=CallOutcome.BUSY), contact.ContactRemoved(reason="asked")
    )
    same_again_and_from_zero(log, database_url, [history.PROJECTION])
    assert [(row["type"], row["reason"]) for row in rows_of(database_url, "history")] == [
        ("contact.removed.v1", "asked")
    ]


def test_every_fact_with_before_and_after_makes_a_row() -> None:
    text = goals.AnalysisText(name="Mood", question=Question.OPEN)
    examples: list[Fact] = [
        campaign.CampaignRenamed(before="A", after="B"),
        campaign.CampaignSettingsChanged(settings_version=2, before=CampaignSettings(), after=CampaignSettings()),
        campaign.CampaignEndExtended(before=EPOCH, after=EPOCH),
        campaign.CampaignSenderWeightChanged(sender_id=NUMBER, before=1, after=2),
        goals.CampaignGoalEdited(goal_id=GOAL, before=goals.GoalText(name="A"), after=goals.GoalText(name="B")),
        goals.CampaignAnalysisEdited(analysis_id=GOAL, before=text, after=text),
        sender.SenderRenamed(before="A", after="B"),
        schedule.ScheduleChanged(
            before=schedule.Hours(zone="UTC", weekly_hours=()), after=schedule.Hours(zone="UTC", weekly_hours=())
        ),
    ]
    assert {type(fact) for fact in examples} == {
        cls for cls in FACTS.values() if {"before", "after"} <= set(cls.model_fields)
    }
    for number, fact in enumerate(examples, start=1):
        event = Event(
            id=OTHER,
            stream_id=CAMPAIGN,
            stream_version=number,
            time=EPOCH,
            workspace_id="default",
            campaign_id=None,
            actor="tester",
            cause=Cause.USER,
            correlation_id=OTHER,
            causation_id=None,
            fact=fact,
        )
        row = history.HISTORY_ROWS.rows[type(fact)](decode_light(fact.TYPE, sealed_bytes(event)), number)
        assert isinstance(row, history.HistoryRow)
        for side in (row.before, row.after):
            assert side is None or not {"before", "after"} & set(json.loads(side))
