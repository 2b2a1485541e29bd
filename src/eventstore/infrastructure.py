"""Our recorder and mapper as an infrastructure of the `eventsourcing` library.

`PERSISTENCE_MODULE=drumbeat.eventstore.infrastructure` and `DRUMBEAT_DATABASE_URL` make any of its applications
run on the log.
"""

from typing import Any

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    Mapper,
    NotSupportedError,
    ProcessRecorder,
    TrackingRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType

from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.mapper import CloudEventsMapper
from drumbeat.eventstore.recorder import LogRecorder, SnapshotRecorder
from drumbeat.eventstore.wakeups import WakeUps

DATABASE_URL = "DRUMBEAT_DATABASE_URL"


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Builds recorders over one set of connections; `close` closes them."""

    def __init__(
        self, env: Environment | EnvType | None, *, limit: int = 16, patience_seconds: float = 10.0
    ) -> None:
        """Raises the library's `InfrastructureFactoryError` when no database is named."""
        super().__init__(env)
        url = self.env.get(DATABASE_URL)
        if not url:
            raise InfrastructureFactoryError(f"{DATABASE_URL} names no database")
        self.connections = Connections(url, limit=limit, patience_seconds=patience_seconds)
        self.wakeups = WakeUps(url)
        self.log_recorder = LogRecorder(self.connections, self.wakeups)

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None) -> Any:
        """Our mapper. Events have one form, so the library's transcoder and mapper class have no part in it."""
        del transcoder, mapper_class
        return CloudEventsMapper()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The log, or the snapshots for the purpose `snapshots`."""
        return SnapshotRecorder(self.connections) if purpose == "snapshots" else self.log_recorder

    def application_recorder(self) -> ApplicationRecorder:
        """The log."""
        return self.log_recorder

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """Refused: read models keep their own checkpoints, in their own transactions."""
        del tracking_recorder_class
        raise NotSupportedError("the log tracks no readers: a projection keeps its checkpoint with its rows")

    def process_recorder(self) -> ProcessRecorder:
        """Refused: policies answer with commands, under idempotency keys."""
        raise NotSupportedError("the log records no processing: a policy answers with commands")

    def close(self) -> None:
        """Close every connection."""
        self.wakeups.close()
        self.log_recorder.close()
        self.connections.close()
