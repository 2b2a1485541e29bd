"""Topics on a real broker: made as told, compared without a change, and every failure told by its name."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from drumbeat.settings import Settings
from drumbeat.transport.cluster import Cluster, KafkaAway, KafkaRefused, KafkaUnfit
from drumbeat.transport.topic_definitions import definitions
from drumbeat.transport.topics import State, Topic, check, create_or_check, topics_as_set, topics_of
from support.kafka import Broker
from support.machine import free_ports, until

pytestmark = pytest.mark.kafka


def wanted(cluster: Cluster, **settings: int) -> tuple[Topic, ...]:
    there = {"kafka_bootstrap": cluster.bootstrap, "kafka_topic_prefix": cluster.topic_prefix}
    return topics_as_set(Settings.model_validate({**there, **settings}))


def make(cluster: Cluster, **settings: int) -> set[State]:
    return {outcome.state for outcome in create_or_check(cluster, wanted(cluster, **settings))}


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = {thread.name for thread in threading.enumerate()}
    yield
    after = {thread.name for thread in threading.enumerate()} - before
    assert not any(name.startswith("kafka-io-drumbeat") for name in after)


def test_topics_are_made_once_and_are_as_told_from_then_on(kafka_cluster: Cluster) -> None:
    assert make(kafka_cluster) == {State.MADE}
    assert make(kafka_cluster) == {State.AS_TOLD}
    check(kafka_cluster, wanted(kafka_cluster))
    with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
        there = admin.describe_topics([topic.name for topic in wanted(kafka_cluster)])
    assert {
        topic["name"].removeprefix(kafka_cluster.topic_prefix): len(topic["partitions"]) for topic in there
    } == {
        "campaigns": 3,
        "contacts": 6,
        "dead-letters": 1,
        "people": 1,
        "schedules": 1,
        "senders": 1,
        "suppressions": 1,
        "workspaces": 1,
    }


def test_looking_makes_nothing_and_names_what_is_missing(kafka_cluster: Cluster) -> None:
    looked = create_or_check(kafka_cluster, wanted(kafka_cluster), make=False)
    assert {outcome.state for outcome in looked} == {State.MISSING}
    with pytest.raises(KafkaUnfit) as refused:
        check(kafka_cluster, wanted(kafka_cluster))
    lines = str(refused.value).splitlines()
    assert len(lines) == len(definitions())
    assert lines[0] == f"{kafka_cluster.topic('campaigns')}: is missing; `drumbeat streams create` makes it"


def test_only_what_is_missing_is_made(kafka_cluster: Cluster) -> None:
    create_or_check(kafka_cluster, wanted(kafka_cluster)[:3])
    outcomes = create_or_check(kafka_cluster, wanted(kafka_cluster))
    assert [outcome.state for outcome in outcomes] == [State.AS_TOLD] * 3 + [State.MADE] * (len(definitions()) - 3)


def test_another_number_of_partitions_is_refused_by_name_and_changed_by_nobody(kafka_cluster: Cluster) -> None:
    make(kafka_cluster)
    more = wanted(kafka_cluster, kafka_contacts_partitions=8)
    for _ in range(2):
        different = [one for one in create_or_check(kafka_cluster, more) if one.state is State.DIFFERENT]
        assert [one.topic for one in different] == [kafka_cluster.topic("contacts")]
    with pytest.raises(KafkaUnfit, match=r"contacts: the number of partitions is 6, but should be 8"):
        check(kafka_cluster, more)


def test_a_topic_that_was_given_more_partitions_is_refused(kafka_cluster: Cluster) -> None:
    make(kafka_cluster)
    with closing(KafkaAdminClient(**kafka_cluster.options("tests"))) as admin:
        admin.create_partitions({kafka_cluster.topic("campaigns"): 5})
    assert until(lambda: State.DIFFERENT in make(kafka_cluster), seconds=10)  # metadata takes its time to arrive
    with pytest.raises(KafkaUnfit, match=r"campaigns: the number of partitions is 5, but should be 3"):
        check(kafka_cluster, wanted(kafka_cluster))


def test_a_topic_that_takes_no_large_events_is_refused(kafka_cluster: Cluster) -> None:
    make(kafka_cluster)
    larger = wanted(kafka_cluster, max_event_bytes=3_000_000)
    with pytest.raises(KafkaUnfit, match=r"people: max\.message\.bytes is 1048588, but should be 3065536"):
        check(kafka_cluster, larger)


def test_what_breaks_nothing_is_told_but_not_refused(kafka_cluster: Cluster) -> None:
    create_or_check(
        kafka_cluster,
        [replace(one, config={**one.config, "retention.ms": "1000000"}) for one in wanted(kafka_cluster)],
    )
    (contacts,) = [
        one for one in create_or_check(kafka_cluster, wanted(kafka_cluster)) if one.topic.endswith(".contacts")
    ]
    assert [(one.what, one.found, one.wanted) for one in contacts.differences] == [
        ("retention.ms", "1000000", "-1")
    ]
    check(kafka_cluster, wanted(kafka_cluster))


def test_what_the_brokers_cannot_make_is_told_in_their_words(kafka_cluster: Cluster) -> None:
    with pytest.raises(KafkaUnfit, match=r"contacts: cannot be made; .*replicat"):
        create_or_check(kafka_cluster, topics_of(kafka_cluster, {}, replication=15))


@pytest.mark.long
@pytest.mark.slow
def test_refusals_are_told_by_name_within_ten_seconds(kafka_broker: Callable[..., Broker]) -> None:
    rules = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:ada",
    }
    broker = kafka_broker(users={"ada": "right", "bob": "right"}, overrides=rules)
    ada = broker.cluster(security="SASL_PLAINTEXT", user="ada")
    assert make(ada) == {State.MADE}
    bob = broker.cluster(security="SASL_PLAINTEXT", user="bob")
    with pytest.raises(KafkaRefused, match="do not allow user 'bob'"):
        check(bob, wanted(bob))
    with pytest.raises(KafkaRefused, match="do not allow user 'bob'"):
        make(replace(bob, topic_prefix="bobs."))
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        began = time.monotonic()
        with pytest.raises(KafkaRefused, match="refuse user 'ada' or the password") as refused:
            check(replace(ada, mechanism=mechanism, password="wrong"), wanted(ada))
        assert time.monotonic() - began < 10
        assert "wrong" not in str(refused.value)


@pytest.mark.long
@pytest.mark.slow
def test_tls_with_a_certificate_that_nobody_trusts_says_so(kafka_broker: Callable[..., Broker]) -> None:
    cluster = kafka_broker(tls=True).cluster(security="SSL")
    assert make(cluster) == {State.MADE}
    with pytest.raises(KafkaAway, match=r"\(SSL\).*CERTIFICATE_VERIFY_FAILED"):
        check(replace(cluster, ca_file=None), wanted(cluster))
    with pytest.raises(KafkaUnfit, match="DRUMBEAT_KAFKA_CA_FILE names no file"):
        check(replace(cluster, ca_file=Path("/nowhere/ca.pem")), wanted(cluster))


@pytest.mark.long
@pytest.mark.slow
def test_an_address_where_nobody_listens_is_told_within_ten_seconds() -> None:
    nowhere = Cluster(bootstrap=f"127.0.0.1:{free_ports(1)[0]}")
    began = time.monotonic()
    with pytest.raises(KafkaAway, match=nowhere.bootstrap):
        check(nowhere, wanted(nowhere))
    assert time.monotonic() - began < 10
