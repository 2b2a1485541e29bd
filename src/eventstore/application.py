"""One kind of stream as an application of the `eventsourcing` library, over the log's recorders."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application, Repository
from eventsourcing.persistence import EventStore, InfrastructureFactory, IntegrityError
from eventsourcing.utils import Environment

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.events import Event, Fact
from drumbeat.events.codec import decode
from drumbeat.eventstore.calls import Happened, streams_since
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.infrastructure import LogFactory
from drumbeat.eventstore.recorder import SnapshotRecorder
from drumbeat.eventstore.streams import Snapshot, SnapshotMapper, Stream, evolved

S = TypeVar("S")

SNAPSHOT_EVERY_EVENTS = 200
CACHED_STREAMS = 2_000


class StreamApplication(Application[UUID], Generic[S]):
    """One kind of stream: its cache and snapshots, kept by the library's own machinery; `load_streams` fills them.

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
        self._snapshots = SnapshotMapper(aggregate)
        super().__init__(
            {
                self.AGGREGATE_CACHE_MAXSIZE: str(cached_streams),
                # States are frozen: what is in the cache may be handed out as it is.
                self.DEEPCOPY_FROM_AGGREGATE_CACHE: "n",
            }
        )

    def load(self, stream_id: UUID) -> Stream[S] | None:
        """One stream; see `load_streams`."""
        (stream,) = load_streams(self._shared_factory.connections, [(self, stream_id)], None)
        return stream

    @property
    def snapshot_type(self) -> str:
        """The type name of the snapshots that this code can read."""
        return self._snapshots.type_name

    def cached(self, stream_id: UUID, workspace_id: str | None) -> Stream[S] | None:
        """The stream as this process saw it last, unless it is of another workspace than the one named, if any."""
        assert self.repository.cache is not None
        try:
            known = cast("Stream[S]", self.repository.cache.get(stream_id))
        except KeyError:
            return None
        return known if workspace_id in (None, known.workspace_id) else None

    def written(self, event: Event[Fact]) -> None:
        """An event is in the log: what is cached of its stream moves on with it, and need not read it back."""
        stream = self.cached(event.stream_id, None)
        if stream is not None and stream.version == event.stream_version - 1:
            self._keep(evolved(self.aggregate, stream, event))

    def moved_on(self, known: Stream[S] | None, happened: Sequence[Happened]) -> Stream[S] | None:
        """A stream after what was read since, cached for the next look.

        Raises `UnknownEventType`, `MalformedEvent`.
        """
        if not happened:
            return known
        stream, folded = known, 0
        for one in happened:
            if one.is_snapshot:
                stream = self._snapshots.stream_of(one.stream_id, one.version, one.bytes)
            else:
                stream = evolved(self.aggregate, stream, decode(one.bytes))
                folded += 1
        assert stream is not None
        self._keep(stream)
        if folded >= self._snapshot_every_events:
            self._keep_snapshot(stream)
        return stream

    def _keep(self, stream: Stream[S]) -> None:
        assert self.repository.cache is not None
        self.repository.cache.put(stream.id, stream)

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
        connections, of_type = self._shared_factory.connections, self._snapshots.type_name
        return EventStore(self._snapshots, SnapshotRecorder(connections, of_type=of_type))

    def close(self) -> None:
        """The factory is shared, and closed by who made it."""
        self.closing.set()


def load_streams(
    connections: Connections, wanted: Sequence[tuple[StreamApplication[Any], UUID]], workspace_id: str | None
) -> list[Stream[Any] | None]:
    """Streams of any kinds as they are now, in one round trip; None for one without events.

    What the process saw before is taken from its cache, and only what happened since is read; else the newest
    snapshot and what came after it. One of another workspace than the one named, if any, is read as if it had
    never been seen. Raises `UnknownEventType`, `MalformedEvent`, and `DatabaseUnavailable`.
    """
    known = [application.cached(stream_id, workspace_id) for application, stream_id in wanted]
    asked = [
        (stream_id, stream.version if stream is not None else 0, application.snapshot_type)
        for (application, stream_id), stream in zip(wanted, known, strict=True)
    ]
    with connections.use() as connection:
        found = streams_since(connection, asked)
    happened: list[list[Happened]] = [[] for _ in wanted]
    for one in found:
        happened[one.number].append(one)
    return [
        application.moved_on(stream, since)
        for (application, _), stream, since in zip(wanted, known, happened, strict=True)
    ]
