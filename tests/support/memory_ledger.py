"""The ledger in memory: the same port, no server. The model that the real one is compared with."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from drumbeat.access.sealing import KEY_BYTES, PersonKey, opening, sealing
from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import (
    Appended,
    EventTooLarge,
    KeyReused,
    KnownPerson,
    Loaded,
    Once,
    PlanErasure,
    Recorded,
    VersionConflict,
)
from drumbeat.events import Event, Fact
from drumbeat.events.codec import decode, encode

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Kept:
    once: Once
    position: int


class MemoryLedger:
    """Keeps events as the bytes that the real ledger would keep. `log` is every event, in order of position,
    with what is personal opened; `keys` are the persons' keys."""

    def __init__(
        self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), limit_bytes: int = 1_000_000
    ) -> None:
        self.log: list[Event[Fact]] = []
        self.keys: dict[UUID, PersonKey] = {}
        self._keys_made = 0
        self._streams: dict[UUID, dict[int, bytes]] = {}
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._lock = Lock()

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:
        """See the port."""
        state: S | None = None
        found_in: str | None = None
        with self._lock:
            stored = sorted(self._streams.get(stream_id, {}).items())
        for _, raw in stored:
            event = decode(raw)
            state, found_in = aggregate.evolve(state, event), event.workspace_id
        return Loaded(state, stored[-1][0] if stored else 0, found_in)

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """See the port."""
        return [self.load(aggregate, stream_id, workspace_id=workspace_id) for aggregate, stream_id in wanted]

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """See the port."""
        return {stream_id: self.load(aggregate, stream_id) for stream_id in stream_ids}

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port. Positions count from 1 without gaps, in the order given."""
        seal = sealing(self.keys)
        for event in events:
            if event.person_id is not None:
                self.keys.setdefault(event.person_id, PersonKey(self._new_key(), secrets.token_bytes(KEY_BYTES)))
        stored = [encode(event, seal) for event in events]
        for event, raw in zip(events, stored, strict=True):
            if len(raw) > self._limit_bytes:
                raise EventTooLarge(event.fact.TYPE, len(raw), self._limit_bytes)
        with self._lock:
            if once is not None and (known := self._known(once.workspace_id, once.key, once.request_hash)):
                return known
            places = [(event.stream_id, event.stream_version) for event in events]
            taken = any(version in self._streams.get(stream_id, ()) for stream_id, version in places)
            if taken or len(set(places)) < len(places):
                raise VersionConflict
            first = len(self.log) + 1
            opener = opening({str(person): key for person, key in self.keys.items()})
            for event, raw in zip(events, stored, strict=True):
                self._streams.setdefault(event.stream_id, {})[event.stream_version] = raw
                self.log.append(decode(raw, opener))
            if once is not None:
                self._kept[once.workspace_id, once.key] = _Kept(once, len(self.log))
            return Appended(range(first, len(self.log) + 1), len(self.log))

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port."""
        appended = self.append(events, once=once)
        return Appended((), appended.position, appended.answer)

    def read_stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """See the port."""
        opener = opening({str(person): key for person, key in self.keys.items()})
        with self._lock:
            stored = sorted(self._streams.get(stream_id, {}).items())
        events = [decode(raw, opener) for _, raw in stored]
        return [Recorded(0, event.time, event) for event in events if event.workspace_id == workspace_id]

    def known_person(self, person_id: UUID) -> KnownPerson:
        """See the port."""
        campaigns = {
            event.campaign_id: None
            for event in self.log
            if event.person_id == person_id and event.campaign_id is not None and person_id in self.keys
        }
        return KnownPerson(person_id in self.keys, list(campaigns))

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """See the port. For one thread: nothing else may be appended meanwhile."""
        events, once = plan(self.known_person(person_id))
        appended = self.append(events, once=once)
        if appended.answer is None:
            self.keys.pop(person_id, None)
        return appended

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """See the port."""
        with self._lock:
            return self._known(workspace_id, key, request_hash)

    def _new_key(self) -> int:
        self._keys_made += 1
        return self._keys_made

    def _known(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        kept = self._kept.get((workspace_id, key))
        if kept is None or (kept.once.expires_at is not None and kept.once.expires_at <= self._clock()):
            return None
        if kept.once.request_hash != request_hash:
            raise KeyReused(key)
        return Appended((), kept.position, kept.once.answer)
