"""A record that is no event of ours, from its topic through the projector to whoever looks after it."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid5

import pytest

from drumbeat import bootstrap
from drumbeat.opsapi.exits import Exit
from drumbeat.settings import Settings
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.dead_letter_records import decode_dead_letter
from support.dead_letters import dead_letters_on
from support.machine import DRUMBEAT, drumbeat_inside, environment, until
from support.projecting import CAMPAIGN, ListLog
from support.topics import PARTITIONS, topics
from support.toys import ENROLLED, MARK

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.slow]
ONE = uuid5(CAMPAIGN, "one")


@contextmanager
def project_process(env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`drumbeat project`; killed at the end if it still runs."""
    with log.open("a") as said:
        process = subprocess.Popen(
            [DRUMBEAT, "project"], env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def asked(env: dict[str, str], *arguments: str) -> Any:
    return json.loads(drumbeat_inside("dead-letters", *arguments, "--json", env=env).stdout)


def metrics(env: Mapping[str, str]) -> str:
    address = f"http://127.0.0.1:{env['DRUMBEAT_PROJECT_METRICS_PORT']}/metrics"
    with urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.long
def test_a_foreign_record_is_parked_copied_shown_and_dismissed_while_events_flow(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    bootstrap.migrate(Settings(), database_url)
    env = environment(
        tmp_path,
        DRUMBEAT_DATABASE_URL=database_url,
        DRUMBEAT_KAFKA_BOOTSTRAP=kafka_cluster.bootstrap,
        DRUMBEAT_KAFKA_TOPIC_PREFIX=kafka_cluster.topic_prefix,
        DRUMBEAT_KAFKA_GROUP=f"{kafka_cluster.topic_prefix}projections",
        DRUMBEAT_KAFKA_CONTACTS_PARTITIONS=PARTITIONS["contacts"],
        DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS=PARTITIONS["campaigns"],
        DRUMBEAT_KAFKA_OTHER_PARTITIONS=PARTITIONS[""],
    )
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK)
    said = tmp_path / "project.log"
    with topics(kafka_cluster) as there, project_process(env, said) as process:
        there.publish(log.rows[:1], mark=False)
        topic, number = there.partition(ONE)
        there.producer.send(topic, b'{"order": 7}', key=b"order-7", partition=number)
        there.publish(log.rows[1:])
        assert until(lambda: bool(asked(env, "list")) and asked(env, "list")[0]["published_at"], 60), (
            said.read_text()
        )
        (foreign,) = asked(env, "list")
        assert (foreign["kind"], foreign["partition"], foreign["offset"]) == ("foreign", f"{topic}/{number}", 1)
        assert base64.b64decode(asked(env, "show", str(foreign["id"]))["record_base64"]) == b'{"order": 7}'
        status = json.loads(drumbeat_inside("status", "--json", env=env).stdout)
        assert status["parked"] == {"foreign": 1}
        assert until(lambda: "drumbeat_parked_events 1.0" in metrics(env))
        assert "drumbeat_dead_letters_total 1.0" in metrics(env)
        assert "drumbeat_dead_letters_fault 0.0" in metrics(env)
        done = drumbeat_inside("dead-letters", "dismiss", str(foreign["id"]), "--reason", "a stray order", env=env)
        assert done.returncode == Exit.DONE
        assert until(lambda: "drumbeat_parked_events 0.0" in metrics(env))
        process.terminate()
        assert process.wait(30) == Exit.DONE, said.read_text()
    (letter,) = [decode_dead_letter(record.value) for record in dead_letters_on(kafka_cluster)]
    assert (letter.record, letter.projection, letter.source_offset) == (b'{"order": 7}', "*", 1)
