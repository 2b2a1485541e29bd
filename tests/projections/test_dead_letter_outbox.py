"""What is parked is copied to the topic of dead letters behind the commit, at least once; nothing waits."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from uuid import uuid5

import psycopg
import pytest

from drumbeat.projections.dead_letter_outbox import Outbox
from drumbeat.projections.dead_letters import Choice, Parked, dead_letters
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.cluster import KafkaAway
from drumbeat.transport.dead_letter_records import DeadLetter, DeadLetterTooLarge
from support.lossy import LossyTopic
from support.machine import until
from support.projecting import CAMPAIGN, ListLog, project
from support.sealing import KEYS
from support.toys import ENROLLED, MARK, POISON, SEEN, TALLIES

pytestmark = pytest.mark.postgres
ONE = uuid5(CAMPAIGN, "one")


class MemoryTopic:
    """A topic that the test can have away, or too small for some."""

    def __init__(self) -> None:
        self.taken: list[DeadLetter] = []
        self.is_away = False
        self.ends_after: int | None = None
        self.too_large = 0
        self.opened = 0

    def open(self) -> "MemoryTopic":
        if self.is_away:
            raise KafkaAway("no broker answers")
        self.opened += 1
        return self

    def write(self, letter: DeadLetter, time: datetime) -> None:
        if self.ends_after is not None and len(self.taken) >= self.ends_after:
            raise KafkaAway("the brokers have gone")
        if letter.position == self.too_large:
            raise DeadLetterTooLarge("too large")
        self.taken.append(letter)

    def close(self) -> None:
        pass


@pytest.fixture
def parked(database_url: str) -> list[Parked]:
    """Four events of one stream, of which the first is poison, and a record of nobody's."""
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK, MARK)
    log.tell_raw("contact.paused.v9", b"{}")
    options = ProjectorOptions(poll_seconds=0.01)
    topic = LossyTopic(log)
    Projector(topic, database_url, [TALLIES, SEEN], options, heal=topic.heal, ask=KEYS).run_until(len(log.rows))
    with dead_letters(database_url) as letters:
        found = list(letters.everything(Choice()))
    assert len(found) == 5
    return found


@pytest.fixture
def topic() -> MemoryTopic:
    return MemoryTopic()


@pytest.fixture
def outbox(database_url: str, topic: MemoryTopic) -> Iterator[Outbox]:
    with closing(Outbox(database_url, topic.open)) as made:
        yield made


def test_everything_that_is_parked_is_copied_once_in_its_order(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic, database_url: str
) -> None:
    assert outbox.copy() == 5
    assert outbox.copy() == 0
    assert topic.opened == 1
    assert [(one.position, one.source_offset, one.projection) for one in topic.taken] == [
        (2, 1, "tallies"), (3, 2, "tallies"), (4, 3, "tallies"), (5, 4, "tallies"), (None, 5, "*"),
    ]  # fmt: skip
    assert {(one.source_topic, one.source_partition) for one in topic.taken} == {("drumbeat.contacts", 0)}
    assert [one.record for one in topic.taken] == [one.bytes for one in parked]
    assert topic.taken[0].reason == "ValueError: this one is not to my taste"
    assert topic.taken[1].reason == "waits behind an earlier event of its stream"
    assert len({one.id for one in topic.taken}) == 5
    with dead_letters(database_url) as letters:
        assert all(one.published_at is not None for one in letters.everything(Choice()))


def test_brokers_that_are_away_delay_the_copies_and_lose_none(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic
) -> None:
    topic.is_away = True
    stop = threading.Event()
    thread = threading.Thread(target=outbox.run, args=[stop])
    thread.start()
    try:
        assert until(lambda: outbox.stats.fault == "no broker answers")
        topic.is_away = False
        assert until(lambda: len(topic.taken) == 5)
        assert until(lambda: outbox.stats.fault is None)
    finally:
        stop.set()
        thread.join()


def test_what_the_brokers_took_before_they_went_is_not_written_again_and_the_rest_follows(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic
) -> None:
    topic.ends_after = 2
    with pytest.raises(KafkaAway):
        outbox.copy()
    topic.ends_after = None
    assert outbox.copy() == 3
    assert [one.source_offset for one in topic.taken] == [1, 2, 3, 4, 5]


def test_what_was_written_and_not_noted_is_written_again_under_the_same_id(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic, database_url: str
) -> None:
    outbox.copy()
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute("UPDATE readmodel.parked_events SET published_at = NULL")
    outbox.copy()
    assert [one.id for one in topic.taken[:5]] == [one.id for one in topic.taken[5:]]


def test_one_that_no_broker_takes_holds_no_other_up(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic
) -> None:
    topic.too_large = 3
    with pytest.raises(DeadLetterTooLarge):
        outbox.copy()
    assert outbox.copy() == 3
    assert [one.position for one in topic.taken] == [2, 4, 5, None]


def test_of_two_outboxes_one_copies_and_the_other_follows_it(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic, database_url: str
) -> None:
    with closing(Outbox(database_url, topic.open)) as second:
        assert outbox.copy() == 5
        with closing(psycopg.connect(database_url, autocommit=True)) as connection:
            connection.execute("UPDATE readmodel.parked_events SET published_at = NULL WHERE position = 2")
        assert second.copy() == 0
        outbox.close()
        # The database gives the lock back when it has seen the connection end.
        assert until(lambda: second.copy() == 1)


def test_what_is_left_when_the_projector_ends_is_copied_first(
    parked: list[Parked], outbox: Outbox, topic: MemoryTopic
) -> None:
    stop = threading.Event()
    stop.set()
    outbox.run(stop)
    assert len(topic.taken) == 5


def test_what_is_parked_from_the_log_itself_is_copied_nowhere(
    database_url: str, outbox: Outbox, topic: MemoryTopic
) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON)
    project(log, database_url, [TALLIES, SEEN])
    assert outbox.copy() == 0
    assert topic.opened == 0
