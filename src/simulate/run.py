"""A simulation: the streams of a campaign's contacts, one after another, under all variants side by side.

What is held is one contact at a time, and the sums.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from drumbeat.aggregates.contact.evolve import apply
from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Fact
from drumbeat.events.calls import ContactCallPlaced
from drumbeat.events.contact import ContactFinished
from drumbeat.events.values import CampaignKind
from drumbeat.simulate import imported, live
from drumbeat.simulate.answer import Rates, Simulated, VariantMeasures, measures
from drumbeat.simulate.course import Course
from drumbeat.simulate.history import Happened
from drumbeat.simulate.tally import Fared, Tally, count
from drumbeat.simulate.timeline import Timeline, Under
from drumbeat.simulate.variants import Variant

CALLING = (CampaignKind.VOICE_AGENT, CampaignKind.CALL)


class Simulation:
    """Replays contacts under every variant, and adds up what they come to. For one thread."""

    def __init__(self, timeline: Timeline, variants: Sequence[Variant], *, until: datetime) -> None:
        """`until` is the end of the history: waits that are due by then have ended.

        Raises `Refused` (`not_for_this_kind`) for a campaign that places no calls.
        """
        kind = timeline.terms[-1].kind
        if kind not in CALLING:
            raise Refused(
                RefusalCode.NOT_FOR_THIS_KIND,
                f"a {kind} campaign places no calls: there is nothing to simulate",
                field="kind",
                value=kind,
                allowed=", ".join(CALLING),
            )
        self._timeline = timeline
        self._until = until
        self._unders = [Under.of(timeline, variant) for variant in variants]
        self._real = Tally()
        self._tallies = [Tally() for _ in variants]
        self._goal, self._imports = timeline.primary_goal, timeline.imported
        self._replay = self._imported if self._imports else self._lived
        self._events = 0

    def add(self, history: Sequence[Happened]) -> None:
        """Replay one contact: every fact of its stream, in order. Who was never enrolled counts nowhere."""
        self._events += len(history)
        really = Really()
        courses = [Course(under) for under in self._unders]
        self._replay(history, really, courses)
        contact = really.state
        if contact is None or not contact.enrolled:
            return
        counted = count(contact, self._goal)
        self._real.add(Fared(contact, *self._dates(contact, really, really)), counted)
        for course, tally in zip(courses, self._tallies, strict=True):
            state = course.state
            assert state is not None, "who was enrolled was enrolled under every variant"
            started_at, ended_at = self._dates(state, really, course)
            tally.add(
                Fared(state, started_at, ended_at, course.not_made, course.left_out, course.early),
                counted if state is contact else count(state, self._goal),
            )

    def answer(self, rates: Rates) -> Simulated:
        """What all contacts so far come to."""
        return Simulated(
            events=self._events,
            real=measures(self._real, rates),
            variants=[
                VariantMeasures(
                    name=one.variant.name, settings=one.variant.changes, measures=measures(tally, rates)
                )
                for one, tally in zip(self._unders, self._tallies, strict=True)
            ],
        )

    def _lived(self, history: Sequence[Happened], really: "Really", courses: Sequence[Course]) -> None:
        for position, time, fact in history:
            at, before = self._timeline.index_at(time, position), really.state
            for course in courses:
                live.replay(course, before, fact, course.under.points[at], time)
            really.take(fact, time)
        for course in courses:
            live.pass_time(course, really.state, self._until)

    def _imported(self, history: Sequence[Happened], really: "Really", courses: Sequence[Course]) -> None:
        for position, time, fact in history:
            before = really.state
            after = really.take(fact, time)
            imported.replay(courses, before, after, fact, self._timeline.index_at(time, position), time)

    def _dates(
        self, contact: Contact, really: "Really", course: "Really | Course"
    ) -> tuple[datetime | None, datetime | None]:
        if self._imports:
            return imported.dates(contact, really.instants)
        return course.started_at, course.finished_at


class Really:
    """A contact as it was recorded."""

    def __init__(self) -> None:
        """Before its first fact."""
        self.state: Contact | None = None
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.instants: list[datetime | None] = []
        """When each attempt was placed, by the source."""

    def take(self, fact: Fact, time: datetime) -> Contact:
        """The state after one fact more."""
        kind = type(fact)
        if kind is ContactCallPlaced:
            occurred = cast("ContactCallPlaced", fact).occurred
            self.started_at = self.started_at or time
            self.instants.append(occurred.instant if occurred is not None else None)
        elif kind is ContactFinished:
            self.finished_at = time
        self.state = apply(self.state, fact, time)
        return self.state
