"""The port through which commands read and write streams. `eventstore.ledger` is the real one.

A ledger may be used by many threads at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.events import Event, Fact

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A stream's state and version; version 0 and no state when the stream has no events.

    `workspace_id` is the workspace of the stream's events, None when it has none.
    """

    state: S | None
    version: int
    workspace_id: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log and the time at which it was written there (UTC)."""

    position: int
    recorded_at: datetime
    event: Event[Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """An idempotency key, with what identifies the request and the whole answer to give again.

    `expires_at` None: kept for ever (policies' keys).
    """

    workspace_id: str
    key: str
    request_hash: bytes
    answer: bytes
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """`positions` are those of the events, in their order. `answer` is the kept answer when the key was known:
    then nothing was written, and `position` is that of the first time."""

    positions: Sequence[int]
    position: int
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """What the ledger has of a person: whether there is a key, and where their contacts are to be looked for."""

    has_key: bool
    campaigns: Sequence[UUID]


PlanErasure: TypeAlias = "Callable[[KnownPerson], tuple[Sequence[Event[Fact]], Once | None]]"
"""The events that tell of an erasure. Streams are loaded as they are when nothing is sealed for the person now."""


class VersionConflict(Exception):
    """Another writer changed one of the streams first; load, decide and append again."""


class KeyReused(Exception):
    """The idempotency key was used for another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was used for another request")
        self.key = key


class EventTooLarge(Exception):
    """An event is larger than the log takes; nothing was written."""

    def __init__(self, type_name: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"an event of type {type_name!r} has {size_bytes} bytes; the log takes {limit_bytes}")
        self.type_name = type_name
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class LedgerUnavailable(Exception):
    """The ledger does not answer. Whether an append that was under way took effect is not known: ask again under
    its key, or load and see. Later calls find the way back by themselves."""


class Ledger(Protocol):
    """Streams of events. Every method may raise `LedgerUnavailable`."""

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:
        """The state of one stream, by snapshot where there is one.

        `workspace_id` is whose stream it should be: one of another workspace is looked up as one that is not
        there, whatever this process remembers of it.
        """
        ...

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """As `load`, for streams of any kinds in one round trip, in the order asked for."""
        ...

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """The states of many streams in one query; every id asked for is in the answer."""
        ...

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """Write events of any number of streams, all or none, in one round trip.

        Each event carries its stream's next version; raises `VersionConflict` when another writer has written
        that version, `KeyReused` when the key was used with another request hash, `EventTooLarge` when an event
        is over the limit. No events and a key: the key is kept with its answer, and `position` is the newest
        one of the log.
        """
        ...

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """As `append`, for thousands of events, by COPY; `positions` is then empty."""
        ...

    def read_stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """Every event of a stream, oldest first, what is personal opened; none when it is not this workspace's."""
        ...

    def known_person(self, person_id: UUID) -> KnownPerson:
        """What there is of a person now."""
        ...

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """Destroy a person's key and append what is planned, all or nothing.

        Appends about the person that are under way are waited for, and those that come later seal under a new key:
        `plan` sees every contact that was sealed under the old one. It may be called in vain: raises what `plan`
        raises and what `append` raises, and then the key is still there.
        """
        ...

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """What was answered under a key before, if it was. Raises `KeyReused`."""
        ...
