"""A storm of a minute over three brokers, Postgres and every process; tests/chaos blows it."""

import random
from pathlib import Path

import pytest

from chaos.plan import FOREIGN_RECORDS, LONG, POISON_EVENTS, PROJECTORS, RELAYS, SHORT, VICTIMS, Kind, make_plan
from chaos.run import run


def test_a_plan_follows_from_its_seed_alone() -> None:
    assert make_plan(7, LONG) == make_plan(7, LONG)
    assert make_plan(7, LONG) != make_plan(8, LONG)


@pytest.mark.parametrize("size", [SHORT, LONG])
def test_every_victim_and_every_kind_of_fault_is_in_every_plan(size: object) -> None:
    assert isinstance(size, type(SHORT))
    for seed in range(20):
        plan = make_plan(seed, size)
        met = {kind: {fault.target for fault in plan if fault.kind is kind} for kind in Kind}
        assert met[Kind.KILL] == set(VICTIMS)
        assert met[Kind.FOREIGN] == set(FOREIGN_RECORDS)
        assert met[Kind.POISON] == set(POISON_EVENTS)
        assert met[Kind.PAUSE]
        assert met[Kind.SUSPEND] <= {*PROJECTORS, *RELAYS}
        assert len(met[Kind.SUSPEND]) > 1
        assert [fault.at_seconds for fault in plan] == sorted(fault.at_seconds for fault in plan)


@pytest.mark.chaos
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(240)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed_paused_or_poisoned(
    kafka_goes_away: None, kafka_programs: Path, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    figures = run(tmp_path, seed, make_plan(seed, SHORT), writers=3, aloud=True)
    print("\n".join(figures.lines()))  # noqa: T201  CI keeps what was measured
    assert figures.is_well, "\n".join(figures.lines())
