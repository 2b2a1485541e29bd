"""The settings of every process, read from DRUMBEAT_* variables of the environment, and from nowhere else.

docs/settings.md is generated from `Settings` and tested to equal it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from drumbeat.choices import KafkaMechanism, KafkaSecurity, LogFormat, LogLevel, MetricsFor, ProjectionSource

PREFIX = "DRUMBEAT_"

NOT_SETTINGS = ("DRUMBEAT_BANK_CSV", "DRUMBEAT_TEST_")
"""Beginnings of variables with our prefix that are read by the tests alone."""


class SettingsError(Exception):
    """A variable has a value that is not allowed, or is not known. The message is one line a variable."""


class Settings(BaseModel):
    """Every setting with its default, its range and what it does. Names end in their unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(default=Path(".drumbeat"), description="Folder of the embedded Postgres and its state.")
    database_url: str | None = Field(
        default=None,
        description="Postgres of your own, 17 or later (`postgresql://…`). Unset: the embedded server is started.",
    )
    read_database_url: str | None = Field(
        default=None,
        description="Postgres of the read models when it is another one than the log's. Unset: the log's.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="Master keys, mode 0600, never to be lost. Unset: made in the home folder.",
    )
    audit_key_file: Path | None = Field(
        default=None, description="Key that signs tree heads, mode 0600. Unset: made in the home folder."
    )
    audit_head_file: Path | None = Field(
        default=None, description="Where signed tree heads are published. Unset: in the home folder."
    )
    audit_head_seconds: float = Field(
        default=60.0, ge=1, le=86_400, description="How often a tree head is signed while the log grows."
    )
    api_host: str = Field(default="127.0.0.1", min_length=1, description="Address on which the API listens.")
    api_port: int = Field(default=8400, ge=1, le=65_535, description="Port of the API.")
    api_max_connections: int = Field(
        default=1_000, ge=1, le=100_000, description="Connections that clients may have open with the API at once."
    )
    api_commands_at_once: int = Field(
        default=4,
        ge=1,
        le=200,
        description="Commands that the API carries out at once; others wait. More where the database is far away.",
    )
    api_request_seconds: float = Field(
        default=30.0,
        ge=0.1,
        le=3_600,
        description="How long a request may take to arrive whole, and a client to take its answer.",
    )
    api_max_header_bytes: int = Field(
        default=32_768, ge=1_000, le=1_000_000, description="Largest request line and headers of a request."
    )
    api_max_body_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1_000, le=100_000_000, description="Largest body of a command."
    )
    idempotency_hours: float = Field(
        default=168.0, ge=0.01, le=87_600, description="How long an `Idempotency-Key` and its answer are kept."
    )
    max_name_characters: int = Field(
        default=200, ge=1, le=200, description="Longest name of a campaign, goal, sender or schedule."
    )
    max_note_characters: int = Field(
        default=10_000, ge=1, le=10_000, description="Longest note, description or reason of a cancellation."
    )
    max_batch_rows: int = Field(
        default=10_000, ge=1, le=10_000, description="Most contacts that one command may enrol."
    )
    max_page_rows: int = Field(default=500, ge=1, le=10_000, description="Most rows on a page of a list.")
    max_diff_contacts: int = Field(
        default=50_000, ge=1, le=10_000_000, description="Most contacts compared for what changed in a campaign."
    )
    max_simulated_contacts: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Most contacts of a simulation over HTTP."
    )
    project_metrics_port: int = Field(
        default=8401, ge=0, le=65_535, description="Port of the projector's `/metrics`; 0 switches it off."
    )
    policies_metrics_port: int = Field(
        default=8402, ge=0, le=65_535, description="Port of the policies' `/metrics`; 0 switches it off."
    )
    relay_metrics_port: int = Field(
        default=8403, ge=0, le=65_535, description="Port of the relay's `/metrics`; 0 switches it off."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="The least severe level that is logged.")
    log_format: LogFormat = Field(
        default=LogFormat.AUTO, description="How logs are written; auto: text on a terminal, else JSON."
    )
    database_pool_size: int = Field(default=10, ge=2, le=200, description="Connections that a process may hold.")
    database_wait_seconds: float = Field(
        default=10.0, ge=0.1, le=300, description="How long a command or a read waits for a connection."
    )
    max_event_bytes: int = Field(
        default=900_000, ge=1_000, le=100_000_000, description="Largest event that an append accepts."
    )
    snapshot_interval_events: int = Field(
        default=200, ge=10, le=100_000, description="A stream's state is kept as a snapshot every so many events."
    )
    projection_batch_events: int = Field(
        default=20_000, ge=1, le=100_000, description="Most events that a projector applies in one transaction."
    )
    projection_poll_ms: int = Field(
        default=20, ge=1, le=60_000, description="How often an idle projector looks for new events."
    )
    parked_limit_events: int = Field(
        default=1_000, ge=0, le=1_000_000, description="Parked events at which a projector stops and says so."
    )
    projection_source: ProjectionSource = Field(
        default=ProjectionSource.AUTO,
        description="Where projectors read: the log or Kafka; auto: Kafka when brokers are named.",
    )
    kafka_bootstrap: str | None = Field(
        default=None,
        pattern=r"^[^\s,:/]+:\d+(,[^\s,:/]+:\d+)*$",
        description="Kafka brokers of your own. Unset: no Kafka, and no relay.",
    )
    kafka_topic_prefix: str = Field(
        default="drumbeat.",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="What the names of all topics begin with.",
    )
    kafka_group: str = Field(
        default="drumbeat-projections",
        min_length=1,
        description="Consumer group of the projectors: those of one group share the partitions.",
    )
    kafka_instance: str | None = Field(
        default=None,
        min_length=1,
        description="Name of one projector in the group, kept over restarts. Unset: host and metrics port.",
    )
    kafka_contacts_partitions: int = Field(
        default=6, ge=1, le=1_000, description="Partitions of the topic of contacts; for good."
    )
    kafka_campaigns_partitions: int = Field(
        default=3, ge=1, le=1_000, description="Partitions of the topic of campaigns; for good."
    )
    kafka_other_partitions: int = Field(
        default=1, ge=1, le=1_000, description="Partitions of every other topic; for good."
    )
    kafka_replication: int = Field(
        default=1, ge=1, le=15, description="Copies of each partition when topics are made; 3 where are brokers."
    )
    kafka_security: KafkaSecurity = Field(
        default=KafkaSecurity.PLAINTEXT, description="How the brokers are reached: TLS, SASL, both or neither."
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="Certificates that brokers are trusted by (PEM). Unset: the system's."
    )
    kafka_mechanism: KafkaMechanism = Field(
        default=KafkaMechanism.SCRAM_SHA_512, description="How SASL shows user and password."
    )
    kafka_user: str | None = Field(default=None, description="User for SASL.")
    kafka_password: str | None = Field(default=None, description="Password for SASL.")
    policies_poll_ms: int = Field(
        default=200, ge=10, le=60_000, description="How often the policies look for due timers."
    )
    rebuild_outdated: bool = Field(
        default=True,
        description="Read models whose definition changed are made anew by themselves; else they wait for you.",
    )
    imports_at_once: int = Field(
        default=4, ge=1, le=1_000, description="Uploads of a workspace that wait or run; the next is answered 429."
    )
    read_wait_limit_seconds: float = Field(
        default=10.0, ge=0, le=60, description="Longest wait of a read for `at_least=POSITION`."
    )
    read_max_waiters: int = Field(
        default=64, ge=1, le=10_000, description="Reads that may wait at once; the next is answered 503."
    )
    as_of_kept: int = Field(
        default=4, ge=0, le=100, description="Earlier moments that the API keeps at hand, a connection each."
    )
    as_of_max_events: int = Field(
        default=500_000, ge=1, le=100_000_000, description="Most events folded to answer as of an earlier moment."
    )
    key_trusted_seconds: float = Field(
        default=5.0, ge=0, le=300, description="How long a revoked key may go on: that long a look-up is trusted."
    )
    key_requests_per_second: int = Field(
        default=500, ge=0, le=1_000_000, description="Requests of a key to one process in a second; 0: any number."
    )
    metrics_for: MetricsFor = Field(
        default=MetricsFor.ALL, description="Who reads the API's `/metrics`: all, or keys of the scope `operate`."
    )
    shutdown_seconds: float = Field(
        default=10.0, ge=0.5, le=300, description="How long `drumbeat up` waits for a process before it kills it."
    )

    @property
    def projects_from_kafka(self) -> bool:
        """Whether projectors read Kafka."""
        if self.projection_source is ProjectionSource.AUTO:
            return self.kafka_bootstrap is not None
        return self.projection_source is ProjectionSource.KAFKA

    @property
    def key_file(self) -> Path:
        """Where `drumbeat up` keeps the key of the person at this machine."""
        return self.home / "key"

    @property
    def postgres_home(self) -> Path:
        """Where the embedded Postgres keeps its state."""
        return self.home / "postgres"

    def address(self, port: int) -> str:
        """How a process of this machine reaches one that listens on `api_host` and this port."""
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound
        host = every.get(self.api_host, self.api_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @field_validator("database_url", "read_database_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError
        return value


_WORDS = {
    "database_url": "a postgresql:// URL",
    "read_database_url": "a postgresql:// URL",
    "kafka_bootstrap": "HOST:PORT, several with commas",
    "kafka_topic_prefix": "letters, digits, `.`, `_` and `-`",
    "kafka_ca_file": "a path",
    "master_key_file": "a path",
    "audit_key_file": "a path",
    "audit_head_file": "a path",
    "kafka_group": "a name",
    "kafka_instance": "a name",
    "kafka_user": "a name",
    "kafka_password": "a text",
    "home": "a path",
    "api_host": "a host name or address",
}


def variable_of(name: str) -> str:
    """The variable of the environment that sets a setting."""
    return PREFIX + name.upper()


def read(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment asks for. An empty value counts as unset.

    Raises `SettingsError`, a line for each variable that is unknown or out of range.
    """
    names = {variable_of(name): name for name in Settings.model_fields}
    given = {
        key: value
        for key, value in environment.items()
        if key.startswith(PREFIX) and not key.startswith(NOT_SETTINGS) and value
    }
    problems = [f"{key} is not a setting; see docs/settings.md" for key in sorted(given.keys() - names.keys())]
    values = {names[key]: value for key, value in given.items() if key in names}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        fields = dict.fromkeys(str(one["loc"][0]) for one in error.errors())
        problems += [_out_of_range(name, values[name]) for name in fields]
        raise SettingsError("\n".join(problems)) from None
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _out_of_range(name: str, value: str) -> str:
    return f"{variable_of(name)} is {redacted(value)!r}, but must be {allowed(name)}"


def redacted(value: str) -> str:
    """A value without the password that a URL may hold: that belongs on no screen and in no log."""
    return re.sub(r"(//[^:@/]*):[^@]*@", r"\1:***@", value)


def allowed(name: str) -> str:
    """The values that a setting may have, in words."""
    field = Settings.model_fields[name]
    if name in _WORDS:
        return _WORDS[name]
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return "one of " + ", ".join(member.value for member in field.annotation)
    if field.annotation is bool:
        return "true or false"
    kind = "a whole number" if field.annotation is int else "a number"
    return f"{kind} from {_bound(field, 'ge'):,} to {_bound(field, 'le'):,}"


def _bound(field: FieldInfo, side: str) -> Any:
    return next(getattr(item, side) for item in field.metadata if hasattr(item, side))


def table() -> str:
    """The Markdown table of docs/settings.md."""
    lines = ["| variable | default | allowed | what it does |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable_of(name)}` | {default} | {allowed(name)} | {field.description} |")
    return "\n".join(lines) + "\n"
