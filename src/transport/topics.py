"""Making and checking our topics on the brokers.

What is there already is never changed here: a difference is named, with what to do about it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import (
    AuthorizationError,
    KafkaTimeoutError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from drumbeat.transport.admin import admin, refusal
from drumbeat.transport.cluster import Cluster, KafkaAway, KafkaRefused, KafkaUnfit
from drumbeat.transport.topic_definitions import (
    Topic,
    TopicDefinition,
    definitions,
    topic_of,
    topics_as_set,
    topics_of,
)
from drumbeat.transport.topic_differences import Difference, Found, Outcome, State, differences


def create_or_check(cluster: Cluster, wanted: Sequence[Topic], *, make: bool = True) -> list[Outcome]:
    """Make the topics that are missing and compare the others; without `make`, compare only.

    What was made is visible on the brokers, with a leader for each partition, when this returns. Raises
    `KafkaAway`, `KafkaRefused`, and `KafkaUnfit` when the brokers cannot make a topic so.
    """
    with admin(cluster) as client:
        found = _describe(cluster, client, wanted)
        missing = [topic for topic in wanted if topic.name not in found]
        made = _create(cluster, client, missing) if make and missing else set()
        if len(made) < len(missing):
            found = _describe(cluster, client, [topic for topic in wanted if topic.name not in made])
    return [_outcome(topic, made, found) for topic in wanted]


def check(cluster: Cluster, wanted: Sequence[Topic]) -> None:
    """Raises `KafkaUnfit`, a line each, for topics that are missing or would break order, events or writing.

    Also raises `KafkaAway` and `KafkaRefused`. To be called before anything is produced: a topic that is written
    to without being there may be made by the broker, with numbers of its own.
    """
    lines: list[str] = []
    for outcome in create_or_check(cluster, wanted, make=False):
        if outcome.state is State.MISSING:
            lines.append(f"{outcome.topic}: is missing; `drumbeat streams create` makes it")
        lines += [one.line() for one in outcome.differences if one.breaks]
    if lines:
        raise KafkaUnfit("\n".join(lines))


def partition_counts(cluster: Cluster, names: Sequence[str]) -> dict[str, int]:
    """How many partitions these topics have, by full name.

    Raises `KafkaAway`, also for a topic that is missing or has no leader yet; `KafkaRefused`.
    """
    with admin(cluster) as client:
        counts: dict[str, int] = {}
        for answer in client.describe_topics(list(names)):
            error = for_code(answer["error_code"])
            if issubclass(error, AuthorizationError):
                raise KafkaRefused(refusal(cluster, error(f"looking at the topic {answer['name']}")))
            if error is NoError:
                counts[answer["name"]] = len(answer["partitions"])
    missing = sorted(set(names) - counts.keys())
    if missing:
        raise KafkaAway(f"{', '.join(missing)} is missing; `drumbeat streams create` makes it")
    return counts


def _create(cluster: Cluster, client: KafkaAdminClient, missing: Sequence[Topic]) -> set[str]:
    """The names of the topics that were made; what somebody else made meanwhile is not among them."""
    asked = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": dict(topic.config),
        }
        for topic in missing
    }
    made: set[str] = set()
    problems: list[str] = []
    for answer in client.create_topics(asked, raise_errors=False)["topics"]:
        error = for_code(answer["error_code"])
        if error is NoError:
            made.add(answer["name"])
        elif issubclass(error, AuthorizationError):
            raise KafkaRefused(refusal(cluster, error(f"making the topic {answer['name']}")))
        elif error is not TopicAlreadyExistsError:
            problems.append(f"{answer['name']}: cannot be made; {answer['error_message'] or error.__name__}")
    if problems:
        raise KafkaUnfit("\n".join(problems))
    try:
        client.wait_for_topics([topic.name for topic in missing])
    except KafkaTimeoutError as error:
        raise KafkaAway(f"the topics were made, but are not ready yet: {error}") from error
    return made


def _describe(cluster: Cluster, client: KafkaAdminClient, wanted: Sequence[Topic]) -> dict[str, Found]:
    if not wanted:
        return {}
    there: dict[str, Any] = {}
    for answer in client.describe_topics([topic.name for topic in wanted]):
        error = for_code(answer["error_code"])
        if issubclass(error, AuthorizationError):
            raise KafkaRefused(refusal(cluster, error(f"looking at the topic {answer['name']}")))
        if error is NoError:
            there[answer["name"]] = answer["partitions"]
        elif error is not UnknownTopicOrPartitionError:
            raise error(f"looking at the topic {answer['name']}")
    asked = [ConfigResource("topic", topic.name, list(topic.config)) for topic in wanted if topic.name in there]
    told = client.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
    for name in there:
        if not told.get(name):  # the library passes over what the brokers say instead
            raise KafkaRefused(refusal(cluster, AuthorizationError(f"looking at the configuration of {name}")))
    return {
        name: Found(
            partitions=len(partitions),
            replication=min(len(one["replica_nodes"]) for one in partitions),
            config={key: str(entry["value"]) for key, entry in told.get(name, {}).items()},
        )
        for name, partitions in there.items()
    }


def _outcome(topic: Topic, made: set[str], found: Mapping[str, Found]) -> Outcome:
    if topic.name in made:
        return Outcome(topic=topic.name, state=State.MADE)
    if topic.name not in found:
        return Outcome(topic=topic.name, state=State.MISSING)
    unlike = tuple(differences(topic, found[topic.name]))
    return Outcome(topic=topic.name, state=State.DIFFERENT if unlike else State.AS_TOLD, differences=unlike)


__all__ = [
    "Difference", "Found", "Outcome", "State", "Topic", "TopicDefinition",
    "check", "create_or_check", "definitions", "partition_counts", "topic_of", "topics_as_set",
    "topics_of",
]  # fmt: skip
