"""Timers: what is due by the clock, seen through the queries that policies ask."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest

from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallPlaced,
    ContactCallReceived,
    ContactRetryScheduled,
)
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignCompleted,
    CampaignDeleted,
    CampaignDrafted,
    CampaignEndExtended,
    CampaignImportStarted,
    CampaignLaunched,
    CampaignPaused,
    CampaignReopened,
    CampaignResumed,
    CampaignScheduled,
    CampaignWindowClosed,
)
from drumbeat.events.contact import ContactEnrolled, ContactFinished, ContactRemoved, ContactReopened
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignSource,
    CompletionReason,
    ContactPrivate,
    FinishOutcome,
    Occurred,
    PauseReason,
    Vocabulary,
    WindowClosedBy,
    ZoneSource,
)
from drumbeat.eventstore.roles import Role, as_role
from drumbeat.projections import timers
from drumbeat.projections.timers import Timer
from support.projecting import CAMPAIGN, EPOCH, ListLog, project, rows_of
from support.rebuilding import same_again_and_from_zero

pytestmark = pytest.mark.postgres

ANN, BOB = uuid5(CAMPAIGN, "ann"), uuid5(CAMPAIGN, "bob")
LATER = EPOCH + timedelta(days=30)
LAUNCH = (CampaignLaunched(), CampaignActivated())
PAUSE = CampaignPaused(pause_reason=PauseReason.MANUAL)


def at(minutes: float) -> datetime:
    return EPOCH + timedelta(minutes=minutes)


def drafted(
    source: CampaignSource = CampaignSource.API, kind: CampaignKind = CampaignKind.VOICE_AGENT, **more: Any
) -> Fact:
    settings = CampaignSettings(**more)
    return CampaignDrafted(kind=kind, name="Spring", vocabulary=Vocabulary(kind), settings=settings, source=source)


def enrolled(source: CampaignSource = CampaignSource.API) -> Fact:
    return ContactEnrolled(reference="r", source=source, private=ContactPrivate())


def placed(attempt: int = 1, lost_at: float | None = 70) -> Fact:
    lost = None if lost_at is None else at(lost_at)
    return ContactCallPlaced(attempt=attempt, settings_version=1, lost_at=lost)


def ended(attempt: int = 1, due: float | None = None, outcome: CallOutcome = CallOutcome.COMPLETED) -> Fact:
    due_at = None if due is None else at(due)
    return ContactCallEnded(attempt=attempt, outcome=outcome, completion_due_at=due_at, attempts_allowed=3)


FINISHED = ContactFinished(outcome=FinishOutcome.COMPLETED)


@dataclass
class World:
    """A log, and the timers that it leaves."""

    database_url: str
    log: ListLog = field(default_factory=ListLog)

    def campaign(self, *facts: Fact, campaign_id: UUID = CAMPAIGN) -> None:
        self.log.tell(campaign_id, *facts, campaign_id=campaign_id)

    def running(self, *enrolled_contacts: UUID, **settings: Any) -> None:
        self.campaign(drafted(**settings), CampaignAudienceOpened())
        for contact_id in enrolled_contacts:
            self.log.tell(contact_id, enrolled())
        self.campaign(*LAUNCH)

    def due(self, now: datetime = LATER) -> list[Timer]:
        project(self.log, self.database_url, [timers.PROJECTION])
        return self.asked(now)

    def asked(self, now: datetime) -> list[Timer]:
        """Of the rows as they are."""
        with closing(psycopg.connect(as_role(self.database_url, Role.POLICIES))) as connection:
            return timers.due(connection, now, 100)

    @contextmanager
    def other_partition(self, position: int) -> Iterator[None]:
        """Meanwhile the rows are fed from a second partition too, which has come so far."""
        told = {"position": position}
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO readmodel.checkpoints (generation, projection, partition, position, updated_at)"
                " SELECT generation, projection, 't/1', %(position)s, updated_at"
                " FROM readmodel.checkpoints WHERE projection = 'timers'",
                told,
            )
            yield
            connection.execute("DELETE FROM readmodel.checkpoints WHERE partition = 't/1'")

    def kinds(self, now: datetime = LATER) -> list[str]:
        return [timer.kind for timer in self.due(now)]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    yield world
    same_again_and_from_zero(world.log, database_url, [timers.PROJECTION])


def test_a_scheduled_campaign_is_due_at_its_start_and_not_before(world: World) -> None:
    world.campaign(drafted(), CampaignAudienceOpened(), CampaignScheduled(start_at=at(10)))
    assert world.kinds(at(9)) == []
    (timer,) = world.due(at(10))
    assert (timer.kind, timer.stream_id, timer.due_at) == ("start_campaign", CAMPAIGN, at(10))
    assert timer.cause_position == 3
    world.campaign(CampaignScheduled(start_at=at(20)))
    assert world.kinds(at(19)) == []
    world.campaign(PAUSE)
    assert world.kinds() == []
    world.campaign(CampaignResumed())
    assert world.kinds() == ["start_campaign"]
    world.campaign(*LAUNCH)
    assert "start_campaign" not in world.kinds()


def test_a_window_closes_while_running_and_while_paused_until_it_is_extended(world: World) -> None:
    world.running(ANN, end_at=at(60))
    assert world.kinds(at(59)) == []
    assert world.kinds(at(60)) == ["close_window"]
    world.campaign(PAUSE)
    assert world.kinds(at(60)) == ["close_window"]
    world.campaign(CampaignWindowClosed(by=WindowClosedBy.CLOCK))
    assert world.kinds() == []
    world.campaign(CampaignEndExtended(before=at(60), after=at(90)))
    assert world.kinds(at(89)) == []
    assert world.kinds(at(90)) == ["close_window"]


def test_finalizing_ends_at_its_deadline_even_with_a_call_in_flight(world: World) -> None:
    world.running(ANN)
    world.log.tell(ANN, placed(lost_at=500))
    world.campaign(CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=at(60)))
    assert world.kinds(at(59)) == []
    assert world.kinds(at(60)) == ["end_drain"]
    world.campaign(CampaignCompleted(completion_reason=CompletionReason.MANUAL))
    assert world.kinds(at(60)) == []


def test_a_call_without_an_end_is_lost_when_its_time_has_come(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(attempt=1, lost_at=70))
    assert world.kinds(at(69)) == []
    (timer,) = world.due(at(70))
    assert (timer.kind, timer.stream_id, timer.campaign_id, timer.attempt) == ("lost_call", ANN, CAMPAIGN, 1)
    world.log.tell(ANN, ended(outcome=CallOutcome.FAILED), ContactRetryScheduled(retry_at=at(80), attempts_left=1))
    assert world.kinds() == []
    world.log.tell(ANN, placed(attempt=2), ContactRemoved(reason="asked"))
    assert world.kinds() == []


def test_a_call_in_flight_when_the_contact_was_finished_is_lost_all_the_same(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(), ContactFinished(outcome=FinishOutcome.SUPPRESSED))
    assert world.kinds() == ["lost_call"]


def test_the_completion_timeout_starts_again_when_the_contact_calls_back(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(), ended(due=30))
    assert world.kinds(at(29)) == []
    assert world.kinds(at(30)) == ["completion_due"]
    received = ContactCallReceived(
        occurred=Occurred(zone="UTC", zone_source=ZoneSource.CAMPAIGN),
        duration_seconds=5,
        conversation_id=uuid5(ANN, "talk"),
        completion_due_at=at(50),
    )
    world.log.tell(ANN, received)
    assert world.kinds(at(49)) == []
    assert world.kinds(at(50)) == ["completion_due"]
    world.log.tell(ANN, FINISHED)
    assert world.kinds() == []


def test_an_audience_is_processed_when_the_last_contact_is_finished_or_removed(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(), ended(due=30), FINISHED)
    assert world.kinds(at(29)) == []
    world.log.tell(BOB, ContactRemoved(reason="asked"))
    (timer,) = world.due(at(29))
    assert (timer.kind, timer.stream_id, timer.due_at) == ("finish_audience", CAMPAIGN, None)
    world.log.tell(ANN, ContactReopened(extra_attempts=1), ContactRetryScheduled(retry_at=at(9), attempts_left=1))
    assert world.kinds() == []
    world.log.tell(ANN, FINISHED)
    world.campaign(PAUSE)
    assert world.kinds() == ["finish_audience"]
    world.campaign(CampaignAudienceProcessed())
    assert world.kinds() == []
    world.campaign(CampaignResumed(drain_until=at(90)))
    assert world.kinds(at(80)) == ["finish_finalizing"]


def test_an_audience_is_not_judged_before_there_is_one_nor_before_the_start_nor_in_a_survey(world: World) -> None:
    world.campaign(drafted(), *LAUNCH)
    early, survey = uuid5(CAMPAIGN, "early"), uuid5(CAMPAIGN, "survey")
    scheduled = CampaignScheduled(start_at=LATER + timedelta(days=1))
    world.campaign(drafted(), CampaignAudienceOpened(), scheduled, PAUSE, campaign_id=early)
    world.campaign(drafted(kind=CampaignKind.SURVEY), CampaignAudienceOpened(), *LAUNCH, campaign_id=survey)
    assert world.kinds() == []


def test_a_reopened_campaign_is_judged_again_only_after_a_contacts_event_since_the_resume(world: World) -> None:
    world.running(ANN)
    world.log.tell(ANN, FINISHED)
    world.campaign(CampaignAudienceProcessed(drain_until=at(60)))
    world.campaign(CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED), CampaignReopened())
    assert world.kinds() == []
    world.log.tell(BOB, enrolled(), FINISHED)
    assert world.kinds() == []
    world.campaign(CampaignResumed())
    assert world.kinds() == []
    world.campaign(PAUSE, CampaignResumed())
    assert world.kinds() == []
    world.log.tell(ANN, ContactReopened(extra_attempts=1))
    assert world.kinds() == []
    world.log.tell(ANN, FINISHED)
    assert world.kinds() == ["finish_audience"]


def test_finalizing_waits_for_calls_in_flight_and_for_completion_timeouts(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(lost_at=500))
    world.log.tell(BOB, placed(lost_at=500), ended(due=400))
    world.campaign(CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=at(600)))
    assert world.kinds(at(300)) == []
    world.log.tell(ANN, ended())
    assert world.kinds(at(300)) == []
    world.log.tell(BOB, FINISHED)
    assert world.kinds(at(300)) == ["finish_finalizing"]


def test_an_audience_is_judged_once_no_partition_is_behind_what_is_known_of_the_campaign(world: World) -> None:
    """In another partition, which is fed by another projector, somebody may still be open."""
    world.running(ANN)
    assert world.kinds() == []
    world.log.tell(ANN, FINISHED)
    assert world.kinds() == ["finish_audience"]
    for seen, kinds in ((4, []), (len(world.log.rows) - 1, []), (len(world.log.rows), ["finish_audience"])):
        with world.other_partition(seen):
            assert [timer.kind for timer in world.asked(LATER)] == kinds, seen


def test_finalizing_ends_once_no_partition_is_behind_what_is_known_of_the_campaign(world: World) -> None:
    world.running(ANN)
    world.campaign(CampaignWindowClosed(by=WindowClosedBy.MANUAL, drain_until=at(600)))
    assert world.kinds(at(300)) == ["finish_finalizing"]
    with world.other_partition(len(world.log.rows) - 1):
        assert world.asked(at(300)) == []
    with world.other_partition(len(world.log.rows)):
        assert [timer.kind for timer in world.asked(at(300))] == ["finish_finalizing"]


def test_an_ended_campaign_has_no_timers_but_those_of_its_contacts(world: World) -> None:
    world.running(ANN, BOB, end_at=at(60))
    world.log.tell(ANN, placed(lost_at=70))
    world.log.tell(BOB, placed(lost_at=70), ended(due=80))
    world.campaign(CampaignCancelled(reason="budget"))
    assert world.kinds() == ["lost_call", "completion_due"]
    world.log.tell(ANN, ended())
    world.log.tell(BOB, FINISHED)
    world.campaign(CampaignDeleted())
    assert world.kinds() == []


def test_a_history_import_leaves_nothing_to_do(world: World) -> None:
    source = CampaignSource.IMPORT
    world.campaign(drafted(source=source, end_at=at(1)), CampaignImportStarted(file_hash="f", mapping_hash="m"))
    world.campaign(CampaignAudienceOpened())
    world.log.tell(ANN, enrolled(source), placed(lost_at=None), ended(), FINISHED)
    world.campaign(drafted(), campaign_id=uuid5(CAMPAIGN, "another"))
    assert world.kinds() == []
    assert rows_of(world.database_url, "contact_watch") == []
    assert [row["campaign_id"] for row in rows_of(world.database_url, "campaign_watch")] != [CAMPAIGN]


def test_two_clocks_never_hold_the_same_timer(world: World) -> None:
    world.running(ANN, BOB)
    world.log.tell(ANN, placed(lost_at=70))
    world.log.tell(BOB, placed(lost_at=75))
    world.due()
    with (
        closing(psycopg.connect(world.database_url)) as first,
        closing(psycopg.connect(world.database_url)) as second,
    ):
        assert [timer.stream_id for timer in timers.due(first, LATER, 1)] == [ANN]
        assert [timer.stream_id for timer in timers.due(second, LATER, 100)] == [BOB]
        first.rollback()
        second.rollback()
        assert [timer.stream_id for timer in timers.due(second, LATER, 100)] == [ANN, BOB]
