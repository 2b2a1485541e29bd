"""Given / when / then for decisions, on whole facts.

    given(CAMPAIGN, drafted(), CampaignAudienceOpened()).when(pause_campaign, now=NOW).then_refused("wrong_state")

`given` folds facts into a state through the aggregate's own `evolve`; `when` calls one decision function with that
state; `then` compares whole facts, folds them too, and checks that the state survives a snapshot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

import msgspec
import pytest

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Cause, Event, Fact
from support.sealing import person_of

S = TypeVar("S")

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The clock of a test that does not move it: a Monday morning."""

_NAMES = UUID("00000000-0000-4000-8000-000000000000")


def uid(name: str) -> UUID:
    """An id that is the same in every test for the same name."""
    return uuid5(_NAMES, name)


STREAM = uid("stream")
CAMPAIGN_ID = uid("campaign")


def in_seconds(seconds: float) -> datetime:
    """That long after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def event(
    fact: Fact,
    *,
    version: int = 1,
    time: datetime = NOW,
    stream_id: UUID = STREAM,
    campaign_id: UUID | None = CAMPAIGN_ID,
    workspace_id: str = "default",
    actor: str = "ada",
    cause: Cause = Cause.USER,
) -> Event[Fact]:
    """A fact in an envelope whose boring fields are filled."""
    return Event(
        id=uuid5(stream_id, str(version)),
        stream_id=stream_id,
        stream_version=version,
        time=time,
        workspace_id=workspace_id,
        campaign_id=campaign_id,
        actor=actor,
        cause=cause,
        correlation_id=uid("correlation"),
        causation_id=None,
        person_id=person_of(stream_id) if getattr(fact, "private", None) is not None else None,
        fact=fact,
    )


def events(*facts: Fact, time: datetime = NOW, first_version: int = 1) -> list[Event[Fact]]:
    """Facts of one stream in their order, all at one time."""
    return [event(fact, version=version, time=time) for version, fact in enumerate(facts, start=first_version)]


@dataclass(frozen=True, slots=True)
class Then(Generic[S]):
    """What a decision answered."""

    given: "Given[S]"
    facts: tuple[Fact, ...] | None
    refused: Refused | None

    def then(self, *expected: Fact) -> "Given[S]":
        """It answered exactly these facts; the answer is the history with them, to go on from."""
        assert self.refused is None, repr(self.refused)
        assert self.facts == expected
        return self.given.and_given(*expected, at=self.given.clock)

    def then_nothing(self) -> "Given[S]":
        """There was nothing to do."""
        return self.then()

    def then_refused(
        self, code: RefusalCode | str, *, field: str | None = None, allowed: str | None = None
    ) -> Refused:
        """It was refused with this code (and, where given, for this field and range)."""
        assert self.refused is not None, f"expected a refusal, got {self.facts}"
        assert self.refused.code == code, str(self.refused)
        if field is not None:
            assert self.refused.field == field
        if allowed is not None:
            assert self.refused.allowed == allowed
        return self.refused


@dataclass(frozen=True, slots=True)
class Given(Generic[S]):
    """A history. `clock` is the time of its last fact."""

    aggregate: Aggregate[S]
    state: S | None
    version: int
    clock: datetime

    def and_given(self, *facts: Fact, at: datetime | None = None) -> "Given[S]":
        """The same history with more facts, at their own time."""
        state, time = self.state, at or self.clock
        for recorded in events(*facts, time=time, first_version=self.version + 1):
            state = self.aggregate.evolve(state, recorded)
        _survives_a_snapshot(self.aggregate, state)
        return Given(self.aggregate, state, self.version + len(facts), time)

    def when(self, decide: Callable[..., Sequence[Fact]], *arguments: Any, **named: Any) -> Then[S]:
        """Take a decision on the state; `now`, when given, becomes the clock of what follows."""
        clock = named.get("now", self.clock)
        at = Given(self.aggregate, self.state, self.version, clock)
        try:
            return Then(at, tuple(decide(self.state, *arguments, **named)), None)
        except Refused as refused:
            return Then(at, None, refused)


def given(aggregate: Aggregate[S], *facts: Fact, at: datetime = NOW) -> Given[S]:
    """A stream that holds these facts; none: a stream that does not exist yet."""
    return Given(aggregate, None, 0, at).and_given(*facts)


def _survives_a_snapshot(aggregate: Aggregate[S], state: S | None) -> None:
    if state is None:
        return
    kept = msgspec.json.decode(msgspec.json.encode(state), type=aggregate.state_type)
    if kept != state:
        pytest.fail(f"a snapshot of the {aggregate.name} loses something: {state!r} became {kept!r}")
