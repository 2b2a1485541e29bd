"""What the tests may rely on of the brokers that they start: secured listeners, faults, an end."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from support.kafka import Broker, three_brokers
from support.kafka.configuration import quiet_ports
from support.kafka.wire import answers
from support.machine import lives, until
from support.proxy import line_to

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
Make = Callable[..., Broker]


@pytest.mark.long
def test_a_secured_broker_lets_in_who_knows_the_password_and_trusts_its_certificate(kafka_broker: Make) -> None:
    broker = kafka_broker(users={"alice": "right"}, tls=True)
    for security in ("SASL_PLAINTEXT", "SSL", "SASL_SSL"):
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            cluster = broker.cluster(security=security, mechanism=mechanism, user="alice")
            with closing(KafkaAdminClient(**cluster.options("tests"))) as admin:
                assert admin.list_topics() == []


@pytest.mark.long
def test_a_secured_broker_refuses_a_wrong_password(kafka_broker: Make) -> None:
    broker = kafka_broker(users={"alice": "right"})
    wrong = broker.cluster(security="SASL_PLAINTEXT", mechanism="PLAIN", user="alice", password="wrong")
    with pytest.raises(KafkaError):
        KafkaAdminClient(**wrong.options("tests"), bootstrap_timeout_ms=2_000)
    assert "Failed authentication with /127.0.0.1" in broker.log


@pytest.mark.long
def test_a_paused_broker_is_silent_until_it_is_resumed(kafka_broker: Make) -> None:
    broker = kafka_broker()
    broker.pause()
    assert broker.is_running
    assert not answers(broker.ports["PLAINTEXT"], seconds=0.5)
    broker.resume()
    assert until(lambda: answers(broker.ports["PLAINTEXT"]))


@pytest.mark.long
def test_clients_are_sent_through_a_line_that_the_test_can_cut(kafka_broker: Make) -> None:
    (port,) = quiet_ports(1)
    with line_to(f"postgresql://nobody@127.0.0.1:{port}/none") as line:
        broker = kafka_broker(port=port, advertised_port=line.port)
        assert broker.bootstrap == f"127.0.0.1:{line.port}"
        with closing(KafkaAdminClient(**broker.cluster().options("tests"))) as admin:
            admin.create_topics({"one": {"num_partitions": 1, "replication_factor": 1}})
        line.cut()
        with pytest.raises(KafkaError):
            KafkaAdminClient(**broker.cluster().options("tests"), bootstrap_timeout_ms=500)
        line.mend()
        with closing(KafkaAdminClient(**broker.cluster().options("tests"))) as admin:
            assert admin.list_topics() == ["one"]


@pytest.mark.long
def test_a_broker_ends_with_the_process_that_started_it_however_that_ends(
    kafka_programs: Path, tmp_path: Path
) -> None:
    program = (
        "import pathlib, sys, time\nfrom support.kafka import Broker\n"
        "broker = Broker(pathlib.Path(sys.argv[1]), discard=True)\nbroker.start()\n"
        "print(broker.pid, flush=True)\ntime.sleep(600)"
    )
    folder = tmp_path / "broker"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert lives(pid)
        owner.kill()
    assert until(lambda: not lives(pid))
    assert until(lambda: not folder.exists())


@pytest.mark.long
def test_three_brokers_go_on_without_one_of_them(
    kafka_goes_away: None, kafka_programs: Path, tmp_path: Path
) -> None:
    with three_brokers(tmp_path) as brokers:
        cluster = brokers.cluster()
        with closing(KafkaAdminClient(**cluster.options("tests"))) as admin:
            admin.create_topics({"one": {"num_partitions": 3, "replication_factor": 3}})
            admin.wait_for_topics(["one"])
        producer = KafkaProducer(**cluster.options("tests"), acks="all", enable_idempotence=True)
        with closing(producer):
            for number in range(60):
                if number == 20:
                    brokers.node(2).kill()
                if number == 40:
                    brokers.node(2).start()
                producer.send("one", key=str(number).encode(), value=str(number).encode()).get(timeout=60)
        consumer = KafkaConsumer(**cluster.options("tests"), auto_offset_reset="earliest")
        with closing(consumer):
            consumer.assign([TopicPartition("one", partition) for partition in range(3)])
            assert {int(next(consumer).value) for _ in range(60)} == set(range(60))
