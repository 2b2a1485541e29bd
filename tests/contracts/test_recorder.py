"""The `eventsourcing` library's own test cases, against our recorders.

Cases of the library that do not run here, and why:

- `NonInterleavingNotificationIDsBaseCase`: asks that concurrent appends do not interleave. Ours never wait for
  one another (guarantee 2 of the log), and readers do not need it: they stop at the high-water mark.
- `TrackingRecorderTestCase`, `ProcessRecorderTestCase`: ask for tracking records beside events. Read models keep
  their checkpoints with their rows, policies answer with commands under idempotency keys.
- `InfrastructureFactoryTestCase`: asks for tracking and process recorders, and for the library's own mapper,
  compressor and cipher, where our bytes are the contract. `test_application.py` tests the factory by its use.
- `MapperTestCase`, `TranscoderTestCase` and the like: test the library's own encodings, which are not used.
"""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.recorder import LogRecorder, SnapshotRecorder
from support.postgres import TestServer

pytestmark = pytest.mark.postgres


class TestSnapshotRecorder(AggregateRecorderTestCase):
    """The library's contract of an aggregate recorder, on the snapshots."""

    @pytest.fixture(autouse=True)
    def _on_a_fresh_database(self, postgres_server: TestServer) -> Iterator[None]:
        with postgres_server.fresh_database() as url:
            self.connections = Connections(url)
            yield
            self.connections.close()

    def create_recorder(self) -> AggregateRecorder:
        return SnapshotRecorder(self.connections)


class TestLogRecorder(ApplicationRecorderTestCase[ApplicationRecorder]):
    """The library's contract of an application recorder, on the log."""

    @pytest.fixture(autouse=True)
    def _on_a_fresh_database(self, postgres_server: TestServer) -> Iterator[None]:
        with postgres_server.fresh_database() as url:
            self.connections = Connections(url)
            self.recorder = LogRecorder(self.connections)
            yield
            self.recorder.close()
            self.connections.close()

    def create_recorder(self) -> ApplicationRecorder:
        return self.recorder

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()
