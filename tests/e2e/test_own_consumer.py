"""The example of docs/consuming.md as its users run it: processes that are killed, and a table that is right."""

import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from drumbeat.events.calls import ContactCallOutcomeCorrected
from drumbeat.events.values import CallOutcome
from drumbeat.transport.cluster import Cluster
from support.contacts import enrolled
from support.machine import until
from support.own_consumers import STREAMS, call, parked, rows
from support.projecting import ListLog
from support.topics import topics
from support.toys import MARK

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
EXAMPLE = Path(__file__).parents[2] / "examples" / "own_consumer.py"
ROUNDS = 40
TABLE = "SELECT contact_id, attempt, outcome, changes FROM billed_calls"


class Consumers:
    """Processes of the example."""

    def __init__(self, url: str, cluster: Cluster, said: Path) -> None:
        self._command = [sys.executable, str(EXAMPLE), url, cluster.bootstrap, cluster.topic_prefix]
        self._said = said
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One more."""
        with self._said.open("a") as said:
            self.running.append(
                subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            )

    def kill(self, rng: random.Random) -> None:
        """kill -9 of one."""
        victim = self.running.pop(rng.randrange(len(self.running)))
        assert victim.poll() is None, self._said.read_text()
        victim.kill()
        victim.wait()

    def end(self) -> list[int]:
        """Ctrl-C for all, and their exit codes."""
        for one in self.running:
            one.terminate()
        return [one.wait(20) for one in self.running]


@contextlib.contextmanager
def consumers(url: str, cluster: Cluster, said: Path) -> Iterator[Consumers]:
    """None yet; whatever still runs at the end is killed."""
    made = Consumers(url, cluster, said)
    try:
        yield made
    finally:
        for one in made.running:
            one.kill()
            one.wait()


def story() -> tuple[ListLog, dict[tuple[UUID, int], tuple[str, int]]]:
    """Calls and corrections in turns, and what the table is to hold of them."""
    log, told = ListLog(), {}
    for stream_id in STREAMS:
        log.tell(stream_id, enrolled())
    for attempt in range(1, ROUNDS + 1):
        for number, stream_id in enumerate(STREAMS):
            log.tell(stream_id, call(attempt), MARK)
            told[stream_id, attempt] = CallOutcome.NO_ANSWER.value, 0
            if (number + attempt) % 3 == 0:
                log.tell(stream_id, corrected(attempt))
                told[stream_id, attempt] = CallOutcome.BUSY.value, 1
    return log, told


def corrected(attempt: int) -> Any:
    return ContactCallOutcomeCorrected.model_validate(
        {"attempt": attempt, "from": CallOutcome.NO_ANSWER, "to": CallOutcome.BUSY, "reason": "listened again"}
    )


def held(url: str) -> dict[tuple[UUID, int], tuple[str, int]]:
    try:
        return {(contact, attempt): (outcome, n) for contact, attempt, outcome, n in rows(url, TABLE)}
    except psycopg.errors.UndefinedTable:
        return {}


def sessions(url: str) -> int:
    """How many others are connected to the database: each process that reads is."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.long
def test_the_table_of_the_example_is_right_whenever_its_processes_are_killed(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    log, told = story()
    rng = random.Random(7)
    said = tmp_path / "said"
    with topics(kafka_cluster) as there, consumers(database_url, kafka_cluster, said) as processes:
        processes.start()
        there.publish(log.rows[:50])
        assert until(lambda: bool(held(database_url))), said.read_text()
        processes.start()
        at = 50
        for killed in range(1, 7):
            upto = killed * len(log.rows) // 7 + rng.randrange(30)
            assert until(lambda: sessions(database_url) >= len(processes.running)), said.read_text()
            while at < upto:
                some = log.rows[at : at + rng.randrange(1, 20)]
                there.publish(some, mark=rng.random() < 0.3)
                at += len(some)
            processes.kill(rng)
            processes.start()
        there.publish(log.rows[at:])
        assert until(lambda: held(database_url) == told, 60), said.read_text()
        assert until(lambda: all(one.poll() is None for one in processes.running))
        assert processes.end() == [0, 0], said.read_text()
    assert held(database_url) == told
    assert parked(database_url) == []
