"""What the demonstration is made of: its campaign, goals, numbers, hours and calendar. Ids follow from the run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from drumbeat.commands.campaign import ChangeSettings, DraftCampaign
from drumbeat.commands.command import Command
from drumbeat.commands.goals import DefineAnalysis, DefineGoal
from drumbeat.commands.schedules import DefineSchedule
from drumbeat.commands.senders import AssignSender, RegisterSender
from drumbeat.events.goals import AnalysisText
from drumbeat.events.ids import workspace_namespace
from drumbeat.events.schedule import Hours
from drumbeat.events.values import CampaignKind, CampaignSource, Channel, GoalRole, Question, WeeklyHours

ZONE = "America/New_York"
NAME = "Demonstration: trial follow-up calls"
NAME_WHILE_LOADING = "Demonstration (being loaded)"
OPENS_HOUR, CLOSES_HOUR = 9, 20
WORKING_DAYS = 7
_NUMBERS = (
    ("New York", "+12125550100"),
    ("Chicago", "+13125550101"),
    ("Denver", "+13035550102"),
    ("Seattle", "+12065550103"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The ids of one run of the demonstration."""

    campaign_id: UUID
    schedule_id: UUID
    sender_ids: tuple[UUID, ...]
    primary_goal_id: UUID
    side_goal_id: UUID
    analysis_id: UUID


def cast(workspace_id: str, seed: int, run: int) -> Cast:
    """The ids of a run; an interrupted run is left behind, and the next one has other ids."""
    campaign_id = uuid5(workspace_namespace(workspace_id), f"demonstration:{seed}:{run}")
    return Cast(
        campaign_id=campaign_id,
        schedule_id=uuid5(campaign_id, "schedule"),
        sender_ids=tuple(uuid5(campaign_id, f"sender:{number}") for _, number in _NUMBERS),
        primary_goal_id=uuid5(campaign_id, "goal:primary"),
        side_goal_id=uuid5(campaign_id, "goal:side"),
        analysis_id=uuid5(campaign_id, "analysis"),
    )


def first_morning(now: datetime) -> datetime:
    """Opening time of the Monday two weeks before the week of `now`: all of the demonstration lies in the past."""
    here = now.astimezone(ZoneInfo(ZONE))
    monday = here.date() - timedelta(days=here.weekday() + 14)
    return datetime(monday.year, monday.month, monday.day, OPENS_HOUR, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def working_days(first: datetime) -> list[tuple[datetime, datetime]]:
    """Opening and closing of each day on which calls are made."""
    days = [first.astimezone(ZoneInfo(ZONE)) + timedelta(days=number) for number in range(2 * WORKING_DAYS)]
    return [
        (day.astimezone(UTC), day.replace(hour=CLOSES_HOUR).astimezone(UTC)) for day in days if day.weekday() < 5
    ][:WORKING_DAYS]


def setting_up(cast: Cast) -> list[Command]:
    """The commands that make the campaign, in their order, up to the audience.

    Drafting comes first: where there is no campaign, nothing of this run was written.
    """
    hours = Hours(
        zone=ZONE,
        weekly_hours=tuple(
            WeeklyHours(weekday=day, opens_minute=OPENS_HOUR * 60, closes_minute=CLOSES_HOUR * 60)
            for day in range(1, 6)
        ),
    )
    commands: list[Command] = [
        DraftCampaign(
            campaign_id=cast.campaign_id,
            kind=CampaignKind.VOICE_AGENT,
            name=NAME_WHILE_LOADING,
            source=CampaignSource.DEMONSTRATION,
            settings={
                "agent": "Demonstration agent",
                "zone": ZONE,
                "notes": "Made-up people and numbers kept free for fiction; simulated from a seed.",
                "max_calls_per_number_and_day": 250,
                "max_retries": 2,
                "retry_interval_seconds": 4 * 3600,
            },
        ),
        DefineSchedule(schedule_id=cast.schedule_id, name="Weekdays", hours=hours),
        ChangeSettings(campaign_id=cast.campaign_id, changes={"schedule_id": cast.schedule_id}),
        DefineGoal(
            campaign_id=cast.campaign_id,
            goal_id=cast.primary_goal_id,
            name="Books a product tour",
            description="The contact agrees to a date for a tour.",
            role=GoalRole.PRIMARY,
        ),
        DefineGoal(campaign_id=cast.campaign_id, goal_id=cast.side_goal_id, name="Confirms the email address"),
        DefineAnalysis(
            campaign_id=cast.campaign_id,
            analysis_id=cast.analysis_id,
            text=AnalysisText(name="How interested is the contact?", question=Question.RATING, scale=5),
        ),
    ]
    for (name, number), sender_id in zip(_NUMBERS, cast.sender_ids, strict=True):
        commands += [
            RegisterSender(sender_id=sender_id, channel=Channel.PHONE, friendly_name=name, address=number),
            AssignSender(campaign_id=cast.campaign_id, sender_id=sender_id),
        ]
    return commands
