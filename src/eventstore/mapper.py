"""Between events and what the log keeps: the CloudEvents bytes of `events.codec`, under their type name."""

from typing import cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from drumbeat.commands.ledger import EventTooLarge
from drumbeat.events import Event, Fact
from drumbeat.events.codec import Seal, decode, encode

LARGEST_EVENT_BYTES = 1_000_000
"""What the topics of the way to Kafka take, headers included, with room to spare."""


class CloudEventsMapper(Mapper[UUID]):
    """The library's mapper over our bytes. A type that this code does not know is refused on the way in and
    out."""

    def __init__(self, *, limit_bytes: int = LARGEST_EVENT_BYTES) -> None:
        """Events of more than `limit_bytes` are refused."""
        super().__init__(JSONTranscoder())
        self._limit_bytes = limit_bytes

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """An event's row. Raises `UnknownEventType`, `EventTooLarge`, `NotSealed` for what is personal."""
        return self.sealed(cast("Event[Fact]", domain_event), None)

    def sealed(self, event: Event[Fact], seal: Seal | None) -> StoredEvent:
        """The same with what is personal sealed."""
        raw = encode(event, seal)
        if len(raw) > self._limit_bytes:
            raise EventTooLarge(event.fact.TYPE, len(raw), self._limit_bytes)
        return StoredEvent(event.stream_id, event.stream_version, event.fact.TYPE, raw)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """A row's event, in today's version, what is personal withheld. Raises `UnknownEventType`,
        `MalformedEvent`."""
        return decode(stored_event.state)
