"""What is parked is tried again in its stream's order, and has its effect once, as if it had never been poison."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.events import Fact
from drumbeat.events.contact import ContactPaused
from drumbeat.projections.dead_letters import Choice, Parked, dead_letters
from drumbeat.projections.engine.projector import Projector, ProjectorOptions, TooManyParked
from drumbeat.transport.source import Batch
from support.machine import until
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.sealing import KEYS
from support.toys import ENROLLED, FORGET, INDIGESTIBLE, MARK, POISON, SEEN, TABLES, TALLIES, cured

pytestmark = pytest.mark.postgres
ONE, TWO, THREE = (uuid5(CAMPAIGN, name) for name in ("one", "two", "three"))
NOTE = ContactPaused(reason="fine")
BOTH = [TALLIES, SEEN]


def parked(url: str) -> list[Parked]:
    """Everything that is parked, in the log's order."""
    with dead_letters(url) as letters:
        return sorted(letters.everything(Choice()), key=lambda one: (one.position, one.projection))


def everything(url: str, generation: str = "gen_1") -> list[list[dict[str, Any]]]:
    """Every row of a generation; a counter that is zero is as good as absent."""
    tables = [rows_of(url, f"{generation}.{table}") for table in TABLES]
    return [[row for row in rows if row.get("value") != 0] for rows in tables]


def expected(log: ListLog, url: str) -> list[list[dict[str, Any]]]:
    """What a rebuild from zero gives where nothing is poison."""
    with cured():
        project(log, url, BOTH, generation="whole")
    return everything(url, "whole")


@contextmanager
def running(log: ListLog, url: str, *projectors: Projector) -> Iterator[Sequence[Projector]]:
    """Projectors that run meanwhile; one, unless others are given."""
    options = ProjectorOptions(poll_seconds=0.01, retry_look_seconds=0.02)
    chosen = projectors or (Projector(log, url, BOTH, options, ask=KEYS),)
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=[stop]) for one in chosen]
    for thread in threads:
        thread.start()
    try:
        yield chosen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def retry(url: str, stream_id: UUID | None = None) -> None:
    """Ask for it, and wait until every marked event was tried."""
    with dead_letters(url) as letters:
        marked = letters.mark(stream_id)
        assert until(lambda: not letters.not_tried(marked))


def told() -> ListLog:
    """A stream that stops at its third event, and one that flows."""
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, POISON, MARK, NOTE, POISON, MARK)
    log.tell(TWO, ENROLLED, MARK)
    return log


def test_a_cured_stream_is_applied_in_order_and_the_rows_are_those_of_a_rebuild(database_url: str) -> None:
    log = told()
    project(log, database_url, BOTH)
    assert [one.position for one in parked(database_url)] == [3, 4, 5, 6, 7]
    with cured(), running(log, database_url) as (projector,):
        retry(database_url)
        assert until(lambda: projector.stats.parked == 0)
    assert parked(database_url) == []
    assert everything(database_url) == expected(log, database_url)


def test_what_still_fails_stays_with_todays_reason_and_what_came_before_it_is_applied(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, INDIGESTIBLE, MARK)
    project(log, database_url, BOTH)
    assert [(one.position, one.kind) for one in parked(database_url)] == [
        (2, "poison"), (3, "waiting"), (4, "waiting"), (5, "waiting"),
    ]  # fmt: skip
    with running(log, database_url):
        retry(database_url)
    first, *_ = parked(database_url)
    assert (first.position, first.attempts, first.error) == (2, 1, "ValueError: this one is not to my taste")
    with cured(), running(log, database_url):
        retry(database_url)
    now = parked(database_url)
    assert [(one.position, one.kind, one.attempts) for one in now] == [(4, "poison", 2), (5, "waiting", 2)]
    assert str(now[0].error).startswith("UntranslatableCharacter: ")
    assert rows_of(database_url, "gen_1.tallies")[0]["events"] == 3


def test_a_stream_that_is_parked_for_several_projections_is_applied_for_each(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.paused.v9", b'{"subject": "%s"}' % str(ONE).encode())
    log.versions[ONE] += 1
    log.tell(ONE, MARK)
    project(log, database_url, BOTH)
    assert [(one.projection, one.position) for one in parked(database_url)] == [
        ("seen", 2), ("tallies", 2), ("seen", 3), ("tallies", 3),
    ]  # fmt: skip
    readable = ListLog(versions={ONE: 1})
    readable.tell(ONE, NOTE)
    log.rows[1] = log.rows[1]._replace(type=readable.rows[0].type, bytes=readable.rows[0].bytes)
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute(
            "UPDATE readmodel.parked_events SET type = %s, bytes = %s WHERE position = 2",
            [log.rows[1].type, log.rows[1].bytes],
        )
    with running(log, database_url):
        retry(database_url, ONE)
    assert parked(database_url) == []
    assert everything(database_url) == expected(log, database_url)


def test_events_that_come_after_a_cure_find_the_rows_as_it_left_them(database_url: str) -> None:
    log = told()
    with running(log, database_url) as (projector,):
        assert until(lambda: projector.stats.parked == 5)
        with cured():
            retry(database_url)
            log.tell(ONE, MARK, NOTE, FORGET)
            log.tell(TWO, NOTE)
            assert until(lambda: projector.stats.position == len(log.rows))
    assert parked(database_url) == []
    assert everything(database_url) == expected(log, database_url)


def test_one_stream_is_tried_alone(database_url: str) -> None:
    log = told()
    log.tell(TWO, POISON, MARK)
    project(log, database_url, BOTH)
    with cured(), running(log, database_url):
        retry(database_url, TWO)
    assert {one.stream_id for one in parked(database_url)} == {ONE}


def test_with_no_projector_running_nothing_is_tried_and_the_next_one_does_it(database_url: str) -> None:
    log = told()
    project(log, database_url, BOTH)
    with dead_letters(database_url) as letters:
        marked = letters.mark(None)
        assert letters.not_tried(marked) == {ONE}
        with cured(), running(log, database_url):
            assert until(lambda: not letters.not_tried(marked))
    assert everything(database_url) == expected(log, database_url)


def test_two_projectors_that_try_the_same_again_apply_it_once(database_url: str) -> None:
    log = ListLog()
    streams = [uuid5(CAMPAIGN, f"stream {number}") for number in range(8)]
    for stream_id in streams:
        log.tell(stream_id, ENROLLED, MARK, POISON, MARK, NOTE)
    project(log, database_url, BOTH)
    options = ProjectorOptions(poll_seconds=0.001, retry_look_seconds=0.001)
    two = [Projector(log, database_url, BOTH, options, ask=KEYS) for _ in range(2)]
    with cured(), running(log, database_url, *two):
        retry(database_url)
        assert until(lambda: not parked(database_url))
    assert everything(database_url) == expected(log, database_url)


def test_more_than_the_limit_is_tried_again_before_the_projector_gives_up(database_url: str) -> None:
    log = told()
    with pytest.raises(TooManyParked):
        project(log, database_url, BOTH, parked_limit_events=3)
    with dead_letters(database_url) as letters:
        letters.mark(None)
    with pytest.raises(TooManyParked):
        project(log, database_url, BOTH, parked_limit_events=3)
    with dead_letters(database_url) as letters:
        letters.mark(None)
    with cured():
        project(log, database_url, BOTH, parked_limit_events=3)
    assert parked(database_url) == []
    assert everything(database_url) == expected(log, database_url)


def test_a_projector_that_never_catches_up_tries_again_too(database_url: str) -> None:
    class Endless(ListLog):
        """There is always more to read than one batch."""

        def read(self, after: int, limit: int) -> Batch:
            self.tell(TWO, MARK, MARK)
            return super().read(after, limit)

    log = Endless()
    log.tell(ONE, ENROLLED, POISON, MARK)
    log.tell(TWO, ENROLLED)
    options = ProjectorOptions(batch_events=1, retry_look_seconds=0.01)
    with running(log, database_url, Projector(log, database_url, BOTH, options, ask=KEYS)) as (projector,):
        assert until(lambda: projector.stats.parked == 2)
        with cured():
            retry(database_url)
        assert until(lambda: projector.stats.parked == 0)
        assert projector.stats.lag_events > 0


def test_what_was_dismissed_does_not_count_any_more(database_url: str) -> None:
    log = told()
    log.tell_raw("contact.paused.v9", b"{}")
    with running(log, database_url) as (projector,):
        assert until(lambda: projector.stats.parked == 6)
        (foreign,) = [one for one in parked(database_url) if one.kind == "foreign"]
        with dead_letters(database_url) as letters:
            assert not letters.dismiss(parked(database_url)[0].id)
            assert letters.dismiss(foreign.id)
        assert until(lambda: projector.stats.parked == 5)


def test_what_is_parked_for_a_projection_that_does_not_run_is_left_alone(database_url: str) -> None:
    log = told()
    project(log, database_url, BOTH)
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute("UPDATE readmodel.parked_events SET projection = 'of old', retry_at = now()")
    with running(log, database_url) as (projector,):
        position = log.tell(TWO, MARK)
        assert until(lambda: projector.stats.position == position)
        assert until(lambda: projector.stats.parked == 5)
    with closing(psycopg.connect(database_url)) as connection:
        assert connection.execute("SELECT attempts FROM readmodel.parked_events").fetchall() == [(0,)] * 5


def test_a_reason_that_postgres_cannot_keep_is_kept_in_readable_form(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.\0paused.v1", b"\x00")
    log.tell(TWO, ENROLLED)
    project(log, database_url, BOTH)
    (only,) = parked(database_url)
    assert only.type == "contact.\\0paused.v1"
    assert len(rows_of(database_url, "gen_1.tallies")) == 2


streams = st.sampled_from([ONE, TWO, THREE])
facts: st.SearchStrategy[Fact] = st.sampled_from([NOTE, MARK, POISON, MARK, POISON, FORGET])
rounds = st.lists(
    st.tuples(st.lists(st.tuples(streams, facts), max_size=8), st.one_of(st.none(), streams), st.booleans()),
    min_size=1,
    max_size=5,
)


@pytest.mark.long
@settings(max_examples=15)
@given(told=rounds, batch_events=st.integers(1, 10))
def test_wherever_poison_stood_and_whenever_it_was_cured_the_rows_are_those_without_poison(
    postgres_server: TestServer,
    told: list[tuple[list[tuple[UUID, Fact]], UUID | None, bool]],
    batch_events: int,
) -> None:
    log = ListLog()
    for stream_id in (ONE, TWO, THREE):
        log.tell(stream_id, ENROLLED)
    with postgres_server.fresh_database() as url:

        def project_with_retry(stream_id: UUID | None) -> None:
            with dead_letters(url) as letters:
                letters.mark(stream_id)
            # A limit of nothing makes even a projector that is up to date look at what is marked.
            with suppress(TooManyParked):
                project(log, url, BOTH, batch_events=batch_events, parked_limit_events=0)
            project(log, url, BOTH, batch_events=batch_events)

        for appended, tried, is_cured in told:
            for one, fact in appended:
                log.tell(one, fact)
            if is_cured:
                with cured():
                    project_with_retry(tried)
            else:
                project_with_retry(tried)
        with cured():
            project_with_retry(None)
        assert parked(url) == []
        assert everything(url) == expected(log, url)


def test_a_long_stream_is_applied_up_to_the_one_that_still_fails_in_few_transactions(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, *[MARK] * 600, INDIGESTIBLE, *[MARK] * 600)
    project(log, database_url, BOTH, parked_limit_events=10_000)
    with dead_letters(database_url) as letters:
        letters.mark(None)
    with cured(), pytest.raises(TooManyParked, match="601 events are parked"):
        project(log, database_url, BOTH, parked_limit_events=0)
    first, *others = parked(database_url)
    assert (first.position, first.kind, first.attempts) == (603, "poison", 1)
    assert len(others) == 600
    assert rows_of(database_url, "gen_1.tallies")[0]["events"] == 602
