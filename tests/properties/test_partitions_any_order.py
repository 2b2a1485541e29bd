"""Nothing depends on order across streams, on who has which partition, or on two who believe to have the same."""

import threading
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.events import Fact
from drumbeat.events.contact import ContactPaused
from drumbeat.eventstore.healing import cannot_heal
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from support.partitioned import Member, MemoryTopics
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project
from support.rebuilding import summed_rows
from support.sealing import KEYS
from support.toys import ENROLLED, FORGET, INDIGESTIBLE, MARK, POISON, SEEN, TALLIES

pytestmark = pytest.mark.postgres
ALL = [TALLIES, SEEN]
STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(6)]

stories = st.lists(
    st.tuples(
        st.sampled_from(STREAMS),
        st.sampled_from([MARK, MARK, FORGET, ContactPaused(reason="x"), ContactPaused(reason="y")]),
    ),
    max_size=40,
)
poisoned = st.lists(
    st.tuples(st.sampled_from(STREAMS), st.sampled_from([MARK, MARK, POISON, INDIGESTIBLE])), max_size=30
)


def told(story: list[tuple[UUID, Fact]]) -> ListLog:
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for stream_id, fact in story:
        log.tell(stream_id, fact)
    return log


def fed(member: Member, url: str, batch_events: int, hot_rows: int = 50_000) -> Projector:
    options = ProjectorOptions(batch_events=batch_events, poll_seconds=0.001, hot_rows=hot_rows)
    return Projector(member, url, ALL, options, heal=cannot_heal, ask=KEYS)


def agrees(log: ListLog, url: str) -> None:
    project(log, url, ALL, generation="from_log")
    for projection in ALL:
        assert summed_rows(url, projection, "gen_1") == summed_rows(url, projection, "from_log")


@pytest.mark.long
@settings(max_examples=15)
@given(
    story=stories,
    partitions=st.integers(1, 4),
    batch_events=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 46), max_size=4),
    seed=st.integers(0, 10_000),
)
def test_any_order_across_partitions_gives_the_rows_of_the_log(
    postgres_server: TestServer,
    story: list[tuple[UUID, Fact]],
    partitions: int,
    batch_events: int,
    cuts: list[int],
    seed: int,
) -> None:
    log = told(story)
    there = MemoryTopics(partitions)
    with postgres_server.fresh_database() as url:
        projector = fed(Member(there, seed), url, batch_events)
        done = 0
        for cut in [*sorted(min(cut, len(log.rows)) for cut in cuts), len(log.rows)]:
            # A relay that was killed begins a little before where it ended.
            there.publish(log.rows[max(0, done - 5) : cut])
            projector.run_until(log.rows[cut - 1].position if cut else 0)
            done = max(done, cut)
        assert projector.stats.parked == 0
        agrees(log, url)


@pytest.mark.long
@settings(max_examples=10)
@given(
    story=stories,
    owners=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5),
    batch_events=st.integers(1, 20),
)
def test_partitions_that_change_hands_lose_and_double_nothing(
    postgres_server: TestServer,
    story: list[tuple[UUID, Fact]],
    owners: list[list[bool]],
    batch_events: int,
) -> None:
    log = told(story)
    there = MemoryTopics(4)
    names = sorted(there.records)
    with postgres_server.fresh_database() as url:
        members = [Member(there, seed) for seed in (1, 2)]
        projectors = [fed(member, url, batch_events) for member in members]
        step = max(1, len(log.rows) // len(owners))
        for turn, firsts in enumerate([*owners, [True] * 4]):
            end = len(log.rows) if turn == len(owners) else min(len(log.rows), (turn + 1) * step)
            there.publish(log.rows[turn * step : end] or log.rows[-1:])
            mine = frozenset(name for name, first in zip(names, firsts, strict=True) if first)
            for member, projector, assigned in zip(
                members, projectors, (mine, frozenset(names) - mine), strict=True
            ):
                member.reassign(assigned)
                if assigned:
                    projector.run_until(log.rows[end - 1].position)
        agrees(log, url)


@settings(max_examples=6)
@given(story=stories, batch_events=st.integers(1, 12))
def test_two_who_both_believe_to_have_every_partition_apply_each_event_once(
    postgres_server: TestServer, story: list[tuple[UUID, Fact]], batch_events: int
) -> None:
    log = told(story)
    there = MemoryTopics(3)
    there.publish(log.rows)
    with postgres_server.fresh_database() as url:
        fed(Member(there, 0), url, batch_events).run_until(0)
        projectors = [fed(Member(there, seed), url, batch_events, hot_rows=3) for seed in (1, 2)]
        threads = [threading.Thread(target=one.run_until, args=[len(log.rows)]) for one in projectors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(projector.stats.events for projector in projectors) == len(log.rows)
        agrees(log, url)


@settings(max_examples=10)
@given(story=poisoned, batch_events=st.integers(1, 20), seed=st.integers(0, 100))
def test_poison_stops_the_same_streams_at_the_same_events_as_in_the_log(
    postgres_server: TestServer, story: list[tuple[UUID, Fact]], batch_events: int, seed: int
) -> None:
    log = told(story)
    there = MemoryTopics(3)
    there.publish(log.rows)
    with postgres_server.fresh_database() as url:
        projector = fed(Member(there, seed), url, batch_events)
        projector.run_until(len(log.rows))
        from_log = project(log, url, ALL, generation="from_log")
        assert projector.stats.parked == from_log.stats.parked
        agrees(log, url)
