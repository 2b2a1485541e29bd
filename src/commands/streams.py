"""Many streams of a kind while one append is planned: loaded in one query, changed in memory, written at once."""

from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.loop import Run
from drumbeat.events import Event, Fact

S = TypeVar("S")


class Streams(Generic[S]):
    """What a plan knows of some streams. A plan makes it anew with every try; it belongs to one thread."""

    def __init__(self, run: Run, aggregate: Aggregate[S], stream_ids: Sequence[UUID], campaign_id: UUID) -> None:
        """Loads the streams; one of another workspace is not there."""
        self._run = run
        self._aggregate = aggregate
        self._campaign_id = campaign_id
        loaded = run.load_many(aggregate, list(dict.fromkeys(stream_ids))) if stream_ids else {}
        self._states = {stream_id: stream.state for stream_id, stream in loaded.items()}
        self._versions = {stream_id: stream.version for stream_id, stream in loaded.items()}
        self._persons = {
            stream_id: aggregate.person_of(stream.state)
            for stream_id, stream in loaded.items()
            if stream.state is not None
        }

    def state(self, stream_id: UUID) -> S | None:
        """The state, with what was written to it in this plan."""
        return self._states[stream_id]

    def version(self, stream_id: UUID) -> int:
        """The version, with what was written to it in this plan."""
        return self._versions[stream_id]

    def write(self, stream_id: UUID, facts: Sequence[Fact], *, state: S | None = None) -> list[Event[Fact]]:
        """The facts as the stream's next events. `state` is what they lead to, when that is known already."""
        version = self._versions[stream_id]
        events = self._run.stamp(
            facts,
            stream_id=stream_id,
            version=version,
            campaign_id=self._campaign_id,
            person=self._persons.get(stream_id),
        )
        for event in events:
            if event.person_id is not None:
                self._persons[stream_id] = event.person_id
        if state is None:
            state = self._states[stream_id]
            for event in events:
                state = self._aggregate.evolve(state, event)
        self._states[stream_id] = state
        self._versions[stream_id] = version + len(events)
        return events
