"""The log that `live` projects: contacts who are called twice, eight events each, together or scattered."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from eventsourcing.persistence import StoredEvent

from benchmarks.keys import keep_keys, sealed, whom
from drumbeat.events import Cause, Event, Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced, ContactCallReceived, ContactRetryScheduled
from drumbeat.events.campaign import CampaignActivated, CampaignAudienceOpened, CampaignDrafted, CampaignLaunched
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.events.evaluations import ContactGoalEvaluated
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.ids import DRUMBEAT
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CallOutcome,
    CallPrivate,
    CampaignKind,
    CampaignSource,
    ContactPrivate,
    FinishOutcome,
    GoalResult,
    GoalRole,
    Occurred,
    Vocabulary,
    ZoneSource,
)
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.opsapi.schemas import MIGRATION_SETS

EVENTS_A_CONTACT = 8
CAMPAIGN = uuid5(DRUMBEAT, "campaign of the benchmark")
_GOAL = uuid5(CAMPAIGN, "goal")
_SENDERS = [uuid5(CAMPAIGN, f"number {number}") for number in range(8)]
_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def appends(contacts: int, *, together: bool) -> Iterator[list[StoredEvent]]:
    """The log in appends: a contact's events side by side, or each append another event of every contact."""
    rng = random.Random(contacts)
    yield [sealed(event) for event in begun(CAMPAIGN)]
    written = ([sealed(event) for event in _life(rng, number)] for number in range(contacts))
    # As every append is written: in the order of the streams.
    streams = sorted(written, key=lambda events: UUID(str(events[0].originator_id)).int)
    if together:
        yield [event for stream in streams for event in stream]
    else:
        yield from ([stream[place] for stream in streams] for place in range(EVENTS_A_CONTACT))


def write_log(url: str, contacts: int, *, together: bool) -> int:
    """Make the schemas and the log of a database; how many events it then has."""
    for migrations in MIGRATION_SETS:
        migrations.migrate(url)
    written = 0
    with closing(Connections(url)) as connections:
        recorder = LogRecorder(connections)
        for events in appends(contacts, together=together):
            if events:
                recorder.insert_bulk(events)
                keep_keys(url, events)
                written += len(events)
    return written


def begun(campaign: UUID) -> list[Event[Fact]]:
    """A campaign's own events until contacts can be called."""
    return [_event(campaign, version, fact, None, campaign) for version, fact in enumerate(_campaign(), start=1)]


def _campaign() -> Sequence[Fact]:
    drafted = CampaignDrafted(
        kind=CampaignKind.VOICE_AGENT,
        name="Benchmark",
        vocabulary=Vocabulary.VOICE_AGENT,
        settings=CampaignSettings(),
        source=CampaignSource.API,
    )
    goal = CampaignGoalDefined(goal_id=_GOAL, name="Goal", role=GoalRole.PRIMARY)
    return drafted, goal, CampaignAudienceOpened(), CampaignLaunched(), CampaignActivated()


def lives(first: int, contacts: int, campaign: UUID = CAMPAIGN) -> Iterator[list[Event[Fact]]]:
    """What happens to more contacts, whose numbers begin with `first`: a list of each one's events."""
    rng = random.Random(first)
    return (_life(rng, number, campaign) for number in range(first, first + contacts))


def called_back(campaign: UUID, number: int) -> Event[Fact]:
    """One more event of a contact to whom everything has happened: it called."""
    stream_id = uuid5(campaign, f"contact {number}")
    at = _NOW + timedelta(days=1, seconds=number)
    fact = ContactCallReceived(occurred=_local(at), duration_seconds=60, conversation_id=uuid5(stream_id, "back"))
    return _event(stream_id, EVENTS_A_CONTACT + 1, fact, random.Random(number), campaign)


def _life(rng: random.Random, number: int, campaign: UUID = CAMPAIGN) -> list[Event[Fact]]:
    stream_id = uuid5(campaign, f"contact {number}")
    facts = _facts(rng, number)
    return [_event(stream_id, version, fact, rng, campaign) for version, fact in enumerate(facts, start=1)]


def _facts(rng: random.Random, number: int) -> Sequence[Fact]:
    first = _NOW + timedelta(seconds=number)
    again = first + timedelta(hours=1)
    private = ContactPrivate(name=f"Person {number}", phone=f"+351{number:09d}", profile={"city": "Porto"})
    talk = UUID(int=rng.getrandbits(128))
    return (
        ContactEnrolled(reference=f"r-{number}", source=CampaignSource.API, tags=("cellular",), private=private),
        _placed(rng, 1, first),
        ContactCallEnded(attempt=1, outcome=rng.choice(_RETRIED), duration_seconds=rng.randrange(30)),
        ContactRetryScheduled(retry_at=again, attempts_left=2),
        _placed(rng, 2, again),
        ContactCallEnded(
            attempt=2,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=rng.randrange(30, 600),
            conversation_id=talk,
            completion_due_at=again + timedelta(hours=1),
            private=CallPrivate(summary="Asked for the terms in writing and agreed to be called back."),
        ),
        ContactGoalEvaluated(goal_id=_GOAL, result=rng.choice(list(GoalResult)), conversation_id=talk),
        ContactFinished(outcome=FinishOutcome.COMPLETED),
    )


_RETRIED = (CallOutcome.NO_ANSWER, CallOutcome.BUSY, CallOutcome.LEFT_MESSAGE)


def _placed(rng: random.Random, attempt: int, at: datetime) -> Fact:
    lost_at = at + timedelta(hours=1)
    return ContactCallPlaced(
        attempt=attempt, sender_id=rng.choice(_SENDERS), occurred=_local(at), settings_version=1, lost_at=lost_at
    )


def _local(at: datetime) -> Occurred:
    return Occurred(
        year=at.year,
        month=at.month,
        day=at.day,
        weekday=at.isoweekday(),
        hour=at.hour,
        minute=at.minute,
        instant=at,
        zone="Europe/Lisbon",
        zone_source=ZoneSource.CONTACT,
    )


def _event(
    stream_id: UUID, version: int, fact: Fact, rng: random.Random | None, campaign: UUID = CAMPAIGN
) -> Event[Fact]:
    seconds = version if rng is None else rng.randrange(86_400)
    return Event(
        id=uuid5(stream_id, str(version)),
        stream_id=stream_id,
        stream_version=version,
        time=_NOW + timedelta(seconds=seconds),
        workspace_id="default",
        campaign_id=campaign,
        actor="dialler",
        cause=Cause.PROVIDER,
        correlation_id=campaign,
        causation_id=None,
        person_id=whom(stream_id, fact),
        fact=fact,
    )
