"""Events that Kafka lost stop their stream until the log gives them; what else of it is parked keeps its place."""

from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.events import Fact
from drumbeat.projections.dead_letters import Choice, Parked, dead_letters
from drumbeat.projections.engine.feeding import FeedChanged
from drumbeat.projections.engine.projector import Projector, ProjectorOptions, TooManyParked
from drumbeat.transport.records import KafkaRow
from support.lossy import PARTITION, LossyTopic
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.sealing import KEYS
from support.toys import ENROLLED, FORGET, MARK, POISON, SEEN, TABLES, TALLIES, cured

pytestmark = pytest.mark.postgres
ONE, TWO = (uuid5(CAMPAIGN, name) for name in ("one", "two"))
BOTH = [TALLIES, SEEN]


def parked(url: str) -> list[tuple[str, str, int]]:
    """Kind, projection and position of what is parked, in the log's order."""
    return [(one.kind, one.projection, one.position) for one in whole(url)]


def whole(url: str) -> list[Parked]:
    with dead_letters(url) as letters:
        return sorted(letters.everything(Choice()), key=lambda one: (one.position, one.projection))


def everything(url: str, generation: str = "gen_1") -> list[list[dict[str, Any]]]:
    tables = [rows_of(url, f"{generation}.{table}", ["shard"]) for table in TABLES]
    return [[row for row in rows if row.get("value") != 0] for rows in tables]


def consume(topic: LossyTopic, url: str, batch_events: int = 5_000) -> None:
    """Apply the topic up to its end, and try again what is due."""
    options = ProjectorOptions(batch_events=batch_events, poll_seconds=0.01, retry_look_seconds=0.01)
    Projector(topic, url, BOTH, options, heal=topic.heal, ask=KEYS).run_until(len(topic.log.rows))


def try_again(topic: LossyTopic, url: str) -> None:
    """Once, at the beginning: where nothing may be parked, it is tried before the projector gives up."""
    with dead_letters(url) as letters:
        letters.mark(None)
    options = ProjectorOptions(poll_seconds=0.01, parked_limit_events=0, retry_look_seconds=60)
    projector = Projector(topic, url, BOTH, options, heal=topic.heal, ask=KEYS)
    with suppress(TooManyParked):
        projector.run_until(len(topic.log.rows))


def as_without_loss(log: ListLog, url: str) -> list[list[dict[str, Any]]]:
    with cured():
        project(log, url, BOTH, generation="whole")
    return everything(url, "whole")


def test_a_gap_stops_its_stream_alone_and_closes_with_what_the_log_holds(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK, MARK)
    log.tell(TWO, ENROLLED, MARK)
    topic = LossyTopic(log, lost={2, 3})
    consume(topic, database_url)
    assert parked(database_url) == [("gap", "seen", 4), ("gap", "tallies", 4)]
    assert "versions 2 to 3 of the stream did not come before version 4" in str(whole(database_url)[0].error)
    log.tell(ONE, MARK)
    consume(topic, database_url)
    try_again(topic, database_url)
    assert {one.kind for one in whole(database_url)} == {"gap", "waiting"}
    topic.log_is_reachable = True
    try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)
    log.tell(ONE, MARK)
    consume(topic, database_url)
    assert everything(database_url)[0][0]["events"] + everything(database_url)[0][1]["events"] == 8


def test_poison_before_a_gap_is_not_lost_when_the_gap_closes(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK, MARK)
    topic = LossyTopic(log, lost={4})
    consume(topic, database_url)
    topic.log_is_reachable = True
    try_again(topic, database_url)
    assert parked(database_url) == [
        ("poison", "tallies", 2), ("waiting", "tallies", 3), ("waiting", "tallies", 4), ("waiting", "tallies", 5),
    ]  # fmt: skip
    assert len(rows_of(database_url, "gen_1.seen")) == 5
    with cured():
        try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)


def test_poison_behind_a_gap_holds_up_the_projection_that_chokes_and_no_other(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK, POISON, MARK)
    topic = LossyTopic(log, lost={2})
    consume(topic, database_url)
    topic.log_is_reachable = True
    try_again(topic, database_url)
    assert parked(database_url) == [("poison", "tallies", 4), ("waiting", "tallies", 5)]
    assert len(rows_of(database_url, "gen_1.seen")) == 5
    with cured():
        try_again(topic, database_url)
    assert everything(database_url) == as_without_loss(log, database_url)


def test_an_unreadable_event_has_its_place_and_is_no_gap(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK)
    good = log.rows[1]
    log.rows[1] = good._replace(type="contact.resumed.v9")
    topic = LossyTopic(log, log_is_reachable=True)
    consume(topic, database_url)
    assert parked(database_url) == [
        ("poison", "seen", 2), ("poison", "tallies", 2), ("waiting", "seen", 3), ("waiting", "tallies", 3),
    ]  # fmt: skip
    log.rows[1] = good
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute("UPDATE readmodel.parked_events SET type = %s WHERE position = 2", [good.type])
    try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)


def test_a_record_that_names_a_stream_and_no_place_in_it_is_nobodys_and_holds_nothing_up(
    database_url: str,
) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.paused.v1", b'{"subject": "%s", "data": 7}' % str(ONE).encode())
    log.tell(ONE, MARK)
    consume(LossyTopic(log), database_url)
    assert parked(database_url) == [("foreign", "*", 2)]
    assert rows_of(database_url, "gen_1.tallies")[0]["events"] == 2


def test_a_record_that_cannot_be_one_of_ours_is_parked_once_however_the_batch_is_cut(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, POISON, MARK)
    foreign = KafkaRow(1, "", b"\x00\xff", 2**62, PARTITION, 2, "it is \0 nobody's")
    topic = LossyTopic(log, extra={2: foreign}, log_is_reachable=True)
    consume(topic, database_url)
    kept = [one for one in whole(database_url) if one.kind == "foreign"]
    assert [(one.projection, one.error, one.offset, one.bytes) for one in kept] == [
        ("*", "it is \\0 nobody's", 1, b"\x00\xff")
    ]


def test_what_was_made_from_the_log_is_not_applied_again_when_a_gap_behind_it_closes(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK)
    project(log, database_url, BOTH)
    log.tell(ONE, MARK, MARK)
    topic = LossyTopic(log)
    consume(topic, database_url)
    assert {one.kind for one in whole(database_url)} == {"gap"}
    topic.log_is_reachable = True
    try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)


def test_parked_streams_wait_on_when_the_read_models_are_fed_from_elsewhere(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK)
    project(log, database_url, BOTH)
    log.tell(ONE, MARK)
    topic = LossyTopic(log, log_is_reachable=True)
    consume(topic, database_url)
    assert parked(database_url) == [
        ("poison", "tallies", 2), ("waiting", "tallies", 3), ("waiting", "tallies", 4),
    ]  # fmt: skip
    assert {one.partition for one in whole(database_url)} == {PARTITION}
    log.tell(ONE, MARK)
    project(log, database_url, BOTH)
    assert [position for _, _, position in parked(database_url)] == [2, 3, 4, 5]
    consume(topic, database_url)
    with cured():
        try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)


def test_read_models_with_an_open_gap_are_not_fed_from_elsewhere(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK)
    consume(LossyTopic(log, lost={2}), database_url)
    with pytest.raises(FeedChanged, match="waits for events that are missing"):
        project(log, database_url, BOTH)


def test_a_projection_that_catches_up_stops_at_an_open_gap_too(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK)
    topic = LossyTopic(log, lost={2})
    options = ProjectorOptions(poll_seconds=0.01, retry_look_seconds=60)
    Projector(topic, database_url, [SEEN], options, heal=topic.heal, ask=KEYS).run_until(3)
    consume(replace(topic, log_is_reachable=False), database_url)
    assert parked(database_url) == [("gap", "seen", 3), ("gap", "tallies", 3)]
    topic.log_is_reachable = True
    try_again(topic, database_url)
    assert parked(database_url) == []
    assert everything(database_url) == as_without_loss(log, database_url)


streams = st.sampled_from([ONE, TWO])
facts: st.SearchStrategy[Fact] = st.sampled_from([MARK, POISON, MARK, FORGET])
appended = st.lists(st.tuples(streams, facts, st.booleans()), max_size=8)
rounds = st.lists(
    st.tuples(appended, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 6)), min_size=1, max_size=5
)


@pytest.mark.long
@settings(max_examples=15)
@given(told=rounds)
def test_whatever_is_lost_or_poison_and_whenever_it_comes_back_the_rows_are_those_without_loss(
    postgres_server: TestServer, told: list[Any]
) -> None:
    log = ListLog()
    topic = LossyTopic(log)
    with postgres_server.fresh_database() as url:
        log.tell(ONE, ENROLLED)
        log.tell(TWO, ENROLLED)
        for events, topic.log_is_reachable, is_cured, is_tried, batch_events in told:
            for stream_id, fact, is_lost in events:
                position = log.tell(stream_id, fact)
                if is_lost:
                    topic.lost.add(position)
            with cured() if is_cured else nullcontext():
                consume(topic, url, batch_events)
                if is_tried:
                    try_again(topic, url)
        # What is lost at the end of a stream is seen when something follows.
        log.tell(ONE, MARK)
        log.tell(TWO, MARK)
        topic.log_is_reachable = True
        with cured():
            consume(topic, url)
            try_again(topic, url)
        assert parked(url) == []
        assert everything(url) == as_without_loss(log, url)
