"""The files of `streams/topics`: what they promise, how settings change them, what differences are refused."""

from dataclasses import replace

import pytest

from drumbeat.events import FACTS
from drumbeat.settings import Settings
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.topic_definitions import (
    DEFAULT_MAX_EVENT_BYTES,
    Topic,
    definitions,
    topic_of,
    topics_as_set,
    topics_of,
)
from drumbeat.transport.topic_differences import Difference, Found, differences

CLUSTER = Cluster(bootstrap="nowhere:9092", topic_prefix="acme.")


def as_set(**settings: int) -> tuple[Topic, ...]:
    there = {"kafka_bootstrap": CLUSTER.bootstrap, "kafka_topic_prefix": CLUSTER.topic_prefix}
    return topics_as_set(Settings.model_validate({**there, **settings}))


def wanted(name: str, *, replication: int = 1, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> Topic:
    topics = as_set(kafka_replication=replication, max_event_bytes=max_event_bytes)
    return next(topic for topic in topics if topic.name == f"acme.{name}")


def as_wanted(topic: Topic) -> Found:
    return Found(partitions=topic.partitions, replication=topic.replication, config=topic.config)


def test_there_is_a_topic_for_each_kind_of_stream_and_one_for_dead_letters() -> None:
    assert {one.name: one.stream for one in definitions()} == {
        "campaigns": "campaign",
        "contacts": "contact",
        "senders": "sender",
        "schedules": "schedule",
        "suppressions": "suppression",
        "workspaces": "workspace",
        "people": "person",
        "dead-letters": None,
    }


@pytest.mark.parametrize("type_name", sorted(FACTS))
def test_every_type_of_event_has_a_topic(type_name: str) -> None:
    assert topic_of(type_name) in {one.name for one in definitions()}


def test_a_type_of_no_stream_has_no_topic() -> None:
    with pytest.raises(LookupError, match=r"weather\.changed\.v1"):
        topic_of("weather.changed.v1")


@pytest.mark.parametrize("definition", definitions(), ids=lambda one: one.name)
def test_every_file_says_who_writes_under_which_key_in_which_order_and_for_how_long(definition: object) -> None:
    for said in ("summary", "owner", "key", "order", "growth"):
        assert len(getattr(definition, said)) > 20


def test_the_files_and_the_settings_have_the_same_partitions_by_default() -> None:
    for topic in as_set():
        assert topic.partitions == topic.definition.partitions


def test_events_are_kept_for_ever_and_never_compacted() -> None:
    for topic in topics_of(CLUSTER, {}, 1):
        assert topic.config["cleanup.policy"] == "delete"
        assert (topic.config["retention.ms"] == "-1") is (topic.definition.stream is not None)


def test_settings_change_partitions_by_name_and_for_all_others() -> None:
    topics = as_set(kafka_contacts_partitions=12, kafka_campaigns_partitions=5, kafka_other_partitions=2)
    assert {topic.definition.name: topic.partitions for topic in topics if topic.partitions != 2} == {
        "contacts": 12,
        "campaigns": 5,
    }


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_with_three_copies_two_must_have_a_record(replication: int, in_sync: str) -> None:
    assert wanted("contacts", replication=replication).config["min.insync.replicas"] == in_sync


def test_the_largest_event_and_the_dead_letter_that_holds_it_fit_their_topics() -> None:
    for largest in (DEFAULT_MAX_EVENT_BYTES, 5_000_000):
        topics = {name: wanted(name, max_event_bytes=largest) for name in ("contacts", "dead-letters")}
        room = {name: int(topic.config["max.message.bytes"]) for name, topic in topics.items()}
        assert room["contacts"] > largest + 10_000
        assert room["dead-letters"] > largest * 4 / 3 + 10_000


def test_the_default_room_is_that_of_the_brokers_themselves() -> None:
    assert wanted("contacts").config["max.message.bytes"] == "1048588"


def test_a_topic_as_wanted_has_no_difference() -> None:
    for topic in topics_of(CLUSTER, {}, 3):
        assert list(differences(topic, as_wanted(topic))) == []


def test_more_room_than_wanted_is_no_difference() -> None:
    topic = wanted("contacts")
    roomy = replace(as_wanted(topic), config={**topic.config, "max.message.bytes": "9000000"})
    assert list(differences(topic, roomy)) == []


def only(topic: Topic, found: Found) -> Difference:
    (difference,) = differences(topic, found)
    return difference


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("contacts", "DRUMBEAT_KAFKA_CONTACTS_PARTITIONS=7"),
        ("campaigns", "DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS=7"),
        ("people", "DRUMBEAT_KAFKA_OTHER_PARTITIONS=7"),
    ],
)
def test_other_partitions_break_the_order_and_the_line_says_what_to_do(name: str, setting: str) -> None:
    topic = wanted(name)
    difference = only(topic, replace(as_wanted(topic), partitions=7))
    assert difference.breaks
    for words in (f"acme.{name}", "is 7", f"should be {topic.partitions}", setting, "PREFIX", "from position 0"):
        assert words in difference.line()
    assert "\n" not in difference.line()


@pytest.mark.parametrize(
    ("key", "value", "breaks"),
    [
        ("max.message.bytes", "1000", True),
        ("cleanup.policy", "compact", True),
        ("cleanup.policy", "compact,delete", True),
        ("retention.ms", "604800000", False),
        ("min.insync.replicas", "2", False),
        ("message.timestamp.type", "LogAppendTime", False),
    ],
)
def test_other_configuration_is_told_with_the_command_that_sets_it(key: str, value: str, breaks: bool) -> None:
    topic = wanted("contacts")
    difference = only(topic, replace(as_wanted(topic), config={**topic.config, key: value}))
    assert difference.breaks is breaks
    assert f"--topic acme.contacts --add-config {key}={topic.config[key]}" in difference.line()


def test_other_copies_are_told_and_break_nothing() -> None:
    topic = wanted("contacts", replication=3)
    difference = only(topic, replace(as_wanted(topic), replication=2))
    assert not difference.breaks
    assert "DRUMBEAT_KAFKA_REPLICATION" in difference.line()
