"""Events to follow, and appends that stay under way."""

from dataclasses import replace
from uuid import UUID, uuid4

from drumbeat.events import Event, Fact
from drumbeat.events.sender import SenderSpamScoreReported
from drumbeat.eventstore.connections import LogConnection
from support.given import event


def reported(count: int, stream_id: UUID | None = None) -> list[Event[Fact]]:
    stream = stream_id or uuid4()
    fact = SenderSpamScoreReported(score=1, source="feed")
    return [replace(event(fact, version=version, stream_id=stream), id=uuid4()) for version in range(1, count + 1)]


def append_and_hold(connection: LogConnection) -> None:
    connection.execute("BEGIN")
    connection.execute("SELECT ledger.append_one(%s, 1, 'x', '{}')", [uuid4()])
