"""A ledger that writes behind: for one writer who is alone on its streams and has many small commands to give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import (
    Appended,
    KnownPerson,
    Ledger,
    Loaded,
    Once,
    PlanErasure,
    Recorded,
    VersionConflict,
)
from drumbeat.events import Event, Fact

S = TypeVar("S")


@dataclass(slots=True)
class _Known:
    """A stream as it is with what is not written yet."""

    aggregate: Aggregate[Any]
    loaded: Loaded[Any]


class BufferedLedger:
    """Implements `commands.ledger.Ledger` over another one. For one thread.

    Events are kept, and written in their order by the bulk path once there are `limit_events`, or by `flush`.
    A crash loses the newest of them and never one in the middle. Positions are not known while an event is kept:
    `Appended.position` is 0. Streams are kept in memory for good; nobody else may write them meanwhile, or `flush`
    raises `VersionConflict`.
    """

    def __init__(self, ledger: Ledger, *, limit_events: int = 2_000) -> None:
        self._ledger = ledger
        self._limit_events = limit_events
        self._known: dict[UUID, _Known] = {}
        self._kept: list[Event[Fact]] = []

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:  # noqa: ARG002
        """See the port."""
        return self.load_many(aggregate, [stream_id])[stream_id]

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """See the port."""
        return [self.load(aggregate, stream_id, workspace_id=workspace_id) for aggregate, stream_id in wanted]

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """See the port."""
        unknown = [stream_id for stream_id in stream_ids if stream_id not in self._known]
        if unknown:
            for stream_id, loaded in self._ledger.load_many(aggregate, unknown).items():
                self._known[stream_id] = _Known(aggregate, loaded)
        return {stream_id: self._known[stream_id].loaded for stream_id in stream_ids}

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port. A command with a key is written at once, after all that is kept."""
        if once is not None:
            self.flush()
            appended = self._ledger.append(events, once=once)
            for event in events:
                self._known.pop(event.stream_id, None)
            return appended
        for event in events:
            self._evolve(event)
        self._kept += events
        if len(self._kept) >= self._limit_events:
            self.flush()
        return Appended((), 0)

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port."""
        return self.append(events, once=once)

    def read_stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """See the port."""
        self.flush()
        return self._ledger.read_stream(workspace_id, stream_id)

    def known_person(self, person_id: UUID) -> KnownPerson:
        """See the port. After all that is kept is written."""
        self.flush()
        return self._ledger.known_person(person_id)

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """See the port. Written at once, after all that is kept; no stream is known any more."""
        self.flush()
        self._known.clear()
        return self._ledger.erase(person_id, plan)

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """See the port."""
        return self._ledger.answered(workspace_id, key, request_hash)

    def flush(self) -> None:
        """Write what is kept. Raises `LedgerUnavailable`, `VersionConflict`; what was kept is then of no use."""
        kept, self._kept = self._kept, []
        if kept:
            self._ledger.append_bulk(kept)

    def _evolve(self, event: Event[Fact]) -> None:
        # A command loads every stream that it writes, so each is known here.
        known = self._known[event.stream_id]
        if event.stream_version != known.loaded.version + 1:
            raise VersionConflict(f"version {event.stream_version} of {event.stream_id} is not the next one")
        state = known.aggregate.evolve(known.loaded.state, event)
        known.loaded = Loaded(state, event.stream_version, event.workspace_id)
