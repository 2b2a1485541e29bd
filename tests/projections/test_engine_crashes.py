"""Each event has its effect once, whatever crashes when."""

import threading
from contextlib import closing
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.events import Fact
from drumbeat.events.contact import ContactPaused
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from support.fragile import FragileProjector, Fuse, Killed
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.sealing import KEYS
from support.toys import ENROLLED, FORGET, MARK, SEEN, TABLES, TALLIES

pytestmark = pytest.mark.postgres
STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(3)]
FACTS: list[Fact] = [ENROLLED, ContactPaused(reason="a"), MARK, ContactPaused(reason="b"), MARK, MARK]


def history() -> ListLog:
    log = ListLog()
    for fact in FACTS:
        for stream_id in STREAMS:
            log.tell(stream_id, fact)
    log.tell(STREAMS[1], FORGET)
    return log


def fragile(log: ListLog, url: str, fuse: Fuse, generation: str, batch_events: int) -> FragileProjector:
    options = ProjectorOptions(generation=generation, batch_events=batch_events, poll_seconds=0.01)
    projector = FragileProjector(log, url, [TALLIES, SEEN], options, ask=KEYS)
    projector.fuse = fuse
    return projector


def everything(url: str, generation: str) -> list[list[dict[str, Any]]]:
    """Every row of a generation; a counter that is zero is as good as absent."""
    tables = [rows_of(url, f"{generation}.{table}") for table in TABLES]
    return [[row for row in rows if row.get("value") != 0] for rows in tables]


@pytest.mark.long
def test_a_kill_at_any_statement_of_any_batch_loses_and_doubles_nothing(database_url: str) -> None:
    log = history()
    project(log, database_url, [TALLIES, SEEN], generation="whole")
    expected = everything(database_url, "whole")
    unhurt = Fuse(0, after=False, blow=Killed)
    fragile(log, database_url, unhurt, "counting", batch_events=10).run_until(len(log.rows))
    assert unhurt.statements > 30
    for at in range(1, unhurt.statements + 1):
        generation = f"killed_{at}"
        fuse = Fuse(at, after=at % 2 == 0, blow=Killed)
        with pytest.raises(Killed):
            fragile(log, database_url, fuse, generation, batch_events=10).run_until(len(log.rows))
        project(log, database_url, [TALLIES, SEEN], generation=generation)
        assert everything(database_url, generation) == expected, f"killed at statement {at}"


@pytest.mark.long
@settings(max_examples=12)
@given(
    facts=st.lists(
        st.tuples(
            st.sampled_from(STREAMS),
            st.sampled_from([MARK, FORGET, ContactPaused(reason="x"), ContactPaused(reason="y")]),
        ),
        max_size=30,
    ),
    batch_events=st.integers(1, 12),
    blows=st.lists(st.tuples(st.integers(1, 120), st.booleans()), min_size=1, max_size=5),
)
def test_a_lost_connection_at_any_point_is_got_over_without_help(
    postgres_server: TestServer,
    facts: list[tuple[UUID, Fact]],
    batch_events: int,
    blows: list[tuple[int, bool]],
) -> None:
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for stream_id, fact in facts:
        log.tell(stream_id, fact)
    with postgres_server.fresh_database() as url:
        project(log, url, [TALLIES, SEEN], generation="whole")
        projector = fragile(log, url, Fuse(0, after=False, blow=Killed), "gen_1", batch_events)
        left = list(blows)

        class Recurring(Fuse):
            def before(self) -> None:
                super().before()
                self._next_after_blowing()

            def _next_after_blowing(self) -> None:
                if self.statements > self.at and left:
                    self.statements = 0
                    self.at, self.after = left.pop()

        projector.fuse = Recurring(*left.pop(), blow=lambda: psycopg.OperationalError("the connection was cut"))
        projector.run_until(len(log.rows), timeout_seconds=30)
        assert everything(url, "gen_1") == everything(url, "whole")


def test_backends_that_are_terminated_again_and_again_cost_time_and_nothing_else(database_url: str) -> None:
    log = history()
    for _ in range(40):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK, ContactPaused(reason="c"))
    project(log, database_url, [TALLIES, SEEN], generation="whole")
    projector = Projector(
        log, database_url, [TALLIES, SEEN], ProjectorOptions(batch_events=2, poll_seconds=0.01), ask=KEYS
    )
    stop = threading.Event()

    def terminate() -> None:
        with closing(psycopg.connect(database_url, autocommit=True)) as connection:
            while not stop.wait(0.05):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                if projector.stats.reconnects >= 4:
                    return

    killer = threading.Thread(target=terminate)
    killer.start()
    try:
        projector.run_until(len(log.rows), timeout_seconds=60)
    finally:
        stop.set()
        killer.join()
    assert projector.stats.reconnects > 0
    assert everything(database_url, "gen_1") == everything(database_url, "whole")


def test_two_projectors_of_the_same_read_models_apply_each_event_once(database_url: str) -> None:
    log = history()
    project(log, database_url, [TALLIES, SEEN], generation="whole")
    options = ProjectorOptions(batch_events=3, poll_seconds=0.01)
    projectors = [Projector(log, database_url, [TALLIES, SEEN], options, ask=KEYS) for _ in range(2)]
    threads = [threading.Thread(target=p.run_until, args=[len(log.rows)]) for p in projectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(projector.stats.events for projector in projectors) == len(log.rows)
    assert everything(database_url, "gen_1") == everything(database_url, "whole")
