"""The ledger on Postgres: the port of commands, over the log's recorder and the library's repositories."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from drumbeat.access.master_keys import MasterKeyProblem, MasterKeys
from drumbeat.access.person_keys import KeysAway, PersonKeys, decode_opened, keys_for
from drumbeat.access.sealing import sealing
from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import (
    Appended,
    KnownPerson,
    LedgerUnavailable,
    Loaded,
    Once,
    PlanErasure,
    Recorded,
    VersionConflict,
)
from drumbeat.events import Event, Fact
from drumbeat.events.codec import decode
from drumbeat.eventstore.application import SNAPSHOT_EVERY_EVENTS, StreamApplication, load_streams
from drumbeat.eventstore.calls import KeysGone
from drumbeat.eventstore.connections import DatabaseUnavailable
from drumbeat.eventstore.infrastructure import DATABASE_URL, LogFactory
from drumbeat.eventstore.mapper import LARGEST_EVENT_BYTES, CloudEventsMapper
from drumbeat.eventstore.marks import check_server
from drumbeat.eventstore.migrations import LEDGER
from drumbeat.eventstore.moments import position_at
from drumbeat.eventstore.packing import UuidArray
from drumbeat.eventstore.recorder import AlreadyAnswered
from drumbeat.eventstore.sql import load_queries
from drumbeat.eventstore.streams import Stream

S = TypeVar("S")
_SQL: Final = load_queries(Path(__file__).parent / "sql" / "log.sql")
_MOST_ERASURES: Final = 5


class EventStoreLedger:
    """`drumbeat.commands.ledger.Ledger` on Postgres. Safe for many threads; not inherited by forks."""

    def __init__(
        self,
        url: str,
        *,
        master: MasterKeys | None = None,
        connections: int = 16,
        patience_seconds: float = 10.0,
        limit_bytes: int = LARGEST_EVENT_BYTES,
        snapshot_every_events: int = SNAPSHOT_EVERY_EVENTS,
    ) -> None:
        """Connects at the first call. At most `connections` at once; who finds none free waits
        `patience_seconds`. `master` wraps the keys of persons; without it nothing personal is appended."""
        self._master = master
        self._factory = LogFactory({DATABASE_URL: url}, limit=connections, patience_seconds=patience_seconds)
        self._connections = self._factory.connections
        self._recorder = self._factory.log_recorder
        self._mapper = CloudEventsMapper(limit_bytes=limit_bytes)
        self._snapshot_every_events = snapshot_every_events
        self._applications: dict[str, StreamApplication[Any]] = {}
        self._making = threading.Lock()
        self._trusted_losses = 0

    def check(self) -> None:
        """Refuse a database that this code does not fit: `SchemaOlder`, `SchemaNewer`, `UnsafeServer`."""
        with _reachable(), self._connections.use() as connection:
            LEDGER.check(connection)
            check_server(connection)

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:
        """See the port. From cache and snapshot; only events since then are read."""
        return self.load_together([(aggregate, stream_id)], workspace_id=workspace_id)[0]

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """See the port. From cache and snapshots; only events since then are read."""
        with _reachable():
            streams = self._load(wanted, workspace_id)
        return [
            Loaded(one.state, one.version, one.workspace_id) if one else Loaded(None, 0, None) for one in streams
        ]

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """See the port. Made for streams of a few events: all of them are read, past cache and snapshots."""
        if not stream_ids:
            return {}
        with _reachable(), self._connections.use() as connection:
            rows = connection.execute(_SQL["streams"], [UuidArray.of(stream_ids)], binary=True).fetchall()
        states: dict[UUID, Loaded[S]] = dict.fromkeys(stream_ids, Loaded(None, 0, None))
        for stream_id, version, raw in rows:
            event = decode(raw)
            state = aggregate.evolve(states[stream_id].state, event)
            states[stream_id] = Loaded(state, version, event.workspace_id)
        return states

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port."""

        def insert(stored: Sequence[StoredEvent], sealed_with: PersonKeys | None) -> Appended:
            positions = self._recorder.insert_events(stored, once=once, sealed_with=sealed_with)
            if positions:
                self._written(events)
                return Appended(positions, max(positions))
            return Appended((), self._position_without_events(once))

        return self._sealed_and(insert, events)

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See the port."""

        def insert(stored: Sequence[StoredEvent], sealed_with: PersonKeys | None) -> Appended:
            return Appended((), self._recorder.insert_bulk(stored, once=once, sealed_with=sealed_with))

        return self._sealed_and(insert, events)

    def _sealed_and(
        self,
        insert: Callable[[Sequence[StoredEvent], PersonKeys | None], Appended],
        events: Sequence[Event[Fact]],
    ) -> Appended:
        sealed_with = seal = None
        about = [event for event in events if event.person_id is not None]
        for _ in range(_MOST_ERASURES):
            with _reachable():
                if about and self._master is not None:
                    with self._connections.use() as connection:
                        sealed_with = keys_for(connection, self._master, about)
                    seal = sealing(sealed_with.keys)
                stored = [self._mapper.sealed(event, seal) for event in events]
                try:
                    return insert(stored, sealed_with)
                except AlreadyAnswered as known:
                    return known.appended
                except KeysGone:
                    continue  # one of them was erased in between, and is a new person from here
        raise VersionConflict(f"persons were erased {_MOST_ERASURES} times while this was appended")

    def known_person(self, person_id: UUID) -> KnownPerson:
        """See the port."""
        with _reachable(), self._connections.use() as connection:
            row = connection.execute(_SQL["known_person"], {"person": person_id}, binary=True).fetchone()
        assert row is not None
        return KnownPerson(*row)

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """See the port."""

        def stored(known: KnownPerson) -> tuple[Sequence[StoredEvent], Once | None]:
            events, once = plan(known)
            return [self._mapper.to_stored_event(event) for event in events], once

        with _reachable():
            try:
                position = self._recorder.erase(person_id, stored)
            except AlreadyAnswered as answered:
                return answered.appended
            return Appended((), self.head() if position is None else position)

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """See the port."""
        with _reachable():
            return self._recorder.answered(workspace_id, key, request_hash)

    def forget_expired_keys(self) -> int:
        """Delete idempotency keys whose time is over; how many there were."""
        with _reachable():
            return self._recorder.forget_expired_keys()

    def read_stream(self, workspace_id: str, stream_id: UUID) -> list[Recorded]:
        """Every event of a stream, oldest first; none when it is not there, or not there for this workspace."""
        with _reachable(), self._connections.use() as connection:
            rows = connection.execute(_SQL["timeline"], [stream_id], binary=True, prepare=True).fetchall()
            events = decode_opened(connection, self._master, [raw for *_, raw in rows])
        recorded = [Recorded(position, at, event) for (position, at, _), event in zip(rows, events, strict=True)]
        return [entry for entry in recorded if entry.event.workspace_id == workspace_id]

    def head(self) -> int:
        """The greatest committed position, 0 for an empty log. Followers may be behind it."""
        with _reachable():
            return self._recorder.max_notification_id() or 0

    def position_at(self, instant: datetime) -> int:
        """The highest position with everything at or below it recorded by then."""
        with _reachable(), self._connections.use() as connection:
            return position_at(connection, instant)

    def close(self) -> None:
        """Close every connection."""
        self._factory.close()

    def _load(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], workspace_id: str | None
    ) -> Sequence[Stream[Any] | None]:
        # A server that was away may have come back older: what is cached of its streams is then not to be trusted.
        while True:
            losses = self._connections.losses
            if losses != self._trusted_losses:
                self._applications, self._trusted_losses = {}, losses
            of_kinds = [(self._application(aggregate), stream_id) for aggregate, stream_id in wanted]
            streams = load_streams(self._connections, of_kinds, workspace_id)
            if self._connections.losses == losses:
                return streams

    def _written(self, events: Sequence[Event[Fact]]) -> None:
        # What was lost meanwhile is not known here: the next look makes the caches anew then.
        if self._connections.losses == self._trusted_losses:
            for application in self._applications.values():
                for event in events:
                    application.written(event)

    def _application(self, aggregate: Aggregate[S]) -> StreamApplication[S]:
        application = self._applications.get(aggregate.name)
        if application is None:
            with self._making:
                application = self._applications.setdefault(
                    aggregate.name,
                    StreamApplication(aggregate, self._factory, snapshot_every_events=self._snapshot_every_events),
                )
        return application

    def _position_without_events(self, once: Once | None) -> int:
        if once is None:
            return self.head()
        known = self._recorder.answered(once.workspace_id, once.key, once.request_hash)
        return known.position if known is not None else self.head()


@contextmanager
def _reachable() -> Iterator[None]:
    """The port's failures for the library's."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise LedgerUnavailable(str(error)) from error
    except IntegrityError as error:
        raise VersionConflict(str(error)) from error
    except (MasterKeyProblem, KeysAway) as error:
        raise LedgerUnavailable(f"personal data cannot be sealed or opened: {error}") from error
