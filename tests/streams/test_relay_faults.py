"""Brokers that die, stall, refuse and take nothing: named each time, nothing lost, publishing goes on."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.relay_standing import relay_standing
from support.disks import filled, small_disk
from support.following import reported
from support.kafka import Broker, broker_in, kafka_tool
from support.kafka.certificates import CA_FILE, make_certificates
from support.kafka.configuration import quiet_ports
from support.machine import until
from support.proxy import Line
from support.relaying import catches_up, compare_with_log, goes_on, incompressible, make_topics, relaying, writing
from support.sealing import MASTER

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


MakeBroker = Callable[..., Broker]


@pytest.mark.long
def test_a_broker_that_is_killed_and_started_again_is_published_to_within_seconds(
    database_url: str, kafka_broker: MakeBroker
) -> None:
    broker = kafka_broker()
    cluster = broker.cluster()
    wanted = make_topics(cluster)
    with relaying(database_url, cluster, wanted, overdue_seconds=1.0) as running:
        with writing(database_url, writers=1, pause_seconds=0.02):
            for _ in range(2):
                assert goes_on(running)
                broker.kill()
                assert until(lambda: running.relay.stats.fault_kind == "away")
                standing = relay_standing(database_url, cluster.topic_prefix)
                assert standing is not None
                assert cluster.bootstrap in str(standing.fault)
                assert until(lambda: running.relay.stats.lag_events > 10)
                broker.start()
                answered_at = time.monotonic()
                assert until(lambda: running.relay.stats.fault is None)
                assert time.monotonic() - answered_at < 10
        assert catches_up(database_url, cluster)
    compare_with_log(database_url, cluster, wanted)


@pytest.mark.long
def test_a_broker_that_stalls_is_waited_for_and_what_it_took_meanwhile_is_no_harm(
    database_url: str, kafka_broker: MakeBroker
) -> None:
    broker = kafka_broker()
    cluster = broker.cluster()
    wanted = make_topics(cluster)
    with relaying(database_url, cluster, wanted, overdue_seconds=1.5) as running:
        stats = running.relay.stats
        with writing(database_url, writers=1):
            for is_long in (False, True):
                assert goes_on(running)
                more = stats.high_water + 300
                broker.pause()
                assert until(lambda: stats.failures["away"] > 0 if is_long else stats.high_water > more)  # noqa: B023
                broker.resume()
                assert goes_on(running)
        assert catches_up(database_url, cluster)
    compare_with_log(database_url, cluster, wanted)


@pytest.mark.long
def test_a_line_to_the_broker_that_is_cut_again_and_again_loses_and_reorders_nothing(
    database_url: str, kafka_broker: MakeBroker
) -> None:
    (port,) = quiet_ports(1)
    with closing(Line(f"postgresql://nobody@127.0.0.1:{port}/none")) as line:
        broker = kafka_broker(port=port, advertised_port=line.port)
        cluster = broker.cluster()
        wanted = make_topics(cluster)
        with relaying(database_url, cluster, wanted, overdue_seconds=2.0) as running:
            with writing(database_url, writers=2):
                for _ in range(6):
                    assert goes_on(running)
                    line.cut()
                    line.mend()
            assert catches_up(database_url, cluster)
        compare_with_log(database_url, cluster, wanted)


@pytest.mark.long
def test_a_broker_that_lets_little_through_is_published_to_as_fast_as_it_allows(
    database_url: str, kafka_broker: MakeBroker
) -> None:
    cluster = kafka_broker().cluster()
    wanted = make_topics(cluster)
    quota(cluster, "--add-config", "producer_byte_rate=100000")
    with relaying(database_url, cluster, wanted, overdue_seconds=20.0) as running:
        started = time.monotonic()
        for _ in range(3):
            with closing(EventStoreLedger(database_url, master=MASTER)) as ledger:
                ledger.append([incompressible(10_000) for _ in range(60)])
            assert catches_up(database_url, cluster)
        assert time.monotonic() - started > 2
        assert running.relay.stats.fault is None
    assert compare_with_log(database_url, cluster, wanted).repeats == 0


def quota(cluster: Cluster, *change: str) -> None:
    """Change how much the relay may write in a second."""
    entity = ("--entity-type", "clients", "--entity-name", "drumbeat-relay")
    done = kafka_tool(
        "kafka.admin.ConfigCommand", "--bootstrap-server", cluster.bootstrap, "--alter", *change, *entity
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_a_broker_whose_disk_is_full_is_published_to_when_there_is_room_again(
    database_url: str, kafka_programs: Path, tmp_path: Path
) -> None:
    with small_disk(160, tmp_path / "disk") as disk, broker_in(disk / "broker") as broker:
        cluster = broker.cluster()
        wanted = make_topics(cluster)
        with relaying(database_url, cluster, wanted, overdue_seconds=2.0) as running:
            with writing(database_url, writers=1, pause_seconds=0.02):
                assert until(lambda: running.relay.stats.events > 0)
                with filled(disk, leave_bytes=0):
                    assert until(lambda: running.relay.stats.fault is not None)
                # Kafka ends itself when it cannot write; starting it again is its supervisor's.
                broker.kill()
                broker.start()
                assert until(lambda: running.relay.stats.fault is None)
            assert catches_up(database_url, cluster)
        compare_with_log(database_url, cluster, wanted)


@pytest.mark.long
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
def test_a_refused_password_is_named_and_publishing_begins_when_the_brokers_know_it(
    database_url: str, kafka_broker: MakeBroker, mechanism: str
) -> None:
    broker = kafka_broker(users={"relay": "right"})
    wanted = make_topics(broker.cluster())
    refused = broker.cluster(security="SASL_PLAINTEXT", mechanism=mechanism, user="relay", password="other")
    with closing(EventStoreLedger(database_url, master=MASTER)) as ledger:
        ledger.append(reported(5))
    with relaying(database_url, refused, wanted) as running:
        assert until(lambda: running.relay.stats.fault_kind == "refused")
        assert "refuse user 'relay' or the password" in str(running.relay.stats.fault)
        assert "other" not in str(running.relay.stats.fault)
        with closing(_admin(broker.cluster())) as admin:
            known = ScramMechanism[mechanism.replace("-", "_")]
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion("relay", known, "other")])
        assert catches_up(database_url, refused)
    compare_with_log(database_url, broker.cluster(), wanted)


@pytest.mark.long
def test_it_publishes_through_tls_with_a_password(database_url: str, kafka_broker: MakeBroker) -> None:
    broker = kafka_broker(users={"relay": "right"}, tls=True)
    wanted = make_topics(broker.cluster())
    secured = broker.cluster(security="SASL_SSL", mechanism="PLAIN", user="relay")
    with closing(EventStoreLedger(database_url, master=MASTER)) as ledger:
        ledger.append(reported(5))
    with relaying(database_url, secured, wanted):
        assert catches_up(database_url, secured)
    assert compare_with_log(database_url, secured, wanted).count == 5


@pytest.mark.long
def test_a_certificate_that_is_not_trusted_is_a_fault_with_its_reason(
    database_url: str, kafka_broker: MakeBroker, tmp_path: Path
) -> None:
    broker = kafka_broker(tls=True)
    make_certificates(tmp_path)
    wanted = make_topics(broker.cluster())
    trusting = broker.cluster(security="SSL")
    suspicious = Cluster(
        bootstrap=trusting.bootstrap,
        topic_prefix=trusting.topic_prefix,
        security="SSL",
        ca_file=tmp_path / CA_FILE,
    )
    with relaying(database_url, suspicious, wanted) as running:
        assert until(lambda: running.relay.stats.fault is not None)
        assert "certificate" in str(running.relay.stats.fault).lower()


def _admin(cluster: Cluster) -> KafkaAdminClient:
    return KafkaAdminClient(**cluster.options("tests"))
