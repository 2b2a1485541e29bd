"""One kind of stream as an application of the `eventsourcing` library, over the log's recorders."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application, Repository
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import EventStore, InfrastructureFactory, IntegrityError
from eventsourcing.utils import Environment

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.eventstore.infrastructure import LogFactory
from drumbeat.eventstore.recorder import SnapshotRecorder
from drumbeat.eventstore.streams import Snapshot, SnapshotMapper, Stream, fold

S = TypeVar("S")

SNAPSHOT_EVERY_EVENTS = 200
CACHED_STREAMS = 2_000


class StreamApplication(Application[UUID], Generic[S]):
    """Loads streams of one kind by snapshot and cache, and saves events, with the library's own machinery.

    Safe for many threads. Shares its factory with the applications of the other kinds and does not close it.
    """

    snapshot_class = Snapshot

    def __init__(
        self,
        aggregate: Aggregate[S],
        factory: LogFactory,
        *,
        snapshot_every_events: int = SNAPSHOT_EVERY_EVENTS,
        cached_streams: int = CACHED_STREAMS,
    ) -> None:
        """A load that had to fold `snapshot_every_events` events or more leaves a snapshot behind."""
        self.aggregate = aggregate
        self._shared_factory = factory
        self._snapshot_every_events = snapshot_every_events
        super().__init__(
            {
                self.AGGREGATE_CACHE_MAXSIZE: str(cached_streams),
                # States are frozen: what is in the cache may be handed out as it is.
                self.DEEPCOPY_FROM_AGGREGATE_CACHE: "n",
            }
        )

    def load(self, stream_id: UUID, workspace_id: str | None = None) -> Stream[S] | None:
        """The stream as it is now, None when it has no events. Raises `UnknownEventType`, `MalformedEvent`.

        One of another workspace than the one named, if any, costs the statements of one without events.
        """
        self._forget_of_others(stream_id, workspace_id)
        folded = 0

        def project(stream: Stream[S] | None, happened: Iterable[DomainEventProtocol[UUID]]) -> Stream[S] | None:
            nonlocal folded
            listed = list(happened)
            folded += sum(1 for event in listed if not isinstance(event, Snapshot))
            return fold(self.aggregate, stream, listed)

        try:
            stream: Stream[S] = self.repository.get(stream_id, projector_func=project)
        except AggregateNotFoundError:
            return None
        if folded and self.repository.cache is not None:
            # The library keeps what it loaded first; frozen streams have to be put back when they moved on.
            self.repository.cache.put(stream_id, stream)
        if folded >= self._snapshot_every_events:
            self._keep_snapshot(stream)
        return stream

    def _forget_of_others(self, stream_id: UUID, workspace_id: str | None) -> None:
        if workspace_id is None or self.repository.cache is None:
            return
        try:
            known = cast("Stream[S]", self.repository.cache.get(stream_id))
        except KeyError:
            return
        if known.workspace_id != workspace_id:
            with suppress(KeyError):  # another thread may have been first
                self.repository.cache.get(stream_id, evict=True)

    def _keep_snapshot(self, stream: Stream[S]) -> None:
        assert self.snapshots is not None
        try:
            self.snapshots.put([Snapshot.take(stream)])
        except IntegrityError:
            # Another process has kept the same state at the same moment.
            return

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """The shared factory."""
        del env
        return self._shared_factory

    def construct_repository(self) -> Repository[UUID]:
        """A repository with snapshots, whatever the shared factory's environment says of them."""
        self.snapshots = self.construct_snapshot_store()
        return super().construct_repository()

    def construct_snapshot_store(self) -> EventStore[UUID]:
        """Snapshots of this kind of stream."""
        mapper = SnapshotMapper(self.aggregate)
        return EventStore(mapper, SnapshotRecorder(self._shared_factory.connections, of_type=mapper.type_name))

    def close(self) -> None:
        """The factory is shared, and closed by who made it."""
        self.closing.set()
