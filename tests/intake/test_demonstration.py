"""The demonstration: the same for the same seed, loaded once, begun anew when it was interrupted."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from zoneinfo import ZoneInfo

import pytest

from drumbeat.access import person, provider, system
from drumbeat.commands.dispatch import Commands
from drumbeat.events import Event, Fact
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced
from drumbeat.events.campaign import CampaignActivated, CampaignDeleted, CampaignDrafted, CampaignPaused
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.values import CampaignSource
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
        commands=Commands(ledger, OneKey()),
        ledger=ledger,
        person=person(),
        provider=provider("dialler"),
        policies=system("policies"),
        now=now,
        people=PEOPLE,
        seed=seed,
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


@pytest.mark.parametrize("commands_before_the_end", range(0, 20, 3))
def test_it_is_begun_anew_wherever_its_preparation_broke_off(commands_before_the_end: int) -> None:
    ledger = MemoryLedger()
    given = demonstration(ledger)
    execute = given.commands.execute
    left = commands_before_the_end

    class BreaksOff(Commands):
        def execute(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return execute(*arguments, **named)  # type: ignore[arg-type]

    with suppress(KeyboardInterrupt):
        Demonstration(
            commands=BreaksOff(ledger, OneKey()),
            ledger=ledger,
            person=given.person,
            provider=given.provider,
            policies=given.policies,
            now=NOW,
            people=PEOPLE,
        ).load(stop=Flag())
    assert not demonstration(ledger).load(stop=Flag()).repeated
    assert demonstration(ledger).load(stop=Flag()).repeated


def test_people_are_all_different_and_reachable_in_fiction_only() -> None:
    everybody = people(1, MOST_PEOPLE)
    assert len({one.phone for one in everybody}) == len({one.reference for one in everybody}) == MOST_PEOPLE
    assert all(one.phone[5:8] == "555" and one.phone[8:10] == "01" for one in everybody)
    assert len({one.zone for one in everybody}) > 4
    with pytest.raises(ValueError, match="1 to 2,000"):
        people(1, MOST_PEOPLE + 1)
