"""The events that benchmarks write: calls as the log really keeps them, about 640 bytes each."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from benchmarks.keys import sealed, whom
from drumbeat.events import Cause, Event, Fact
from drumbeat.events.calls import ContactCallEnded
from drumbeat.events.values import CallOutcome, CallPrivate

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_CAMPAIGN, _CORRELATION = uuid4(), uuid4()
_FACT = ContactCallEnded(
    attempt=1,
    outcome=CallOutcome.COMPLETED,
    duration_seconds=94,
    conversation_id=uuid4(),
    private=CallPrivate(summary="Asked for the terms in writing and agreed to be called back."),
)


def call_ended(stream_id: UUID, version: int) -> Event[Fact]:
    """A call's end, as an event of a contact."""
    return Event(
        id=uuid4(),
        stream_id=stream_id,
        stream_version=version,
        time=_NOW,
        workspace_id="default",
        campaign_id=_CAMPAIGN,
        actor="dialler",
        cause=Cause.PROVIDER,
        correlation_id=_CORRELATION,
        causation_id=None,
        person_id=whom(stream_id, _FACT),
        fact=_FACT,
    )


def stored_calls(streams: int, events_a_stream: int) -> list[list[StoredEvent]]:
    """Bytes ready to be recorded: one list a stream, each with that many events."""
    return [
        [sealed(call_ended(stream_id, version)) for version in range(1, events_a_stream + 1)]
        for stream_id in (uuid4() for _ in range(streams))
    ]
