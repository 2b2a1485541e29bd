"""Log, topics and read models compared on real servers: what is wrong is named, and nothing else."""

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid5

import psycopg
import pytest

from drumbeat.eventstore.healing import FromLog, cannot_heal
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.reconciling import Report, reconcile
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.kafka_source import KafkaSource
from drumbeat.transport.reconciliation import Fault
from support.following import reported
from support.machine import drumbeat_inside, until
from support.projecting import CAMPAIGN, ListLog, into_ledger
from support.relaying import catches_up, head, make_topics, process_environment, relaying, writing
from support.sealing import KEYS, MASTER
from support.tampering import altering_the_log
from support.topics import Topics, consuming, topics
from support.toys import ENROLLED, MARK, SEEN, TALLIES

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(12)]


def history(url: str, rounds: int = 3) -> ListLog:
    """A log, in the ledger too."""
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for _ in range(rounds):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK)
    into_ledger(log, url)
    return log


def relay_is_at(url: str, cluster: Cluster, position: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ledger.relay_checkpoints (topic_prefix, position) VALUES (%s, %s)"
            " ON CONFLICT (topic_prefix) DO UPDATE SET position = excluded.position",
            [cluster.topic_prefix, position],
        )


def write(url: str) -> None:
    """Events of a sender."""
    with closing(EventStoreLedger(url, master=MASTER)) as ledger:
        ledger.append(reported(5))


def project(there: Topics, url: str, up_to: int) -> None:
    with consuming(there, url, [TALLIES, SEEN], heal=cannot_heal, group=there.cluster.topic("group")) as projector:
        projector.run_until(up_to, timeout_seconds=30)


def look(there: Topics, url: str, **how: Any) -> Report:
    return reconcile(there.cluster, there.counts, url, url, **how)


def test_what_was_published_and_applied_agrees(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(database_url)
    shown: list[tuple[float, str]] = []
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:30])
        there.publish(log.rows[10:])  # as a relay does that was killed
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        project(there, database_url, len(log.rows))
        report = look(there, database_url, show=lambda share, words: shown.append((share, words)))
    assert report.agrees, report.lines()
    assert (report.expected, report.found, report.repeated) == (len(log.rows), len(log.rows), 20)
    assert (report.late, report.not_applied, report.head) == (0, 0, len(log.rows))
    assert report.lines()[-1] == "log, topics and read models agree"
    assert [words for _, words in shown][-1] == "topics"
    assert shown[-1][0] == pytest.approx(1.0)


def test_what_is_wrong_in_the_topics_is_named_with_its_place(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(database_url)
    missing, moved, doubled, rewritten = log.rows[13:17]
    with topics(kafka_cluster) as there:
        there.publish(
            row for row in log.rows if row.position not in {missing.position, moved.position, rewritten.position}
        )
        contacts, home = there.partition(STREAMS[moved.position % 12 - 1])
        elsewhere = (home + 1) % there.counts[contacts]
        there.send(moved, partition=elsewhere)
        there.send(doubled, topic=kafka_cluster.topic("campaigns"), partition=0)
        there.send(log.rows[0], key=b"somebody else's", headers=[])
        there.producer.flush()
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        report = look(there, database_url)
    named = {(one.fault, one.position) for one in report.findings.examples}
    assert named == {
        (Fault.MISSING, missing.position),
        (Fault.MISSING, rewritten.position),
        (Fault.WRONG_PARTITION, moved.position),
        (Fault.DOUBLED, doubled.position),
        (Fault.FOREIGN, None),
    }
    assert not report.agrees
    told = "\n".join(report.lines())
    assert f"{contacts}/{elsewhere}, offset " in told
    assert f"belongs into {contacts}/{home}" in told
    assert told.endswith("they do not agree")


def test_bytes_that_are_not_those_of_the_log_are_named(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(database_url)
    other = log.rows[7]._replace(bytes=log.rows[7].bytes.replace(b'"tester"', b'"nobody"'))
    with topics(kafka_cluster) as there:
        there.publish([*log.rows[:7], other, *log.rows[8:]])
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        report = look(there, database_url)
    assert {(one.fault, one.position) for one in report.findings.examples} == {(Fault.DIFFERENT, 8)}


def test_what_is_on_its_way_is_late_and_no_fault(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(database_url)
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:40])
        relay_is_at(database_url, kafka_cluster, 40)
        project(there, database_url, 25)
        report = look(there, database_url)
        assert report.agrees, report.lines()
        assert (report.late, report.found, report.published) == (len(log.rows) - 40, 40, 40)
        assert report.not_applied == len(log.rows) - 25
        # The checkpoint of the relay claims more than the topic holds: no lag, and events are missing.
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        report = look(there, database_url)
    assert report.findings.counts == {Fault.MISSING: len(log.rows) - 40}
    assert report.late == 0


def test_a_stream_whose_row_is_behind_what_the_checkpoint_claims_is_named(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(database_url)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        project(there, database_url, len(log.rows))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE gen_1.streams SET version = 2 WHERE stream_id = %s", [STREAMS[3]])
            connection.execute("DELETE FROM gen_1.streams WHERE stream_id = %s", [STREAMS[4]])
        report = look(there, database_url)
    assert report.findings.counts == {Fault.BEHIND: 2}
    assert {one.words for one in report.findings.examples} == {
        f"stream {STREAMS[3]} is at version 2 in the read models, and must be at 4",
        f"stream {STREAMS[4]} is at version 0 in the read models, and must be at 4",
    }


def test_parked_events_and_a_log_that_was_restored_are_named(database_url: str, kafka_cluster: Cluster) -> None:
    log = history(database_url)
    with topics(kafka_cluster) as there:
        there.publish(log.rows[:20])
        there.publish(log.rows[21:])
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        project(there, database_url, len(log.rows))
        report = look(there, database_url)
        assert report.findings.counts == {Fault.MISSING: 1, Fault.PARKED: 1}
        with psycopg.connect(database_url, autocommit=True) as connection, altering_the_log(connection):
            connection.execute("DELETE FROM ledger.events WHERE position > 40")
        report = look(there, database_url)
    assert report.findings.counts[Fault.AHEAD] > 1
    # What the log handed out once and holds no more is named, event by event, where it stands in the topics.
    assert report.findings.counts[Fault.NOT_IN_LOG] == len(log.rows) - 40


def test_only_what_lies_above_a_position_is_judged_when_asked_so(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = history(database_url)
    with topics(kafka_cluster) as there:
        there.publish(log.rows[20:])
        relay_is_at(database_url, kafka_cluster, len(log.rows))
        assert look(there, database_url).findings.counts == {Fault.MISSING: 20}
        report = look(there, database_url, since=20)
    assert report.agrees
    assert report.expected == report.found == len(log.rows) - 20


def test_the_command_answers_people_and_programs_and_says_no_with_its_exit_code(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    wanted = make_topics(kafka_cluster)
    env = process_environment(tmp_path, database_url, kafka_cluster)
    write(database_url)
    with relaying(database_url, kafka_cluster, wanted):
        assert catches_up(database_url, kafka_cluster)
    answer = drumbeat_inside("reconcile", "--json", env=env)
    assert answer.returncode == Exit.DONE, answer.stderr
    told = json.loads(answer.stdout)
    assert told["agrees"]
    assert told["expected"] == told["found"] > 0
    write(database_url)
    relay_is_at(database_url, kafka_cluster, head(database_url))
    answer = drumbeat_inside("reconcile", env=env)
    assert answer.returncode == Exit.REFUSED
    assert "they do not agree" in answer.stdout
    assert "missing: " in answer.stdout


@pytest.mark.long
def test_nothing_is_found_wrong_while_everything_goes_on(database_url: str, kafka_cluster: Cluster) -> None:
    wanted = make_topics(kafka_cluster)
    counts = {one.name: one.partitions for one in wanted if one.definition.stream is not None}
    source = KafkaSource(kafka_cluster, counts, group=kafka_cluster.topic("group"))
    projector = Projector(
        source,
        database_url,
        [TALLIES, SEEN],
        ProjectorOptions(poll_seconds=0.01),
        heal=FromLog(database_url),
        ask=KEYS,
    )
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=[stop])
    with (
        closing(source),
        relaying(database_url, kafka_cluster, wanted),
        writing(database_url, pause_seconds=0.005),
    ):
        thread.start()
        try:
            assert until(lambda: projector.stats.events > 0)
            for _ in range(8):
                report = reconcile(kafka_cluster, counts, database_url, database_url)
                assert report.agrees, report.lines()
        finally:
            stop.set()
            thread.join()
    assert report.found > 1_000
    assert any(one.applied for one in report.partitions)
