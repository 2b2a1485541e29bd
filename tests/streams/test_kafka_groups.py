"""Projectors as members of a group: shared partitions, a zombie, a forgotten join, mirrored offsets."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Any

import psycopg
import pytest
from kafka import KafkaAdminClient
from kafka.structs import MemberState

from drumbeat.eventstore.healing import cannot_heal
from drumbeat.projections.engine.projector import Projector
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.source import Reassigned
from support.feeding import ALL, agrees, history, lowest
from support.machine import until
from support.projecting import rows_of
from support.threads import running
from support.topics import consuming, topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_two_projectors_share_the_partitions_and_one_goes_on_for_both(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=40)
    group = f"{kafka_cluster.topic_prefix}pair"
    published = 60
    # So many that neither member can be given only partitions to which nothing comes.
    with topics(kafka_cluster, {"contacts": 6, "campaigns": 3, "": 1}) as there, ExitStack() as stack:
        there.publish(log.rows[:published])
        ours = [
            stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group)) for _ in "ab"
        ]
        threads = [stack.enter_context(running(projector.run)) for projector in ours]
        while not all(projector.stats.events for projector in ours):
            # A group may share its partitions out more than once before it has settled.
            assert until(lambda: all(_is_assigned(projector) for projector in ours), 40)
            assert _reaches(published, database_url)
            assert published < 420
            there.publish(log.rows[published : published + 40])
            published += 40
        assert _reaches(published, database_url)
        assert {row["shard"] for row in rows_of(database_url, "gen_1.toy_counters")} == {0, 1}
        threads[0].stop()
        ours[0]._source.close()
        there.publish(log.rows[published:])
        assert until(lambda: lowest(database_url) == len(log.rows), 40)
    agrees(log, database_url)


def test_a_member_that_slept_with_a_batch_in_its_hands_writes_nothing_when_it_wakes(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=10)
    group = f"{kafka_cluster.topic_prefix}zombie"
    awake = threading.Event()
    awake.set()
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows[:60])
        sleeper = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group))
        _sleeps_when_told(sleeper, awake)
        stack.enter_context(running(sleeper.run))
        assert until(lambda: lowest(database_url) == 60)
        awake.clear()  # with a batch in its hands, as a process that was suspended
        stack.callback(awake.set)
        there.publish(log.rows[60:90])
        assert until(lambda: bool(sleeper.stats.seconds.get("asleep")))
        other = stack.enter_context(
            consuming(there, database_url, ALL, heal=cannot_heal, group=f"{group}-elsewhere")
        )
        stack.enter_context(running(other.run))
        assert until(lambda: lowest(database_url) == 90, 40)
        awake.set()
        assert until(lambda: sleeper.stats.lost_races > 0)
        there.publish(log.rows[90:])
        assert until(lambda: lowest(database_url) == len(log.rows), 40)
    agrees(log, database_url)


def _sleeps_when_told(projector: Projector, awake: threading.Event) -> None:
    take: Callable[..., Any] = projector._source.take

    def sleepy(*arguments: Any) -> Any:
        taken = take(*arguments)
        if taken.rows and not awake.is_set():
            projector.stats.seconds["asleep"] = 1.0
            awake.wait()
        return taken

    projector._source.take = sleepy  # type: ignore[method-assign, assignment]


@pytest.mark.long
def test_a_member_that_was_put_out_and_gets_the_same_partitions_back_goes_on(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=3)
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows[:20])
        alone = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal))
        stack.enter_context(running(alone.run))
        assert until(lambda: lowest(database_url) == 20)
        # As after a suspension or a line that was cut for longer than the session lasts.
        alone._source._consumer._coordinator.reset_generation()  # type: ignore[attr-defined]
        there.publish(log.rows[20:])
        assert until(lambda: lowest(database_url) == len(log.rows))
    agrees(log, database_url)


@pytest.mark.long
def test_partitions_that_are_added_while_a_projector_runs_are_waited_out_by_name(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(rounds=1)
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows)
        projector = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal))
        stack.enter_context(running(projector.run))
        assert until(lambda: lowest(database_url) == len(log.rows))
        with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
            admin.create_partitions({kafka_cluster.topic("people"): 2})
        assert until(lambda: "was given more partitions" in str(projector.stats.last_error), 40)


def test_kafkas_own_offsets_mirror_where_the_rows_stand(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    group = f"{kafka_cluster.topic_prefix}mirror"
    with topics(kafka_cluster) as there, ExitStack() as stack:
        there.publish(log.rows)
        projector = stack.enter_context(consuming(there, database_url, ALL, heal=cannot_heal, group=group))
        stack.enter_context(running(projector.run))
        assert until(lambda: lowest(database_url) == len(log.rows))
        with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
            assert until(lambda: _committed(admin, group) == _stored(database_url))


def _committed(admin: Any, group: str) -> dict[str, int]:
    told = admin.list_group_offsets(group).get(group, {})
    return {f"{p.topic}/{p.partition}": place.offset for p, place in told.items()}


def _stored(url: str) -> dict[str, int]:
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(
            "SELECT partition, min(next_offset) FROM readmodel.checkpoints WHERE generation = 'gen_1' GROUP BY 1"
        ).fetchall()
    return {str(partition): int(offset) for partition, offset in rows if offset}


def _reaches(position: int, database_url: str) -> bool:
    return until(lambda: lowest(database_url) == position, 40)


def _is_assigned(projector: Projector) -> bool:
    return bool(projector._source._assigned)  # type: ignore[attr-defined]


def test_a_join_that_ended_between_two_polls_is_not_forgotten(database_url: str, kafka_cluster: Cluster) -> None:
    with topics(kafka_cluster) as there:
        source = KafkaSource(there.cluster, there.counts, group=f"{kafka_cluster.topic_prefix}forgetful")
        with closing(source):
            assert until(lambda: _goes_on(source))
            coordinator = source._consumer._coordinator  # type: ignore[union-attr]
            coordinator._assignment_snapshot = {"before": {0}}  # topics changed since: a leader joins anew
            source._consumer.poll(0)  # type: ignore[union-attr]
            assert until(lambda: coordinator._join_task.is_done)
            assert _state(source) is MemberState.REBALANCING
            assert _goes_on(source)


def _goes_on(source: KafkaSource) -> bool:
    source.assigned()
    with suppress(Reassigned):
        source.wait(0.01)
    return _state(source) is MemberState.STABLE


def _state(source: KafkaSource) -> MemberState:
    state: MemberState = source._consumer.group_metadata().state  # type: ignore[union-attr]
    return state
