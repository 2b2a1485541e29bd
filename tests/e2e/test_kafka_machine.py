"""A machine whose read models come by way of Kafka: from a command to the answer that shows it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from drumbeat.commands.campaign import DraftCampaign, RenameCampaign
from drumbeat.commands.dispatch import Commands
from drumbeat.events.values import CampaignKind, Vocabulary
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.settings import read
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.topic_definitions import topics_as_set
from support.agreement import everything_agrees
from support.given import NOW
from support.machine import Machine, drumbeat_inside, lives, machine, through_kafka, until
from support.postgres import TestServer, with_database
from support.relaying import records
from support.sealing import MASTER
from support.whole import ADA, OneKey

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.slow]

PEOPLE = 60


@contextmanager
def running(tmp_path: Path, how: dict[str, object]) -> Iterator[Machine]:
    """A machine with its demonstration, whose topics were made beforehand."""
    with machine(tmp_path / "state", tmp_path / "up.log", "--demonstration", "--people", str(PEOPLE), **how) as up:
        yield up


@pytest.mark.long
def test_a_command_is_seen_at_its_position_through_kafka_and_whatever_is_killed_meanwhile(
    database_url: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    how = through_kafka(kafka_cluster, database_url)
    made = drumbeat_inside("streams", "create", env={**os.environ, **{k: str(v) for k, v in how.items()}})
    assert made.returncode == 0, made.stderr
    with running(tmp_path, how) as up, closing(EventStoreLedger(database_url, master=MASTER)) as ledger:
        commands = Commands(ledger, OneKey())
        campaign = _drafted(commands)
        for number, victim in enumerate(("relay", "project", "relay", "project")):
            done = commands.execute(RenameCampaign(campaign_id=campaign, name=f"name {number}"), ADA, now=NOW)
            pid = up.pid_of(victim)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            assert until(lambda gone=pid: not lives(gone))  # type: ignore[misc]
            answer = None
            deadline = time.monotonic() + 40
            while answer is None and time.monotonic() < deadline:
                answer = up.get(f"/campaigns/{campaign}?at_least={done.position}")
            assert answer is not None, up.said[-3000:]
            assert answer["name"] == f"name {number}"
        status = drumbeat_inside("status", env=up.env)
        assert until(lambda: up.get("/campaigns?limit=1")["freshness"]["lag_events"] == 0)
        assert "Kafka" in status.stdout
        assert up.interrupt() == 0
    everything_agrees(database_url)


def _drafted(commands: Commands) -> UUID:
    campaign = uuid4()
    commands.execute(
        DraftCampaign(
            campaign_id=campaign,
            kind=CampaignKind.VOICE_AGENT,
            name="through Kafka",
            vocabulary=Vocabulary.VOICE_AGENT,
            settings={"agent": "Ava"},
        ),
        ADA,
        now=NOW,
    )
    return campaign


@pytest.fixture
def second_database(postgres_server: TestServer) -> Iterator[str]:
    """An empty database, as a server of its own would hold."""
    name = f"test_{uuid4().hex}"
    with closing(psycopg.connect(postgres_server.url, autocommit=True)) as control:
        control.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield with_database(postgres_server.url, name)
        finally:
            control.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.long
def test_read_models_live_in_a_database_of_their_own(
    database_url: str, second_database: str, kafka_cluster: Cluster, tmp_path: Path
) -> None:
    how = through_kafka(kafka_cluster, database_url) | {"DRUMBEAT_READ_DATABASE_URL": second_database}
    env = {**os.environ, **{k: str(v) for k, v in how.items()}}
    assert drumbeat_inside("streams", "create", env=env).returncode == 0
    with running(tmp_path, how) as up:
        assert until(_shows_everything(up), 60), up.said[-3000:]
    with closing(psycopg.connect(second_database)) as there:
        assert there.execute("SELECT to_regclass('ledger.events') IS NULL").fetchone() == (True,)
        assert there.execute("SELECT count(*) FROM live.contacts").fetchone() == (PEOPLE,)
    with closing(psycopg.connect(database_url)) as here:
        assert here.execute("SELECT count(*) FROM readmodel.checkpoints").fetchone() == (0,)
    # The read models show people, with keys from the log's database; nothing else of a whole run holds them.
    known = _personal(second_database)
    assert len(known) > PEOPLE
    log, published = _contents(database_url), _published(kafka_cluster, how)
    assert published.count(b'"sealed"') >= PEOPLE
    assert [word for word in known if word in log or word in published or word in up.said.encode()] == []


def _personal(url: str) -> list[bytes]:
    """Every name, phone, email and summary that the read models show."""
    with closing(psycopg.connect(url)) as connection:
        found = connection.execute(
            "SELECT unnest(ARRAY[name, phone, email]) FROM live.contacts UNION SELECT summary FROM live.attempts"
        ).fetchall()
    return [value.encode() for (value,) in found if value]


def _contents(url: str) -> bytes:
    """Every value of every table of the log's database, as a dump of it has them."""
    with closing(psycopg.connect(url)) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        found = []
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}".encode(), binary=True):
                found += [bytes(v) if isinstance(v, bytes) else str(v).encode() for v in row]
    return b"\n".join(found)


def _published(cluster: Cluster, how: dict[str, object]) -> bytes:
    """Every record of every topic: keys, values and headers."""
    wanted = topics_as_set(read({name: str(value) for name, value in how.items()}))
    return b"\n".join(records(cluster, wanted))


def _shows_everything(up: Machine) -> Callable[[], bool]:
    def shows() -> bool:
        answer = up.get("/campaigns?limit=1")
        return bool(answer and answer["items"] and answer["freshness"]["lag_events"] == 0)

    return shows
