"""Contacts that were worked by the real decisions, and what a simulation says of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from drumbeat.aggregates.contact import calls, control, correction, enrolment, evaluations, history
from drumbeat.aggregates.contact.evolve import apply
from drumbeat.aggregates.contact.state import AwaitingNextStep, Contact, RetryScheduled
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events import Fact
from drumbeat.events.values import CallOutcome, ContactPrivate, GoalResult
from drumbeat.simulate.answer import CampaignMeasures, Rates, Simulated
from drumbeat.simulate.history import Happened
from drumbeat.simulate.run import Simulation
from drumbeat.simulate.timeline import Moment, Timeline
from drumbeat.simulate.variants import read_variants
from support.contact_stories import Story
from support.contacts import GOAL, RUNNING
from support.given import NOW

AS_IT_WAS: dict[str, object] = {}
"""A variant that changes nothing."""


@dataclass
class Recorded:
    """One contact's history, made by real decisions. Each method is one command, at a clock that only it moves."""

    under: Terms = RUNNING
    now: datetime = NOW
    state: Contact | None = None
    happened: list[Happened] = field(default_factory=list)
    points: list[tuple[Moment, Terms]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.points.append(((self.now, 0), self.under))
        self.do(lambda c, t, _: enrolment.enrol(c, terms=t, reference="r", private=ContactPrivate()))

    def do(self, decide: Callable[[Contact | None, Terms, datetime], Sequence[Fact]]) -> "Recorded":
        """Command anything; what is decided is recorded."""
        for fact in decide(self.state, self.under, self.now):
            self.happened.append((len(self.happened) + 1, self.now, fact))
            self.state = apply(self.state, fact, self.now)
        return self

    def call(self, outcome: CallOutcome, seconds: int | None = None, **said: Any) -> "Recorded":
        """A call that is placed when it is due, and ends a minute later."""
        if self.state is not None and isinstance(self.state.stage, RetryScheduled):
            self.now = max(self.now, self.state.stage.retry_at)
        self.do(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now))
        self.later(minutes=1)
        number = len(self.state.attempts) if self.state else 0
        return self.do(
            lambda c, t, now: calls.end_call(
                c, terms=t, attempt=number, outcome=outcome, duration_seconds=seconds, now=now, **said
            )
        )

    def correct(self, attempt: int, to: CallOutcome, **said: Any) -> "Recorded":
        """The outcome of an attempt was another one."""
        report = self.state.attempts[attempt - 1].report if self.state else None
        assert report is not None
        return self.do(
            lambda c, t, now: correction.correct_outcome(
                c, terms=t, attempt=attempt, from_=report.outcome, to=to, reason="misheard", now=now, **said
            )
        )

    def receive(self, talk: UUID, seconds: int = 60) -> "Recorded":
        """The contact calls."""
        return self.do(
            lambda c, t, now: calls.receive_call(
                c, terms=t, conversation_id=talk, duration_seconds=seconds, now=now
            )
        )

    def judge(self, result: GoalResult, talk: UUID | None = None) -> "Recorded":
        """The primary goal is judged."""
        return self.do(
            lambda c, t, now: evaluations.evaluate_goal(
                c, terms=t, goal_id=GOAL, result=result, conversation_id=talk, now=now
            )
        )

    def later(self, **span: float) -> "Recorded":
        """Time goes by."""
        self.now += timedelta(**span)
        return self

    def waited(self, *, policy_late: float = 0) -> "Recorded":
        """The wait for a call back passes, and the policy ends it so many seconds after it was due."""
        assert self.state is not None
        assert isinstance(self.state.stage, AwaitingNextStep)
        assert self.state.stage.completion_due_at is not None
        self.now = max(self.now, self.state.stage.completion_due_at) + timedelta(seconds=policy_late)
        return self.do(lambda c, _, now: control.finish_due(c, now=now))

    def now_under(self, terms: Terms) -> "Recorded":
        """The campaign has other terms from here on."""
        self.under = terms
        self.points.append(((self.now, len(self.happened) + 1), terms))
        return self


@dataclass
class Imported(Recorded):
    """One contact of an import."""

    def history(self, outcome: CallOutcome, seconds: int | None = None, **said: Any) -> "Imported":
        """A call that was made elsewhere."""
        self.do(lambda c, t, _: history.record_call(c, terms=t, outcome=outcome, duration_seconds=seconds, **said))
        return self

    def end(self) -> "Imported":
        """The import has no more of this contact."""
        self.do(lambda c, t, _: history.finish_history(c, terms=t))
        return self


def simulated(*contacts: Recorded, variants: Sequence[dict[str, Any]], rates: Rates | None = None) -> Simulated:
    """What a simulation answers of contacts that were recorded under the same terms."""
    until = max(contact.now for contact in contacts)
    made = Simulation(Timeline(contacts[0].points), read_variants(variants), until=until)
    for contact in contacts:
        made.add(contact.happened)
    return made.answer(rates or Rates())


def under(*contacts: Recorded, **changes: Any) -> CampaignMeasures:
    """What contacts would have come to under other settings."""
    (variant,) = simulated(*contacts, variants=[changes]).variants
    return variant.measures


def really(*contacts: Recorded) -> CampaignMeasures:
    """What they really came to."""
    return simulated(*contacts, variants=[]).real


def of_story(story: Story, *, variants: Sequence[dict[str, Any]]) -> Simulated:
    """What a simulation answers of a random story."""
    moments = [(time, at) for at, (_, time) in enumerate(story.facts, start=1)]
    points = list(zip(moments, story.terms, strict=True)) or [((NOW, 0), RUNNING)]
    made = Simulation(Timeline(points), read_variants(variants), until=story.now)
    made.add([(at, time, fact) for at, (fact, time) in enumerate(story.facts, start=1)])
    return made.answer(Rates())
