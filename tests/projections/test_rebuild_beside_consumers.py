"""A rebuild beside consumers of topics, who stand at another place in each partition: it joins them exactly."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from drumbeat.access.person_keys import AskKeys
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.healing import FromLog
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.transport.source import Checkpoint, LogRewound, checkpoint_of
from support.partitioned import Member, MemoryTopics
from support.projecting import ListLog, into_ledger
from support.rebuilding import summed_rows
from support.sealing import KEYS
from support.story import tell_story

pytestmark = pytest.mark.postgres


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


def rebuild_of(url: str) -> Rebuild:
    return Rebuild(url, url, lambda: PROJECTIONS, keys, events_a_slice=200, sleep=lambda _seconds: None)


def told() -> ListLog:
    log = ListLog()
    tell_story(log, people=30)
    return log


def consume(topics: MemoryTopics, url: str, generation: str = GENERATION) -> None:
    """What a consumer does who reads everything that stands in the topics."""
    last = {
        name: checkpoint_of(records[-1]) if records else Checkpoint(0, next_offset=0)
        for name, records in topics.records.items()
    }
    options = ProjectorOptions(generation=generation, poll_seconds=0.01)
    with closing(FromLog(url)) as heal:
        projector = Projector(Member(topics, 7), url, PROJECTIONS, options, heal=heal, ask=KEYS)
        projector.run_to(last, timeout_seconds=30)
        assert projector.stats.parked == 0


def uneven(topics: MemoryTopics, whole: MemoryTopics, seed: int) -> MemoryTopics:
    """Of what came to the topics since they were whole, as much as chance has it in each partition."""
    chance = random.Random(seed)
    return topics.first(
        {name: chance.randint(len(whole.records[name]), len(records)) for name, records in topics.records.items()}
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_generation_is_brought_to_each_place_of_the_consumers_compared_and_goes_on_from_there(
    database_url: str, seed: int
) -> None:
    log = told()
    half = len(log.rows) // 2
    topics, early = MemoryTopics(2, by_kind=True), MemoryTopics(2, by_kind=True)
    early.publish(log.rows[:half])
    topics.publish(log.rows[:half])
    into_ledger(replace(log, rows=log.rows[:half]), database_url)
    consume(early, database_url)
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    into_ledger(replace(log, rows=log.rows[half:]), database_url)
    topics.publish(log.rows[half:])
    consume(uneven(topics, early, seed), database_url)

    rebuild.build(generation)
    assert not [one.table for one in rebuild.compare(generation) if one.differs]
    consume(uneven(topics, early, seed + 10), database_url)
    assert not [one.table for one in rebuild.compare(generation) if one.differs]

    rebuild.go_live(generation)
    for one in (GENERATION, generation):
        consume(topics, database_url, one)
    for projection in PROJECTIONS:
        assert summed_rows(database_url, projection, generation) == summed_rows(
            database_url, projection, GENERATION
        )


def test_rows_of_consumers_are_verified_at_their_places_and_a_place_above_the_log_is_named(
    database_url: str,
) -> None:
    log = told()
    half = len(log.rows) // 2
    topics = MemoryTopics(2, by_kind=True)
    topics.publish(log.rows)
    into_ledger(replace(log, rows=log.rows[:half]), database_url)
    consume(topics, database_url)
    with pytest.raises(LogRewound):
        rebuild_of(database_url).verify([PROJECTIONS[0].name])
    into_ledger(replace(log, rows=log.rows[half:]), database_url)
    found = rebuild_of(database_url).verify([projection.name for projection in PROJECTIONS])
    assert not [one.table for one in found if one.differs]


def test_consumers_who_are_behind_the_log_are_waited_for_and_then_it_is_said(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = told()
    topics = MemoryTopics(1, by_kind=True)
    topics.publish(log.rows[:40])
    into_ledger(log, database_url)
    consume(topics, database_url)
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    monkeypatch.setattr("drumbeat.projections.rebuild.switching.BEHIND_SECONDS", 0.0)
    with pytest.raises(RebuildRefused, match="is ahead of"):
        rebuild.compare(generation)
