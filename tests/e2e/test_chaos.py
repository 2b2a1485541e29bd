"""A storm of a minute over three brokers, Postgres and every process; tests/chaos blows it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.plan import FOREIGN_RECORDS, LONG, POISON_EVENTS, PROJECTORS, RELAYS, SHORT, VICTIMS, Kind, make_plan

_LONGEST_SECONDS = 240


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
@pytest.mark.timeout(300)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed_paused_or_poisoned(
    kafka_programs: Path, tmp_path: Path
) -> None:
    """In a process of its own: the library leaves sockets of brokers that were killed to the garbage collector."""
    blowing = subprocess.Popen(
        [sys.executable, "-m", "chaos", "short", "--folder", str(tmp_path / "storm")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with blowing:
        try:
            told, _ = blowing.communicate(timeout=_LONGEST_SECONDS)
        finally:
            blowing.terminate()  # it then ends everything that it has started
    sys.stderr.write(told)
    assert blowing.returncode == 0, told
