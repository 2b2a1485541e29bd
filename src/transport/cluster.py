"""How a Kafka cluster is reached, and what must be true of this machine before it is."""

import importlib.util
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from drumbeat.settings import Settings

_NEEDED: Final = {
    "kafka": "kafka-python",
    # Without it every checksum is computed in Python: 12,000 records a second are encoded, with it 77,000.
    "crc32c": "crc32c",
    "lz4": "lz4",
}
COMPRESSION: Final = "lz4"


class KafkaProblem(Exception):
    """The base of what can be wrong with Kafka as we use it. The message is a line for people."""


class KafkaUnfit(KafkaProblem):
    """Never: this machine, these settings or these topics must be put right by somebody first."""


class KafkaRefused(KafkaUnfit):
    """Never: the brokers refuse the user, the password or the operation."""


class KafkaAway(KafkaProblem):
    """Later: no broker answers, or those that do cannot take anything now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster and the names of our topics in it. `bootstrap` is `HOST:PORT`, several with commas."""

    bootstrap: str
    topic_prefix: str = "drumbeat."
    security: str = "PLAINTEXT"
    ca_file: Path | None = None
    mechanism: str = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def options(self, client_id: str) -> dict[str, Any]:
        """What every client of the library is made with."""
        made: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": client_id,
            "security_protocol": self.security,
        }
        if self.security.endswith("SSL"):
            made["ssl_cafile"] = None if self.ca_file is None else str(self.ca_file)
        if self.security.startswith("SASL"):
            made["sasl_mechanism"] = self.mechanism
            made["sasl_plain_username"] = self.user
            made["sasl_plain_password"] = self.password
        return made

    def topic(self, name: str) -> str:
        """The full name of one of our topics: `contacts` → `drumbeat.contacts`."""
        return self.topic_prefix + name


def require_libraries() -> None:
    """Raises `KafkaUnfit` when a package of the kafka extra is missing; without some of them all would be slow."""
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise KafkaUnfit(f"{', '.join(missing)} is not installed: install drumbeat[kafka]")


def cluster_of(settings: Settings) -> Cluster:
    """The Kafka cluster of the settings. Raises `KafkaUnfit` when they name none."""
    if settings.kafka_bootstrap is None:
        raise KafkaUnfit("DRUMBEAT_KAFKA_BOOTSTRAP is not set: it names the Kafka brokers, HOST:PORT")
    return Cluster(
        bootstrap=settings.kafka_bootstrap,
        topic_prefix=settings.kafka_topic_prefix,
        security=settings.kafka_security.value,
        ca_file=settings.kafka_ca_file,
        mechanism=settings.kafka_mechanism.value,
        user=settings.kafka_user,
        password=settings.kafka_password,
    )


def quieten_the_library(level: int = logging.CRITICAL) -> None:
    """Keep the library's own log to itself: it tells every attempt to connect, and we tell every failure once."""
    library = logging.getLogger("kafka")
    if not library.isEnabledFor(logging.DEBUG):
        library.setLevel(level)
        # A coordinator that is away is looked for a hundred times a second until another one takes over.
        logging.getLogger("kafka.coordinator").setLevel(max(level, logging.ERROR))
