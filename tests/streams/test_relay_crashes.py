"""Relays that are killed, replaced and cut from their database: nothing is lost, order holds, one leads."""

import random
import threading
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from drumbeat.eventstore.connections import open_connection
from drumbeat.transport import leadership
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.leadership import LeadershipLost, lead
from drumbeat.transport.source import Checkpoint
from support.given import uid
from support.machine import until
from support.proxy import line_to
from support.relaying import (
    catches_up,
    compare_with_log,
    counting,
    goes_on,
    leads,
    make_topics,
    process_environment,
    relay_process,
    relaying,
    steps_down,
    writing,
)

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.slow]

_LEADERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 1685218662 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_WAITING = _LEADERS.replace("AND granted", "AND NOT granted")


def sessions(url: str, question: str = _LEADERS) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(question.encode()).fetchall()]


@pytest.mark.long
def test_kill_9_at_random_moments_under_writers_loses_nothing_and_keeps_every_order(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    wanted, rng = make_topics(kafka_cluster), random.Random(5)
    env, log = process_environment(tmp_path, database_url, kafka_cluster), tmp_path / "relay.log"
    with writing(database_url, pause_seconds=0.01), counting(kafka_cluster, wanted) as count:
        for _ in range(4):
            enough = count() + rng.randrange(50, 800)
            with relay_process(env, log) as process:
                assert until(lambda: count() >= enough), log.read_text()  # noqa: B023
                process.kill()
    with relay_process(env, log) as process:
        assert catches_up(database_url, kafka_cluster), log.read_text()
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    found = compare_with_log(database_url, kafka_cluster, wanted)
    assert found.count > 100
    assert found.repeats > 0


@pytest.mark.long
def test_a_standby_leads_within_a_second_of_the_leaders_death(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    wanted = make_topics(kafka_cluster)
    env, log = process_environment(tmp_path, database_url, kafka_cluster), tmp_path / "relay.log"
    with writing(database_url), relay_process(env, log) as leader:
        assert catches_up(database_url, kafka_cluster), log.read_text()
        with relaying(database_url, kafka_cluster, wanted) as standby:
            assert until(lambda: len(sessions(database_url, _WAITING)) == 1)
            assert not standby.relay.stats.leading
            leader.kill()
            killed_at = time.monotonic()
            assert leads(standby, 1.0)
            assert until(lambda: standby.relay.stats.events > 0)
            assert time.monotonic() - killed_at < 5
    with relaying(database_url, kafka_cluster, wanted):
        assert catches_up(database_url, kafka_cluster)
    compare_with_log(database_url, kafka_cluster, wanted)


def test_a_standby_that_was_killed_while_it_waited_holds_nobody_up(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    wanted = make_topics(kafka_cluster)
    env, log = process_environment(tmp_path, database_url, kafka_cluster), tmp_path / "relay.log"
    with relaying(database_url, kafka_cluster, wanted) as leader:
        assert leads(leader)
        with relay_process(env, log) as waiting:
            assert until(lambda: len(sessions(database_url, _WAITING)) == 1), log.read_text()
            with relaying(database_url, kafka_cluster, wanted) as next_one:
                assert until(lambda: len(sessions(database_url, _WAITING)) == 2)
                waiting.kill()
                leader.stop.set()
                assert leads(next_one, 5.0)


@pytest.mark.long
def test_a_leader_whose_session_is_ended_stops_its_term_and_another_one_goes_on(
    database_url: str, kafka_cluster: Cluster
) -> None:
    wanted = make_topics(kafka_cluster)
    with (
        writing(database_url),
        relaying(database_url, kafka_cluster, wanted) as first,
        relaying(database_url, kafka_cluster, wanted) as second,
    ):
        assert until(lambda: max(first.relay.stats.events, second.relay.stats.events) > 0)
        for _ in range(3):
            leader, standby = (first, second) if first.relay.stats.leading else (second, first)
            assert until(lambda: len(sessions(database_url, _WAITING)) == 1)
            (pid,) = sessions(database_url)
            with psycopg.connect(database_url) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            assert leads(standby, 1.0)
            assert steps_down(leader, 1.0)
            assert goes_on(standby)
    with relaying(database_url, kafka_cluster, wanted):
        assert catches_up(database_url, kafka_cluster)
    compare_with_log(database_url, kafka_cluster, wanted)


@pytest.mark.long
def test_a_relay_whose_line_to_the_database_is_cut_goes_on_where_it_was(
    database_url: str, kafka_cluster: Cluster
) -> None:
    wanted = make_topics(kafka_cluster)
    with line_to(database_url) as line, relaying(line.url, kafka_cluster, wanted) as running:
        with writing(database_url):
            for _ in range(3):
                assert goes_on(running)
                line.cut()
                assert steps_down(running)
                line.mend()
        assert catches_up(database_url, kafka_cluster)
    compare_with_log(database_url, kafka_cluster, wanted)


def test_the_checkpoint_never_goes_back_and_moves_only_from_where_it_is(database_url: str) -> None:
    with lead(database_url, "x.", threading.Event()) as leader:
        assert leader is not None
        assert leader.checkpoint() == Checkpoint(0, None)
        leader.move(0, Checkpoint(7, uid("seven")))
        for expected, to in ((0, 9), (7, 7), (7, 3), (8, 9)):
            with pytest.raises(LeadershipLost, match="no longer at"):
                leader.move(expected, Checkpoint(to, uid("other")))
        assert leader.checkpoint() == Checkpoint(7, uid("seven"))


def test_relays_of_other_prefixes_lead_beside_each_other_and_a_stop_ends_the_wait(database_url: str) -> None:
    stop = threading.Event()
    with lead(database_url, "x.", stop) as one, lead(database_url, "y.", stop) as other:
        assert one is not None
        assert other is not None
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with lead(database_url, "x.", stop) as none:
            assert none is None
        assert 0.2 < time.monotonic() - started < 3


def test_a_standby_does_not_keep_old_rows_of_the_database_for_long(database_url: str) -> None:
    """Its question is asked anew after `lock_timeout`, with a new snapshot."""
    assert leadership.SETTINGS["lock_timeout"] == "30s"
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(leadership.SETTINGS, "lock_timeout", "50ms")
        stop = threading.Event()
        with lead(database_url, "x.", stop) as leader:
            assert leader is not None
            waiting = threading.Thread(target=_wait_to_lead, args=[database_url, stop])
            waiting.start()
            with closing(open_connection(database_url, settings={})) as watcher:
                asked: set[datetime] = set()
                deadline = time.monotonic() + 20
                while len(asked) < 3:
                    assert time.monotonic() < deadline
                    asked |= {
                        row[0]
                        for row in watcher.execute(
                            "SELECT query_start FROM pg_stat_activity "
                            "WHERE datname = current_database() AND wait_event = 'advisory'"
                        )
                    }
            stop.set()
            waiting.join(10)


def _wait_to_lead(url: str, stop: threading.Event) -> None:
    with lead(url, "x.", stop) as none:
        assert none is None
