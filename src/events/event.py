"""A fact in its envelope, and who made it happen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from drumbeat.events.fact import Fact

F_co = TypeVar("F_co", bound=Fact, covariant=True)


class Cause(StrEnum):
    """What kind of actor stands behind an event."""

    USER = "user"
    SYSTEM = "system"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """On whose behalf a command runs: it comes from authentication, never from a body.

    `via` is the key through which a product names the person for whom it acts; None when `actor` acts by itself.
    """

    workspace_id: str
    actor: str
    cause: Cause
    correlation_id: UUID
    causation_id: UUID | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[F_co]):
    """A fact with its place in a stream. The log adds the position when it is written.

    `stream_version` counts from 1 within the stream; `time` is UTC and comes from the command's clock. `person_id`
    is whose the fact's `private` is, None when it has none.
    """

    id: UUID
    stream_id: UUID
    stream_version: int
    time: datetime
    workspace_id: str
    campaign_id: UUID | None
    actor: str
    cause: Cause
    correlation_id: UUID
    causation_id: UUID | None
    person_id: UUID | None = None
    fact: F_co
    via: str | None = None

    @property
    def originator_id(self) -> UUID:
        """The stream, under the name that the `eventsourcing` library uses."""
        return self.stream_id

    @property
    def originator_version(self) -> int:
        """The version, under the name that the `eventsourcing` library uses."""
        return self.stream_version
