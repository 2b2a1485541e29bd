"""A seeded history of campaigns for tests of reading: every outcome, corrections, removals, unknown times."""

import random
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from drumbeat.events import Fact, calls, campaign, contact, evaluations, goals, schedule, sender
from drumbeat.events.ids import DRUMBEAT, contact_id
from drumbeat.events.outcomes import MEANING
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    AnsweredBy,
    AnswerPrivate,
    CallOutcome,
    CallPrivate,
    CampaignKind,
    CampaignSource,
    Channel,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
    GoalRole,
    Occurred,
    PauseReason,
    Priority,
    Question,
    Vocabulary,
    WeeklyHours,
    ZoneSource,
)
from support.projecting import EPOCH, ListLog

SPRING = uuid5(DRUMBEAT, "spring")
AUTUMN = uuid5(DRUMBEAT, "autumn")
GONE = uuid5(DRUMBEAT, "gone")
FOREIGN = uuid5(DRUMBEAT, "foreign")
ANN = contact_id(SPRING, "person-0")
NUMBER = uuid5(DRUMBEAT, "number")
SECOND_NUMBER = uuid5(DRUMBEAT, "second number")
HOURS = uuid5(DRUMBEAT, "hours")
TERM_DEPOSIT = uuid5(DRUMBEAT, "term deposit")
NEWSLETTER = uuid5(DRUMBEAT, "newsletter")
OLD_GOAL = uuid5(DRUMBEAT, "old goal")
MOOD = uuid5(DRUMBEAT, "mood")
NOW = EPOCH + timedelta(days=3, hours=2)
"""Thursday 11:00 UTC: the clock of whoever reads."""

_TAGS = ("vip", "cellular", "telephone", 'odd "tag", {x}')
_ZONES = (None, None, "Europe/Lisbon", "America/New_York", "Asia/Kolkata")


def drafted(name: str, kind: CampaignKind = CampaignKind.VOICE_AGENT, **settings: Any) -> Fact:
    """A campaign in its own vocabulary."""
    return campaign.CampaignDrafted(
        kind=kind,
        name=name,
        vocabulary=Vocabulary(kind),
        settings=CampaignSettings(**settings),
        source=CampaignSource.API,
    )


def tell_story(log: ListLog, *, people: int = 60, seed: int = 7) -> None:
    """Write the whole history: a running campaign with people, some others, and one of another workspace."""
    rng = random.Random(seed)
    _numbers_and_hours(log)
    _spring(log)
    for index in range(people):
        for fact in _life(rng, index):
            log.tell(contact_id(SPRING, f"person-{index}"), fact, campaign_id=SPRING)
    _other_campaigns(log)
    log.tell(FOREIGN, drafted("Foreign"), campaign_id=FOREIGN, workspace_id="other")
    stranger = contact.ContactEnrolled(
        reference="stranger", source=CampaignSource.API, private=ContactPrivate(name="Stranger")
    )
    log.tell(contact_id(FOREIGN, "stranger"), stranger, campaign_id=FOREIGN, workspace_id="other")


def _numbers_and_hours(log: ListLog) -> None:
    for sender_id, name, score in ((NUMBER, "Lisbon", 2), (SECOND_NUMBER, "Porto", 7)):
        registered = sender.SenderRegistered(channel=Channel.PHONE, friendly_name=name, address="+351210000001")
        reported = sender.SenderSpamScoreReported(score=score, source="carrier_feed")
        log.tell(sender_id, registered, reported, campaign_id=None)
    workdays = tuple(WeeklyHours(weekday=day, opens_minute=540, closes_minute=1080) for day in range(1, 6))
    log.tell(HOURS, schedule.ScheduleDefined(name="Office", zone="UTC", weekly_hours=workdays), campaign_id=None)


def _spring(log: ListLog) -> None:
    log.tell(
        SPRING,
        drafted("Spring", zone="Europe/Lisbon", schedule_id=HOURS, agent="Marta"),
        goals.CampaignGoalDefined(goal_id=TERM_DEPOSIT, name="Term deposit", role=GoalRole.PRIMARY),
        goals.CampaignGoalDefined(goal_id=NEWSLETTER, name="Newsletter", role=GoalRole.SECONDARY),
        goals.CampaignGoalDefined(goal_id=OLD_GOAL, name="Old goal", role=GoalRole.SECONDARY),
        goals.CampaignGoalArchived(goal_id=OLD_GOAL),
        goals.CampaignAnalysisDefined(analysis_id=MOOD, name="Mood", question=Question.RATING, scale=5),
        campaign.CampaignSenderAssigned(sender_id=NUMBER),
        campaign.CampaignSenderAssigned(sender_id=SECOND_NUMBER),
        campaign.CampaignSenderExcluded(sender_id=SECOND_NUMBER, score=7, threshold=7),
        campaign.CampaignAudienceOpened(),
        campaign.CampaignLaunched(),
        campaign.CampaignActivated(),
        campaign_id=SPRING,
    )


def _other_campaigns(log: ListLog) -> None:
    log.tell(
        AUTUMN,
        drafted("autumn survey", CampaignKind.SURVEY),
        campaign.CampaignAudienceOpened(),
        campaign.CampaignLaunched(),
        campaign.CampaignActivated(),
        campaign.CampaignPaused(pause_reason=PauseReason.REVIEW, note="wait for legal"),
        campaign_id=AUTUMN,
    )
    log.tell(GONE, drafted("Gone"), campaign.CampaignDeleted(), campaign_id=GONE)
    for number in range(5):
        other = uuid5(DRUMBEAT, f"draft {number}")
        log.tell(other, drafted(f"Draft {number}", CampaignKind.CALL), campaign_id=other)


def _life(rng: random.Random, index: int) -> Iterator[Fact]:
    zone = rng.choice(_ZONES)
    yield contact.ContactEnrolled(
        reference=f"person-{index}",
        zone=zone,
        priority=rng.choice(list(Priority)),
        tags=tuple(rng.sample(_TAGS, rng.randrange(3))),
        source=CampaignSource.API,
        private=ContactPrivate(name=f"Person {index:02}", phone=f"+3519100000{index:02}"),
    )
    attempt = 0
    for attempt in range(1, rng.randrange(1, 5)):
        yield from _call(rng, attempt, zone)
    if attempt and rng.random() < 0.2:
        yield from _received(rng)
    if rng.random() < 0.6:
        yield from _judged(rng)
    yield from _ending(rng, attempt)


def _call(rng: random.Random, attempt: int, zone: str | None) -> Iterator[Fact]:
    yield calls.ContactCallPlaced(
        attempt=attempt,
        sender_id=rng.choice((NUMBER, SECOND_NUMBER, None)),
        occurred=_occurred(rng, zone),
        settings_version=1,
    )
    outcome = rng.choice(list(CallOutcome))
    if MEANING[outcome].conversation:
        yield calls.ContactCallConnected(attempt=attempt, answered_by=AnsweredBy.HUMAN)
    yield from _ended(rng, attempt, outcome)
    yield calls.ContactRetryScheduled(retry_at=EPOCH + timedelta(days=4), attempts_left=4 - attempt)


def _ended(rng: random.Random, attempt: int, outcome: CallOutcome) -> Iterator[Fact]:
    talk = _talk(rng)
    spoke = MEANING[outcome].conversation
    yield calls.ContactCallEnded(
        attempt=attempt,
        outcome=outcome,
        duration_seconds=rng.choice((None, 0, rng.randrange(1, 900))),
        conversation_id=talk if spoke else None,
        private=CallPrivate(summary="They talked.") if spoke else None,
    )
    if spoke:
        yield evaluations.ContactGoalEvaluated(goal_id=NEWSLETTER, result=GoalResult.UNKNOWN, conversation_id=talk)
        yield evaluations.ContactAnalysisAnswered(
            analysis_id=MOOD, conversation_id=talk, private=AnswerPrivate(value=rng.randrange(1, 6))
        )
    if rng.random() < 0.15:
        to = rng.choice([other for other in CallOutcome if other is not outcome])
        yield calls.ContactCallOutcomeCorrected(
            attempt=attempt,
            **{"from": outcome},
            to=to,
            duration_seconds=rng.randrange(500),
            reason="listened again",
        )


def _received(rng: random.Random) -> Iterator[Fact]:
    occurred = _occurred(rng, None) or Occurred(zone="UTC", zone_source=ZoneSource.CAMPAIGN)
    yield calls.ContactCallReceived(
        sender_id=NUMBER,
        occurred=occurred,
        duration_seconds=rng.randrange(300),
        conversation_id=_talk(rng),
        completion_due_at=NOW + timedelta(hours=1),
    )


def _judged(rng: random.Random) -> Iterator[Fact]:
    result = rng.choice(list(GoalResult))
    yield evaluations.ContactGoalEvaluated(goal_id=TERM_DEPOSIT, result=result)
    if result is GoalResult.ACHIEVED:
        yield evaluations.ContactGoalAchieved(goal_id=TERM_DEPOSIT)
    yield evaluations.ContactGoalEvaluated(goal_id=OLD_GOAL, result=rng.choice(list(GoalResult)))


def _ending(rng: random.Random, attempts: int) -> Iterator[Fact]:
    match rng.randrange(8):
        case 0:
            yield contact.ContactPaused(reason="on holiday")
        case 1:
            yield contact.ContactRemoved(reason="moved away")
        case 2:
            yield contact.ContactOptedOut(channel=Channel.PHONE)
            yield contact.ContactFinished(outcome=FinishOutcome.OPTED_OUT)
        case 3 | 4:
            yield contact.ContactFinished(outcome=rng.choice(list(FinishOutcome)))
        case 5:
            # Left in flight.
            yield calls.ContactCallPlaced(attempt=attempts + 1, sender_id=NUMBER, settings_version=1)
        case _:
            return


def _talk(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _occurred(rng: random.Random, zone: str | None) -> Occurred | None:
    if rng.random() < 0.1:
        return None
    told_in = zone or "Europe/Lisbon"
    source = ZoneSource.CONTACT if zone else ZoneSource.CAMPAIGN
    if rng.random() < 0.2:
        weekday = rng.choice((None, rng.randrange(1, 8)))
        return Occurred(weekday=weekday, month=5, zone=told_in, zone_source=source)
    instant = EPOCH + timedelta(minutes=rng.randrange(4 * 24 * 60))
    local = instant.astimezone(ZoneInfo(told_in))
    return Occurred(
        year=local.year,
        month=local.month,
        day=local.day,
        weekday=local.isoweekday(),
        hour=local.hour,
        minute=local.minute,
        instant=instant.astimezone(UTC),
        zone=told_in,
        zone_source=source,
    )
