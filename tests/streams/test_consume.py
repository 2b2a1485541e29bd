"""A consumer of one's own on a real broker: every event has its effect once, in the order of its stream."""

import pytest

from drumbeat.transport.cluster import Cluster
from support.own_consumers import STREAMS, call, calls, comes, consuming, make_table, parked
from support.topics import topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_every_event_of_the_handled_types_has_its_effect_once_and_in_order(
    database_url: str, kafka_cluster: Cluster
) -> None:
    make_table(database_url)
    log = calls()
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:40])
        there.publish(log.rows[20:40])  # as a relay does that was killed
        there.publish(log.rows[40:])
        with consuming(database_url, kafka_cluster):
            assert comes(database_url, log)
        more = log.tell(STREAMS[0], call(4))
        there.publish(log.rows[more - 1 :])
        with consuming(database_url, kafka_cluster):
            assert comes(database_url, log)
    assert parked(database_url) == []
