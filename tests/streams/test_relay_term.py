"""A relay's term by itself: what it checkpoints, marks and reads, whatever its publisher does."""

from collections.abc import Sequence
from threading import Event
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.transport import relay_term
from drumbeat.transport.cluster import KafkaAway, KafkaUnfit
from drumbeat.transport.leadership import LeadershipLost
from drumbeat.transport.relay_stats import RelayStats
from drumbeat.transport.relay_term import Term, TermOptions, Window
from drumbeat.transport.source import Batch, Checkpoint, LogRow
from support.publishers import MemoryLeader, MemoryPublisher, rows

AT_ONCE = TermOptions(
    batch_events=4,
    window_events=16,
    beat_seconds=0,
    checkpoint_seconds=0,
    idle_checkpoint_seconds=0,
    drain_seconds=0,
)


class ListSource:
    """A log that is a list."""

    def __init__(self, log: Sequence[LogRow]) -> None:
        self.log = list(log)

    def read(self, after: int, limit: int) -> Batch:
        found = [row for row in self.log if row.position > after][:limit]
        return Batch(found, found[-1].position if found else after, self.log[-1].position if self.log else after)

    def wait(self, timeout_seconds: float) -> bool:
        return False

    def verify_event(self, position: int, event_id: UUID) -> None:
        return


class World:
    """A term over a list, a publisher of memory and a leader of memory."""

    def __init__(
        self,
        log: Sequence[LogRow],
        publisher: MemoryPublisher | None = None,
        *,
        options: TermOptions = AT_ONCE,
        leader: MemoryLeader | None = None,
        window: Window | None = None,
    ) -> None:
        self.publisher = publisher or MemoryPublisher()
        self.leader = leader or MemoryLeader()
        self.window = window or Window(options)
        self.stats = RelayStats()
        self.source = ListSource(log)
        self.term = Term(
            self.source,
            self.publisher,
            self.leader,
            Checkpoint(self.leader.position, None),
            window=self.window,
            stats=self.stats,
            options=options,
        )

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.term.step()

    @property
    def checkpoint(self) -> int:
        return self.leader.position


def positions(found: Sequence[LogRow]) -> list[int]:
    return [row.position for row in found]


def test_the_checkpoint_moves_after_the_acknowledgements_and_not_before() -> None:
    world = World(rows(8))
    world.steps(3)
    assert positions(world.publisher.sent) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert world.checkpoint == 0
    world.publisher.acknowledge(batches=1)
    world.steps(1)
    assert world.checkpoint == 4
    world.publisher.acknowledge()
    world.steps(1)
    assert (world.checkpoint, world.stats.position, world.stats.events) == (8, 8, 8)


def test_a_failure_ends_the_term_and_nothing_after_it_is_checkpointed_or_sent() -> None:
    world = World(rows(12))
    world.steps(1)
    world.publisher.acknowledge(batches=1)
    world.steps(1)
    assert world.checkpoint == 4
    world.publisher.fail(KafkaUnfit("event 5 is too large"))
    sent = len(world.publisher.sent)
    with pytest.raises(KafkaUnfit):
        world.term.run(Event())
    assert world.checkpoint == 4
    assert len(world.publisher.sent) == sent


def test_silence_of_the_brokers_ends_the_term() -> None:
    world = World(rows(4))
    world.steps(1)
    world.publisher.be_overdue()
    with pytest.raises(KafkaAway):
        world.term.run(Event())
    assert world.checkpoint == 0


def test_a_relay_that_no_longer_leads_ends_its_term_before_it_sends_more() -> None:
    world = World(rows(8))
    world.steps(1)
    world.leader.lost = True
    with pytest.raises(LeadershipLost):
        world.steps(1)
    assert positions(world.publisher.sent) == [1, 2, 3, 4]


def test_a_checkpoint_that_another_one_moved_is_not_moved() -> None:
    world = World(rows(4))
    world.steps(1)
    world.publisher.acknowledge()
    world.leader.position = 9
    with pytest.raises(LeadershipLost):
        world.steps(1)
    assert world.leader.moves == []


def test_a_term_begins_with_a_watermark_at_its_checkpoint() -> None:
    world = World([], leader=MemoryLeader(7))
    world.steps(1)
    assert [position for position, _ in world.publisher.watermarks] == [7]
    world.publisher.acknowledge_mark()
    world.steps(3)
    assert [position for position, _ in world.publisher.watermarks] == [7]
    assert world.stats.marked == 7


def test_a_watermark_says_only_what_is_acknowledged() -> None:
    world = World(rows(8), MemoryPublisher())
    world.steps(3)
    world.publisher.acknowledge_mark()
    world.publisher.acknowledge(batches=1)
    world.steps(2)
    assert world.publisher.watermarks == [(0, 0), (4, 4)]


class Hand:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_after_a_rest_an_event_is_sent_at_once_and_its_watermark_when_it_is_acknowledged() -> None:
    hand = Hand()
    with mock.patch.object(relay_term, "monotonic", hand):
        world = World([], options=TermOptions(beat_seconds=1.0))
        world.steps(1)
        world.publisher.acknowledge_mark()
        hand.seconds += 5
        world.steps(1)
        world.source.log += rows(1)
        world.steps(1)
        assert positions(world.publisher.sent) == [1]
        hand.seconds += 0.1
        world.publisher.acknowledge()
        world.steps(1)
        assert world.publisher.watermarks[-1] == (1, 1)


def test_events_that_come_one_by_one_are_gathered_for_a_beat_and_watermarks_go_with_them() -> None:
    hand = Hand()
    with mock.patch.object(relay_term, "monotonic", hand):
        world = World(rows(1), options=TermOptions(beat_seconds=1.0))
        world.steps(1)
        world.publisher.acknowledge_mark()
        for number in (2, 3, 4):
            world.source.log[:] = rows(number)
            hand.seconds += 0.2
            world.publisher.acknowledge()
            world.steps(2)
        assert positions(world.publisher.sent) == [1]
        hand.seconds += 0.5
        world.steps(1)
        assert positions(world.publisher.sent) == [1, 2, 3, 4]
        assert world.publisher.watermarks[-1] == (1, 1)
        world.publisher.acknowledge_mark()
        world.publisher.acknowledge()
        world.steps(2)
        assert world.publisher.watermarks[-1] == (1, 1)
        world.source.log[:] = rows(5)
        hand.seconds += 1
        world.steps(1)
        assert positions(world.publisher.sent) == [1, 2, 3, 4, 5]
        assert world.publisher.watermarks[-1] == (4, 4)


def test_what_is_under_way_is_bounded_in_events() -> None:
    world = World(rows(100))
    world.steps(20)
    assert len(world.publisher.sent) <= 16
    world.publisher.acknowledge()
    world.steps(20)
    assert 16 < len(world.publisher.sent) <= 32


def test_what_is_under_way_is_bounded_in_bytes() -> None:
    options = TermOptions(batch_events=1_000, window_events=100_000, window_bytes=1_000_000, beat_seconds=0)
    world = World(rows(5_000, size=10_000), options=options)
    world.steps(20)
    # Of events that are larger than usual the first bite is too large, once.
    assert 100 <= len(world.publisher.sent) <= 1_000
    world.publisher.acknowledge()
    sent = len(world.publisher.sent)
    world.steps(20)
    assert len(world.publisher.sent) - sent <= 101


def test_a_stop_waits_for_what_is_under_way_and_checkpoints_it() -> None:
    options = TermOptions(batch_events=4, window_events=16, drain_seconds=5)
    world = World(rows(8), MemoryPublisher(acknowledges=True), options=options)
    world.steps(2)
    stop = Event()
    stop.set()
    world.term.run(stop)
    assert world.checkpoint == 8
    assert world.publisher.marked == 8


def test_an_event_that_is_never_taken_is_left_alone_in_its_term_after_a_few() -> None:
    log, leader, window = rows(200), MemoryLeader(), Window(AT_ONCE)
    published: list[int] = []
    for _ in range(8):
        publisher = MemoryPublisher(acknowledges=True, refuses=77)
        world = World(log, publisher, leader=leader, window=window)
        with pytest.raises(KafkaAway):
            world.steps(300)
        window.shrink()
        published.append(len(publisher.sent))
    assert leader.position == 76
    assert published[-1] == 1


def test_terms_grow_again_after_what_was_in_the_way_is_gone() -> None:
    window = Window(AT_ONCE)
    for _ in range(5):
        window.shrink()
    world = World(rows(200), MemoryPublisher(acknowledges=True), window=window)
    world.steps(1)
    assert len(world.publisher.sent) == 1
    world.steps(60)
    assert world.checkpoint == 200


@given(st.lists(st.tuples(st.sampled_from(["step", "acknowledge", "mark", "fail"]), st.integers(1, 3))))
def test_whatever_happens_checkpoints_and_watermarks_rise_and_cover_only_what_is_acknowledged(
    acts: list[tuple[str, int]],
) -> None:
    log, leader, window = rows(40), MemoryLeader(), Window(AT_ONCE)
    acknowledged: set[int] = set()
    world = World(log, leader=leader, window=window)
    for act, count in acts:
        match act:
            case "acknowledge":
                world.publisher.acknowledge(count)
                acknowledged |= set(positions(world.publisher.acknowledged))
            case "mark":
                world.publisher.acknowledge_mark()
            case "fail":
                world.publisher.fail(KafkaAway("away"))
                with pytest.raises(KafkaAway):
                    world.steps(1)
                window.shrink()
                world = World(log, leader=leader, window=window)
            case _:
                world.steps(count)
        assert set(range(1, leader.position + 1)) <= acknowledged
        marked = [position for position, _ in world.publisher.watermarks]
        assert marked == sorted(set(marked))
        assert all(set(range(1, position + 1)) <= acknowledged for position in marked)
    moves = [move.position for move in leader.moves]
    assert moves == sorted(set(moves))
