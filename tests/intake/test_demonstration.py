"""The demonstration: the same for the same seed, loaded once, begun anew when it was interrupted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from drumbeat.access import person, provider, system
from drumbeat.commands.campaign import DeleteCampaign, DraftCampaign, RenameCampaign
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import Appended, LedgerUnavailable, Once, VersionConflict
from drumbeat.commands.loop import Idempotency
from drumbeat.events import Event, Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced
from drumbeat.events.campaign import CampaignActivated, CampaignDeleted, CampaignDrafted, CampaignPaused
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.values import CampaignKind, CampaignSource
from drumbeat.intake.buffered import BufferedLedger
from drumbeat.intake.demonstration import Demonstration, Interrupted
from drumbeat.intake.demonstration_plan import CLOSES_HOUR, NAME, OPENS_HOUR, ZONE
from drumbeat.intake.simulator import MOST_PEOPLE, people
from support.memory_ledger import MemoryLedger

NOW = datetime(2026, 3, 18, 11, 30, tzinfo=UTC)
PEOPLE = 40


class OneKey:
    """The same secret for every workspace."""

    def key(self, workspace_id: str) -> bytes:
        return b"k" * 32


def demonstration(ledger: MemoryLedger, *, now: datetime = NOW, seed: int = 1) -> Demonstration:
    return Demonstration(
        ledger=ledger,
        commands_on=lambda one: Commands(one, OneKey()),
        person=person(),
        provider=provider("dialler"),
        policies=system("policies"),
        now=now,
        people=PEOPLE,
        seed=seed,
        kept_events=50,
    )


@pytest.fixture(scope="module")
def loaded() -> MemoryLedger:
    ledger = MemoryLedger()
    demonstration(ledger).load(stop=Flag())
    return ledger


def facts(ledger: MemoryLedger) -> list[Fact]:
    return [event.fact for event in ledger.log]


def of(ledger: MemoryLedger, kind: type[Fact]) -> Iterator[Event[Fact]]:
    return (event for event in ledger.log if isinstance(event.fact, kind))


def test_the_same_seed_gives_the_same_facts(loaded: MemoryLedger) -> None:
    again = MemoryLedger()
    demonstration(again).load(stop=Flag())
    assert facts(again) == facts(loaded)
    assert [event.time for event in again.log] == [event.time for event in loaded.log]


def test_another_day_moves_it_and_changes_nothing_else(loaded: MemoryLedger) -> None:
    later = MemoryLedger()
    demonstration(later, now=NOW + timedelta(days=70)).load(stop=Flag())
    assert Counter(type(fact) for fact in facts(later)) == Counter(type(fact) for fact in facts(loaded))


def test_another_seed_gives_another_campaign(loaded: MemoryLedger) -> None:
    other = MemoryLedger()
    demonstration(other, seed=2).load(stop=Flag())
    assert facts(other) != facts(loaded)


def test_it_says_that_it_is_a_demonstration_and_still_runs(loaded: MemoryLedger) -> None:
    (drafted,) = of(loaded, CampaignDrafted)
    assert isinstance(drafted.fact, CampaignDrafted)
    assert drafted.fact.source is CampaignSource.DEMONSTRATION
    assert facts(loaded)[-1].model_dump()["after"] == NAME
    assert len(list(of(loaded, CampaignActivated))) == 1
    assert len(list(of(loaded, CampaignPaused))) == 1
    assert len(list(of(loaded, CampaignGoalDefined))) == 2
    assert len(list(of(loaded, ContactEnrolled))) == PEOPLE
    assert len(list(of(loaded, ContactFinished))) < PEOPLE


def test_every_call_lies_in_business_hours_of_the_past_and_ends(loaded: MemoryLedger) -> None:
    placed = list(of(loaded, ContactCallPlaced))
    assert len(placed) > PEOPLE
    for event in placed:
        local = event.time.astimezone(ZoneInfo(ZONE))
        assert local.weekday() < 5
        assert OPENS_HOUR <= local.hour < CLOSES_HOUR
    assert len(list(of(loaded, ContactCallEnded))) == len(placed)
    assert max(event.time for event in loaded.log) < NOW


def test_the_log_is_in_the_order_of_simulated_time(loaded: MemoryLedger) -> None:
    times = [event.time for event in loaded.log]
    assert times == sorted(times)


def test_loading_it_again_writes_nothing(loaded: MemoryLedger) -> None:
    before = len(loaded.log)
    again = demonstration(loaded, now=NOW + timedelta(days=9)).load(stop=Flag())
    assert again.repeated
    assert len(loaded.log) == before


def test_an_interrupted_one_is_deleted_and_begun_anew() -> None:
    ledger, stop = MemoryLedger(), Flag()

    def give_up_half_way(share: float) -> None:
        if share > 0.4:
            stop.set()

    with pytest.raises(Interrupted):
        demonstration(ledger).load(stop=stop, on_progress=give_up_half_way)
    second = demonstration(ledger).load(stop=Flag())
    assert not second.repeated
    assert len(list(of(ledger, CampaignDrafted))) == 2
    (deleted,) = of(ledger, CampaignDeleted)
    assert deleted.stream_id != second.campaign_id
    assert demonstration(ledger).load(stop=Flag()).campaign_id == second.campaign_id


@pytest.mark.parametrize("limit", [1, 7, 60, 200])
def test_it_is_begun_anew_wherever_it_broke_off(limit: int) -> None:
    ledger = BreaksOff(limit)
    with pytest.raises(LedgerUnavailable):
        demonstration(ledger).load(stop=Flag())
    assert len(ledger.log) <= limit
    ledger.limit = None
    assert not demonstration(ledger).load(stop=Flag()).repeated
    assert demonstration(ledger).load(stop=Flag()).repeated


class BreaksOff(MemoryLedger):
    """A ledger that goes away when it holds so many events; what is written then is lost, whole."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit: int | None = limit

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        for event in events:
            if self.limit is not None and len(self.log) >= self.limit:
                raise LedgerUnavailable("gone")
            super().append([event], once=once)
        return Appended((), len(self.log))


def test_what_is_written_behind_is_what_would_have_been_written_at_once() -> None:
    behind, at_once = MemoryLedger(), MemoryLedger()
    buffered = BufferedLedger(behind, limit_events=3)
    draft = DraftCampaign(campaign_id=UUID(int=7), kind=CampaignKind.VOICE_AGENT, name="one")
    rename = RenameCampaign(campaign_id=UUID(int=7), name="two")
    for ledger in (buffered, at_once):
        commands = Commands(ledger, OneKey())
        commands.execute(draft, person(), now=NOW)
        commands.execute(rename, person(), now=NOW)
        assert commands.execute(rename, person(), now=NOW).facts == ()
    assert behind.log == []
    buffered.flush()
    assert facts(behind) == facts(at_once)
    keyed = Commands(buffered, OneKey())
    first = keyed.execute(
        DeleteCampaign(campaign_id=UUID(int=7)), person(), now=NOW, idempotency=Idempotency(key="k")
    )
    assert behind.log[-1].fact == first.facts[0]


def test_two_writers_on_one_stream_are_told() -> None:
    ledger = MemoryLedger()
    draft = DraftCampaign(campaign_id=UUID(int=7), kind=CampaignKind.VOICE_AGENT, name="one")
    Commands(ledger, OneKey()).execute(draft, person(), now=NOW)
    buffered = BufferedLedger(ledger)
    Commands(buffered, OneKey()).execute(RenameCampaign(campaign_id=UUID(int=7), name="b"), person(), now=NOW)
    Commands(ledger, OneKey()).execute(RenameCampaign(campaign_id=UUID(int=7), name="a"), person(), now=NOW)
    with pytest.raises(VersionConflict):
        buffered.flush()


def test_people_are_all_different_and_reachable_in_fiction_only() -> None:
    everybody = people(1, MOST_PEOPLE)
    assert len({one.phone for one in everybody}) == len({one.reference for one in everybody}) == MOST_PEOPLE
    assert all(one.phone[5:8] == "555" and one.phone[8:10] == "01" for one in everybody)
    assert len({one.zone for one in everybody}) > 4
    with pytest.raises(ValueError, match="1 to 2,000"):
        people(1, MOST_PEOPLE + 1)
