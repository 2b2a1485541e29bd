"""Streams as the `eventsourcing` library sees aggregates: an id, a version, and our frozen state behind them."""

import hashlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.events import Event, Fact

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Stream(Generic[S]):
    """A stream at a version: what the library's repository builds, keeps in its cache and takes snapshots of."""

    id: UUID
    version: int
    workspace_id: str
    state: S


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[S]):
    """A stream's state under the names that the library gives to a snapshot."""

    originator_id: UUID
    originator_version: int
    workspace_id: str
    state: S

    @staticmethod
    def take(stream: Stream[S]) -> "Snapshot[S]":
        """The snapshot of a stream as it is."""
        return Snapshot(stream.id, stream.version, stream.workspace_id, stream.state)


def fold(
    aggregate: Aggregate[S], stream: Stream[S] | None, happened: Iterable[DomainEventProtocol[UUID]]
) -> Stream[S] | None:
    """The library's projector function: a stream after more events, or after a snapshot and the events since."""
    for event in happened:
        if isinstance(event, Snapshot):
            stream = Stream(event.originator_id, event.originator_version, event.workspace_id, event.state)
        else:
            stream = evolved(aggregate, stream, cast("Event[Fact]", event))
    return stream


def evolved(aggregate: Aggregate[S], stream: Stream[S] | None, event: Event[Fact]) -> Stream[S]:
    """A stream after one more event; None: after its first."""
    state = aggregate.evolve(stream.state if stream is not None else None, event)
    return Stream(event.stream_id, event.stream_version, event.workspace_id, state)


class _Kept(msgspec.Struct, frozen=True):
    workspace_id: str
    state: msgspec.Raw


class SnapshotMapper(Mapper[UUID]):
    """Snapshots as JSON under a type name that changes with the state's shape and with the code that folds it.

    A snapshot of another shape, or folded by other code, has another type name: it is passed over, never misread.
    """

    def __init__(self, aggregate: Aggregate[Any]) -> None:
        """Raises `TypeError` when the state is of a type that msgspec cannot keep."""
        super().__init__(JSONTranscoder())
        self.type_name = f"{aggregate.name}.{_fingerprint(aggregate)}"
        self._decode_state = msgspec.json.Decoder(aggregate.state_type).decode

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """A snapshot's row."""
        snapshot = cast("Snapshot[Any]", domain_event)
        kept = _Kept(snapshot.workspace_id, msgspec.Raw(msgspec.json.encode(snapshot.state)))
        raw = msgspec.json.encode(kept)
        return StoredEvent(snapshot.originator_id, snapshot.originator_version, self.type_name, raw)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """A row's snapshot; the row has to be of this mapper's type name."""
        stream = self.stream_of(
            cast("UUID", stored_event.originator_id), stored_event.originator_version, stored_event.state
        )
        return Snapshot.take(stream)

    def stream_of(self, stream_id: UUID, version: int, raw: bytes) -> Stream[Any]:
        """The stream that a snapshot is of; the bytes have to be of this mapper's type name."""
        kept = msgspec.json.decode(raw, type=_Kept)
        return Stream(stream_id, version, kept.workspace_id, self._decode_state(kept.state))


def _fingerprint(aggregate: Aggregate[Any]) -> str:
    shape = msgspec.json.encode(msgspec.json.schema(aggregate.state_type), order="sorted")
    module = inspect.getmodule(aggregate.evolve)
    code = inspect.getsource(module).encode() if module is not None else b""
    return hashlib.sha256(shape + code).hexdigest()[:16]
