"""Read models fed from a real broker: every event once, and what is no event of ours beside."""

from uuid import UUID, uuid5

import pytest

from drumbeat.eventstore.healing import cannot_heal
from drumbeat.transport.cluster import Cluster
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.topics import consuming, topics
from support.toys import ENROLLED, MARK, SEEN, TABLES, TALLIES

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(12)]


def history(rounds: int = 3) -> ListLog:
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for _ in range(rounds):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK)
    return log


def tallies(url: str, schema: str = "gen_1") -> dict[UUID, int]:
    return {row["contact_id"]: row["events"] for row in rows_of(url, f"{schema}.tallies")}


def test_the_rows_are_those_of_the_log(database_url: str, kafka_cluster: Cluster) -> None:
    log = history()
    project(log, database_url, [TALLIES, SEEN], generation="from_log")
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(there, database_url, [TALLIES, SEEN], heal=cannot_heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
            assert projector.stats.events == len(log.rows)
    for table in TABLES:
        without = ["shard"]
        assert rows_of(database_url, f"gen_1.{table}", without) == rows_of(
            database_url, f"from_log.{table}", without
        )
