"""The words that settings choose from."""

from enum import StrEnum


class LogFormat(StrEnum):
    """How log records are written to standard error."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The least severe level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class KafkaSecurity(StrEnum):
    """How clients reach the brokers, in Kafka's own words."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class KafkaMechanism(StrEnum):
    """How a user name and a password are shown to a broker."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class ProjectionSource(StrEnum):
    """Where projectors get their events."""

    AUTO = "auto"
    LOG = "log"
    KAFKA = "kafka"


class MetricsFor(StrEnum):
    """Who may read `/metrics` on the API's port."""

    ALL = "all"
    KEYS = "keys"
