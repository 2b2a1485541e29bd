"""Timers that follow from two streams: found whichever of the two events is applied first."""

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import permutations
from uuid import UUID, uuid5

import psycopg
import pytest

from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallPlaced
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignDrafted,
    CampaignLaunched,
    CampaignReopened,
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSettingsChanged,
)
from drumbeat.events.contact import ContactEnrolled, ContactFinished, ContactProfileChanged
from drumbeat.events.sender import SenderRegistered, SenderSpamScoreReported
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted
from drumbeat.events.values import (
    AddressKey,
    CampaignKind,
    CampaignSource,
    Channel,
    ContactPrivate,
    FinishOutcome,
    Priority,
    Vocabulary,
)
from drumbeat.eventstore.roles import Role, as_role
from drumbeat.projections import timers
from drumbeat.projections.timers import Timer
from support.projecting import CAMPAIGN, EPOCH, ListLog, project
from support.rebuilding import same_again_and_from_zero

pytestmark = pytest.mark.postgres

ANN, NUMBER = uuid5(CAMPAIGN, "ann"), uuid5(CAMPAIGN, "number")
PHONE, MAIL = uuid5(CAMPAIGN, "phone"), uuid5(CAMPAIGN, "mail")
Story = Sequence[tuple[UUID, Fact]]


def drafted(**settings: int) -> Fact:
    return CampaignDrafted(
        kind=CampaignKind.VOICE_AGENT,
        name="Spring",
        vocabulary=Vocabulary.VOICE_AGENT,
        settings=CampaignSettings(**settings),
        source=CampaignSource.API,
    )


BEGUN: Story = [
    (CAMPAIGN, drafted()),
    (CAMPAIGN, CampaignAudienceOpened()),
    (CAMPAIGN, CampaignLaunched()),
    (CAMPAIGN, CampaignActivated()),
]
ENROLLED = (
    ANN,
    ContactEnrolled(
        reference="r",
        source=CampaignSource.API,
        address_keys=(AddressKey(channel=Channel.PHONE, key=PHONE), AddressKey(channel=Channel.EMAIL, key=MAIL)),
        private=ContactPrivate(phone="+49301234", email="ann@example.org"),
    ),
)
SUPPRESSED = (PHONE, SuppressionAdded(reason="asked", source="person"))
FINISHED = (ANN, ContactFinished(outcome=FinishOutcome.SUPPRESSED))


class Told:
    """A story in a log, and what the policies' look at it finds."""

    def __init__(self, database_url: str, story: Story) -> None:
        self.database_url = database_url
        self.log = ListLog()
        self.tell(*story)

    def tell(self, *story: tuple[UUID, Fact]) -> None:
        for stream_id, fact in story:
            self.log.tell(stream_id, fact)

    def look(self, ask: Callable[[psycopg.Connection], list[Timer]]) -> list[Timer]:
        project(self.log, self.database_url, [timers.PROJECTION])
        with closing(psycopg.connect(as_role(self.database_url, Role.POLICIES))) as connection:
            assert timers.applied_position(connection) == len(self.log.rows)
            return ask(connection)

    def crossings(self, since: int = 0) -> list[tuple[str, UUID, int]]:
        found = self.look(lambda connection: timers.crossings(connection, since, 10))
        return [(timer.kind, timer.stream_id, timer.cause_position) for timer in found]

    def spam(self) -> list[tuple[UUID, UUID, int | None]]:
        found = self.look(lambda connection: timers.due(connection, EPOCH, 10))
        return [(t.stream_id, t.campaign_id, t.score) for t in found if t.kind == "judge_spam_score"]


def test_a_suppressed_contact_is_found_in_every_order_of_the_streams(database_url: str) -> None:
    told = Told(database_url, [])
    for number, order in enumerate(permutations([BEGUN, [ENROLLED], [SUPPRESSED]])):
        mine = f"workspace {number}"
        for stream_id, fact in [item for part in order for item in part]:
            told.log.tell(uuid5(stream_id, mine) if stream_id == ANN else stream_id, fact, workspace_id=mine)
    found = told.look(lambda connection: timers.crossings(connection, 0, 10))
    assert {(t.kind, t.workspace_id) for t in found} == {
        ("suppressed_contact", f"workspace {n}") for n in range(6)
    }
    assert {t.address_key for t in found} == {PHONE}
    same_again_and_from_zero(told.log, database_url, [timers.PROJECTION])


def test_a_suppressed_contact_is_found_until_it_is_finished(database_url: str) -> None:
    told = Told(database_url, [*BEGUN, ENROLLED, SUPPRESSED])
    assert told.crossings() == [("suppressed_contact", ANN, 6)]
    assert told.crossings(since=5) == [("suppressed_contact", ANN, 6)]
    assert told.crossings(since=6) == []
    told.tell(FINISHED)
    assert told.crossings() == []
    same_again_and_from_zero(told.log, database_url, [timers.PROJECTION])


def test_a_new_address_that_is_suppressed_is_found_and_a_lifted_one_is_not(database_url: str) -> None:
    other = uuid5(PHONE, "other")
    told = Told(database_url, [*BEGUN, ENROLLED, (other, SuppressionAdded(reason="asked", source="person"))])
    assert told.crossings() == []
    told.tell(
        (
            ANN,
            ContactProfileChanged(
                priority=Priority.NORMAL,
                address_keys=(AddressKey(channel=Channel.PHONE, key=other),),
                private=ContactPrivate(phone="+49309999"),
            ),
        )
    )
    assert told.crossings(since=6) == [("suppressed_contact", ANN, 7)]
    told.tell((other, SuppressionLifted(reason="agreed")))
    assert told.crossings() == []
    same_again_and_from_zero(told.log, database_url, [timers.PROJECTION])


def test_a_channel_that_the_campaign_does_not_use_does_not_concern_it(database_url: str) -> None:
    told = Told(database_url, [*BEGUN, ENROLLED, (MAIL, SuppressionAdded(reason="asked", source="person"))])
    assert told.crossings() == []


def test_a_suppression_concerns_no_campaign_that_is_over(database_url: str) -> None:
    told = Told(database_url, [*BEGUN, ENROLLED, (CAMPAIGN, CampaignCancelled(reason="budget")), SUPPRESSED])
    assert told.crossings() == []


def test_an_enrolment_after_the_end_is_late_and_one_before_it_is_not(database_url: str) -> None:
    bob = uuid5(CAMPAIGN, "bob")
    cancelled = (CAMPAIGN, CampaignCancelled(reason="budget"))
    told = Told(database_url, [*BEGUN, ENROLLED, cancelled, (bob, ENROLLED[1])])
    assert told.crossings() == [("campaign_over", bob, 7)]
    assert told.crossings(since=7) == []
    told.tell((bob, ContactFinished(outcome=FinishOutcome.CAMPAIGN_OVER)))
    assert told.crossings() == []
    same_again_and_from_zero(told.log, database_url, [timers.PROJECTION])


def test_whoever_was_never_called_when_all_were_processed_was_enrolled_late(database_url: str) -> None:
    processed = (CAMPAIGN, CampaignAudienceProcessed(drain_until=EPOCH))
    bob, eve = uuid5(CAMPAIGN, "bob"), uuid5(CAMPAIGN, "eve")
    retried = [(eve, ENROLLED[1]), (eve, ContactCallPlaced(attempt=1, settings_version=1, lost_at=EPOCH))]
    told = Told(database_url, [*BEGUN, *retried, ENROLLED, processed, (bob, ENROLLED[1])])
    assert told.crossings() == [("campaign_over", ANN, 8), ("campaign_over", bob, 9)]
    assert told.crossings(since=7) == [("campaign_over", ANN, 8), ("campaign_over", bob, 9)]
    assert told.crossings(since=8) == [("campaign_over", bob, 9)]
    told.tell((CAMPAIGN, CampaignReopened()))
    assert told.crossings() == []


def scored(score: int) -> tuple[UUID, Fact]:
    return (NUMBER, SenderSpamScoreReported(score=score, source="carrier"))


ASSIGNED = (CAMPAIGN, CampaignSenderAssigned(sender_id=NUMBER))
REGISTERED = (NUMBER, SenderRegistered(channel=Channel.PHONE, friendly_name="Main", address="+4930"))


def test_a_spam_score_that_reaches_the_threshold_is_judged_in_every_campaign_of_the_sender(
    database_url: str,
) -> None:
    told = Told(database_url, [*BEGUN, REGISTERED, ASSIGNED, scored(6)])
    assert told.spam() == []
    told.tell(scored(7))
    assert told.spam() == [(NUMBER, CAMPAIGN, 7)]
    told.tell((CAMPAIGN, CampaignSenderDisabled(sender_id=NUMBER)))
    assert told.spam() == [(NUMBER, CAMPAIGN, 7)]
    told.tell((CAMPAIGN, CampaignSenderExcluded(sender_id=NUMBER, score=7, threshold=7)))
    assert told.spam() == []
    same_again_and_from_zero(told.log, database_url, [timers.PROJECTION])


def test_a_reinstated_sender_is_judged_by_a_new_report_only(database_url: str) -> None:
    excluded = (CAMPAIGN, CampaignSenderExcluded(sender_id=NUMBER, score=8, threshold=7))
    reinstated = (CAMPAIGN, CampaignSenderReinstated(sender_id=NUMBER, report_version=2))
    told = Told(database_url, [*BEGUN, REGISTERED, scored(8), ASSIGNED, excluded, reinstated])
    assert told.spam() == []
    told.tell((CAMPAIGN, CampaignSenderUnassigned(sender_id=NUMBER)), ASSIGNED)
    assert told.spam() == []
    told.tell(scored(8))
    assert told.spam() == [(NUMBER, CAMPAIGN, 8)]
    told.tell((CAMPAIGN, CampaignSenderUnassigned(sender_id=NUMBER)))
    assert told.spam() == []


def test_a_lowered_threshold_is_judged_at_once_and_an_ended_campaign_not_at_all(database_url: str) -> None:
    told = Told(database_url, [*BEGUN, REGISTERED, scored(5), ASSIGNED])
    assert told.spam() == []
    lowered = CampaignSettingsChanged(
        settings_version=2, before=CampaignSettings(), after=CampaignSettings(spam_threshold=5)
    )
    told.tell((CAMPAIGN, lowered))
    assert told.spam() == [(NUMBER, CAMPAIGN, 5)]
    told.tell((CAMPAIGN, CampaignCancelled(reason="budget")))
    assert told.spam() == []
