"""What is not about a topic as the settings want it, and what somebody should do about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from drumbeat.transport.topic_definitions import CLEANUP, MAX_BYTES, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A topic as the brokers have it."""

    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something about a topic that is not as the settings want it. `breaks`: nobody may work with it so."""

    topic: str
    what: str
    wanted: str
    found: str
    advice: str
    breaks: bool

    def line(self) -> str:
        """For people, on one line."""
        return f"{self.topic}: {self.what} is {self.found}, but should be {self.wanted}; {self.advice}"


class State(StrEnum):
    """How a topic was found."""

    AS_TOLD = "as_told"
    MADE = "made"
    MISSING = "missing"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one topic."""

    topic: str
    state: State
    differences: tuple[Difference, ...] = field(default=())


def differences(topic: Topic, found: Found) -> Iterator[Difference]:
    """Everything in which a topic differs, what breaks it first."""
    if found.partitions != topic.partitions:
        yield Difference(
            topic=topic.name,
            what="the number of partitions",
            wanted=str(topic.partitions),
            found=str(found.partitions),
            advice=_about_partitions(topic, found),
            breaks=True,
        )
    if found.replication != topic.replication:
        yield Difference(
            topic=topic.name,
            what="the number of copies",
            wanted=str(topic.replication),
            found=str(found.replication),
            advice="set DRUMBEAT_KAFKA_REPLICATION to it, or move the partitions with Kafka's reassignment tool",
            breaks=False,
        )
    for key, wanted in topic.config.items():
        told = found.config.get(key, "not told")
        if not _is_enough(key, wanted, told):
            yield Difference(
                topic=topic.name,
                what=key,
                wanted=wanted,
                found=told,
                advice=f"`kafka-configs.sh --alter --topic {topic.name} --add-config {key}={wanted}` sets it",
                breaks=key in {MAX_BYTES, CLEANUP},
            )


def _about_partitions(topic: Topic, found: Found) -> str:
    variable = {
        "contacts": "DRUMBEAT_KAFKA_CONTACTS_PARTITIONS",
        "campaigns": "DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS",
    }
    setting = variable.get(topic.definition.name, "DRUMBEAT_KAFKA_OTHER_PARTITIONS")
    # Keys already written stay where they are while the same key goes elsewhere from now on.
    return (
        f"another number moves keys to other partitions and breaks the order of streams: if the setting was "
        f"changed, set {setting}={found.partitions}; if the topic was, choose a new DRUMBEAT_KAFKA_TOPIC_PREFIX, "
        f"run `drumbeat streams create`, let the relay publish again from position 0, and rebuild the read models"
    )


def _is_enough(key: str, wanted: str, told: str) -> bool:
    if key == MAX_BYTES and told.isdecimal():
        return int(told) >= int(wanted)
    return told == wanted
