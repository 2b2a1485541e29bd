"""Replay: events one by one, each with what it changed in the state of its stream and in what people read."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.contact.address_claim import ADDRESS_CLAIM
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.person import PERSON
from drumbeat.aggregates.schedule import SCHEDULE
from drumbeat.aggregates.sender import SENDER
from drumbeat.aggregates.suppression import SUPPRESSION
from drumbeat.aggregates.workspace import WORKSPACE
from drumbeat.commands.ledger import Recorded
from drumbeat.events import Event, Fact
from drumbeat.events.contact import ContactAddressClaimed
from drumbeat.events.errors import EventError
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.follow import Choice
from drumbeat.projections.differences import Difference, differences
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.in_memory import CounterChange, MemoryRows, RowChange, light_event
from drumbeat.transport.source import LogRow, ReadsLog

_BATCH = 5_000
_STEPS_AT_HAND = 20_000
_AGGREGATES: Mapping[str, Aggregate[Any]] = {
    one.name: one for one in (CAMPAIGN, CONTACT, PERSON, SCHEDULE, SENDER, SUPPRESSION, WORKSPACE)
}


class Place(NamedTuple):
    """Where an event stands: its position in the log and its stream."""

    position: int
    stream_id: UUID


@dataclass(frozen=True, slots=True)
class Step:
    """One event: the event, what it changed in its stream's state, and in rows and counters of read models."""

    position: int
    recorded_at: datetime
    event: Event[Fact]
    state: Sequence[Difference]
    rows: Sequence[RowChange]
    counters: Sequence[CounterChange]


class Track(Protocol):
    """The events to step through, in the order of the log. Raises `SourceUnavailable`, `LedgerUnavailable`."""

    def above(self, position: int) -> Iterator[Place]:
        """Those above a position, upwards."""
        ...

    def below(self, position: int) -> Iterator[Place]:
        """Those below a position, downwards."""
        ...


class Ledger(Protocol):
    """What is needed of the ledger."""

    def read_stream(self, workspace_id: str, stream_id: UUID) -> list[Recorded]:
        """Every event of a stream, oldest first."""
        ...

    def position_at(self, instant: datetime) -> int:
        """The highest position with everything at or below it recorded by then."""
        ...

    def head(self) -> int:
        """The newest position."""
        ...


class Replay:
    """One workspace's log, to be stepped through. Not for several threads.

    A stream is read whole and unfolded once; about `_STEPS_AT_HAND` steps are kept, those looked at last.
    """

    def __init__(
        self, ledger: Ledger, source: ReadsLog, projections: Sequence[Projection], workspace_id: str
    ) -> None:
        self._ledger = ledger
        self._source = source
        self._rows = MemoryRows(projections)
        self._workspace_id = workspace_id
        self._unfolded: OrderedDict[UUID, Mapping[int, Step]] = OrderedDict()
        self._at_hand = 0

    def head(self) -> int:
        """The newest position of the log."""
        return self._ledger.head()

    def at(self, instant: datetime) -> int:
        """The highest position with everything at or below it recorded by then."""
        return self._ledger.position_at(instant)

    def since(self, instant: datetime) -> int:
        """The position of the first event that was recorded at an instant or later."""
        return self._ledger.position_at(instant - timedelta(microseconds=1)) + 1

    def stream(self, stream_id: UUID) -> Track:
        """The events of one stream. Raises `Failed` when there is none."""
        if not self._read(stream_id):
            raise Failed(Exit.REFUSED, f"there is no stream {stream_id}")
        return _OneStream(self, stream_id)

    def campaign(self, campaign_id: UUID) -> Track:
        """The events of a campaign and of its contacts. Raises `Failed` when there is no such campaign."""
        stream = self._read(campaign_id)
        if not stream or not stream[0].event.fact.TYPE.startswith("campaign."):
            raise Failed(Exit.REFUSED, f"there is no campaign {campaign_id}")
        return _OneCampaign(
            self._source, Choice(workspace_id=self._workspace_id, campaign_id=campaign_id), self.head
        )

    def step(self, place: Place) -> Step:
        """What the event at a place did. Raises `Failed` for a stream that holds what cannot be read."""
        known = self._unfolded.get(place.stream_id)
        if known is None or place.position not in known:
            # Not seen yet, or it has grown since.
            self._at_hand -= len(known or ())
            known = self._unfolded[place.stream_id] = self._unfold(place.stream_id)
            self._at_hand += len(known)
        self._unfolded.move_to_end(place.stream_id)
        while self._at_hand > _STEPS_AT_HAND and len(self._unfolded) > 1:
            self._at_hand -= len(self._unfolded.popitem(last=False)[1])
        return known[place.position]

    def places(self, stream_id: UUID) -> list[int]:
        """The positions of a stream as it is now."""
        return [one.position for one in self._read(stream_id)]

    def _read(self, stream_id: UUID) -> list[Recorded]:
        try:
            return self._ledger.read_stream(self._workspace_id, stream_id)
        except EventError as error:
            raise Failed(Exit.UNFIT, f"stream {stream_id} holds an event that cannot be read: {error}") from error

    def _unfold(self, stream_id: UUID) -> Mapping[int, Step]:
        self._rows.forget()
        stream = self._read(stream_id)
        aggregate = aggregate_of(stream[0].event.fact)
        state, steps = None, {}
        before: Any = None
        for one in stream:
            state = aggregate.evolve(state, one.event)
            after = msgspec.to_builtins(state, str_keys=True)
            changes = self._rows.apply(light_event(one.event), one.position)
            steps[one.position] = Step(
                position=one.position,
                recorded_at=one.recorded_at,
                event=one.event,
                state=differences(before, after),
                rows=[change for change in changes if isinstance(change, RowChange)],
                counters=[change for change in changes if isinstance(change, CounterChange)],
            )
            before = after
        return steps


def aggregate_of(first: Fact) -> Aggregate[Any]:
    """The aggregate of a stream that begins with this fact."""
    return ADDRESS_CLAIM if isinstance(first, ContactAddressClaimed) else _AGGREGATES[first.TYPE.partition(".")[0]]


@dataclass(frozen=True, slots=True)
class _OneStream:
    replay: Replay
    stream_id: UUID

    def above(self, position: int) -> Iterator[Place]:
        places = self.replay.places(self.stream_id)
        return (Place(one, self.stream_id) for one in places if one > position)

    def below(self, position: int) -> Iterator[Place]:
        places = reversed(self.replay.places(self.stream_id))
        return (Place(one, self.stream_id) for one in places if one < position)


class _OneCampaign:
    """A campaign's events, looked for in the whole log: no index leads from a campaign to its contacts.

    A contact's first event may stand before the campaign's: what is appended at once has no order across streams.
    """

    def __init__(self, source: ReadsLog, choice: Choice, head: Callable[[], int]) -> None:
        self._source = source
        self._choice = choice
        self._head = head
        self._named = str(choice.campaign_id).encode()

    def above(self, position: int) -> Iterator[Place]:
        after = max(position, 0)
        while rows := self._source.read(after, _BATCH).rows:
            yield from self._chosen(rows)
            after = rows[-1].position

    def below(self, position: int) -> Iterator[Place]:
        position = min(position, self._head() + 1)
        while position > 1:
            after = max(position - 1 - _BATCH, 0)
            rows = self._source.read(after, _BATCH).rows
            yield from reversed([one for one in self._chosen(rows) if one.position < position])
            position = after + 1

    def _chosen(self, rows: Sequence[LogRow]) -> Iterator[Place]:
        for row in rows:
            if self._named in row.bytes:
                event = self._choice.shown(row)
                if event is not None:
                    yield Place(row.position, event.subject)
