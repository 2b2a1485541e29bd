"""Following the log: new projections, other definitions, another log, a database that goes away and comes back."""

import dataclasses
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from uuid import uuid4, uuid5

import psycopg
import pytest
from psycopg import sql

from drumbeat.projections.engine.install import OtherDefinition
from drumbeat.projections.engine.plan import Plan, PlanError
from drumbeat.projections.engine.projector import Projector, ProjectorOptions, RebuildNeeded
from drumbeat.transport.source import LogRewound
from support.postgres import TestServer
from support.projecting import CAMPAIGN, EPOCH, ListLog, project, rows_of
from support.sealing import KEYS
from support.toys import ENROLLED, MARK, POISON, SEEN, TALLIES, TALLY

pytestmark = pytest.mark.postgres
ONE = uuid5(CAMPAIGN, "one")
COUNTERS_ALONE = dataclasses.replace(
    TALLIES, name="counters", entities=(), derived=(), sql=TALLIES.sql.with_name("toys_seen.sql")
)


def checkpoints(url: str) -> dict[str, int]:
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute("SELECT projection, position FROM readmodel.checkpoints").fetchall()
    return {str(name): int(position) for name, position in rows}


def test_a_projection_that_is_new_beside_others_catches_up_by_itself(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK)
    project(log, database_url, [TALLIES])
    log.tell(ONE, MARK)
    project(log, database_url, [TALLIES, SEEN], batch_events=2)
    assert checkpoints(database_url) == {"tallies": 4, "seen": 4}
    assert [row["position"] for row in rows_of(database_url, "gen_1.seen")] == [1, 2, 3, 4]
    assert [row["events"] for row in rows_of(database_url, "gen_1.tallies")] == [4]


def test_another_definition_of_a_read_model_is_refused_by_name(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    project(log, database_url, [TALLIES])
    with pytest.raises(OtherDefinition, match=r"read model tallies of gen_1 has version 1, .* writes version 2"):
        project(log, database_url, [dataclasses.replace(TALLIES, version=2)])


def test_counters_cannot_follow_rows_that_nobody_projects() -> None:
    with pytest.raises(PlanError, match="counters follows the rows of tallies"):
        Plan([COUNTERS_ALONE])
    assert Plan([TALLIES]).entities == (TALLY,)


def test_counters_that_stand_elsewhere_than_their_rows_are_not_gone_on_with(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    project(log, database_url, [TALLIES])
    with pytest.raises(RebuildNeeded, match=r"counters is at 0 and tallies, .* at 1: rebuild counters"):
        project(log, database_url, [dataclasses.replace(TALLIES, measures=()), COUNTERS_ALONE])


def test_a_log_that_was_restored_to_an_older_state_stops_the_projector(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK)
    project(log, database_url, [TALLIES])
    other = ListLog()
    other.tell(ONE, ENROLLED)
    other.tell(uuid4(), ENROLLED)
    with pytest.raises(LogRewound, match="at position 2"):
        project(other, database_url, [TALLIES], until=3)


def test_events_of_types_that_nobody_looks_at_move_the_checkpoint(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    project(log, database_url, [dataclasses.replace(SEEN, logs=(dataclasses.replace(SEEN.logs[0], rows={}),))])
    assert checkpoints(database_url) == {"seen": 1}
    assert rows_of(database_url, "gen_1.seen") == []


def test_a_database_that_goes_away_is_waited_for(postgres_server: TestServer) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    with (
        postgres_server.fresh_database() as url,
        closing(psycopg.connect(postgres_server.url, autocommit=True)) as admin,
    ):
        name = sql.Identifier(url.split("/")[-1].split("?")[0])
        projector = Projector(
            log, url, [TALLIES], ProjectorOptions(poll_seconds=0.01, longest_pause_seconds=0.1), ask=KEYS
        )
        stop = threading.Event()
        thread = threading.Thread(target=projector.run, args=[stop])
        thread.start()
        try:
            _until(lambda: projector.stats.position == 1)
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name._obj[0]]
            )
            log.tell(ONE, MARK)
            _until(lambda: projector.stats.reconnects >= 3)
            assert projector.stats.position == 1
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
            _until(lambda: projector.stats.position == 2)
        finally:
            stop.set()
            thread.join()
        assert [row["events"] for row in rows_of(url, "gen_1.tallies")] == [2]


def test_stats_say_how_far_behind_and_for_how_long(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK, POISON)
    now = EPOCH + timedelta(minutes=1)
    projector = Projector(
        log,
        database_url,
        [TALLIES],
        ProjectorOptions(batch_events=2, poll_seconds=0.01),
        clock=lambda: now,
        ask=KEYS,
    )
    projector.run_until(2)
    assert (projector.stats.position, projector.stats.high_water) == (2, 4)
    assert projector.stats.lag_events == 2
    assert 50 < projector.stats.lag_seconds < 60
    projector.run_until(4)
    stats = projector.stats
    assert (stats.lag_events, stats.lag_seconds, stats.events, stats.parked) == (0, 0.0, 4, 1)
    assert stats.high_water_moved_at == now
    assert all(seconds > 0 for seconds in stats.seconds.values())


def _until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
