"""From a record to what it says: a contact, how many earlier calls, one call, and judgements of goals.

A `RowReader` is compiled once from mapping and header. It belongs to one thread and reads a file's records in
their order, because a missing year follows from the order.
"""

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field

from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, GoalResult, Occurred
from drumbeat.intake.cells import duration_seconds, whole_number, zone
from drumbeat.intake.fields import Complaint, Field, choice, text_field
from drumbeat.intake.mapping import Mapping, Shape
from drumbeat.intake.moments import Moments
from drumbeat.intake.records import Record

MAX_CALLS_A_CONTACT = 10_000
"""Nobody is called more often; it bounds what one row may write."""

_MAX_TEXT = 500
_MAX_TAG = 100
_MAX_SUMMARY = 20_000
_GOOD = frozenset({GoalResult.ACHIEVED, GoalResult.PARTIALLY_ACHIEVED})


@dataclass(frozen=True, slots=True)
class Person:
    """What a row says of the contact."""

    reference: str
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    email: str | None = None
    zone: str | None = None
    tags: tuple[str, ...] = ()
    profile: Map[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What a row says of its call; `occurred` is None when it says nothing of when."""

    outcome: CallOutcome
    duration_seconds: int | None
    occurred: Occurred | None
    summary: str | None = None
    transcript_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An acceptable row. `earlier_calls` are known in number only; `call` is None when nobody was called.

    `results` are by the goal's place in the mapping; goals of which the row says nothing are left out.
    """

    number: int
    line: int
    person: Person
    earlier_calls: int
    call: Call | None
    results: tuple[tuple[int, GoalResult], ...]

    @property
    def calls(self) -> int:
        """How many calls it tells of."""
        return self.earlier_calls + (self.call is not None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not taken over, and everything that is wrong with it."""

    number: int
    line: int
    complaints: tuple[Complaint, ...]


class RowReader:
    """Reads records under one mapping."""

    def __init__(self, header: Sequence[str], mapping: Mapping) -> None:
        contact, call = mapping.contact, mapping.call
        self._per_call = mapping.shape is Shape.ROW_PER_CALL
        self._reference = Field[str](header, contact.reference, str, empty="", required=True)
        self._name = text_field(header, contact.name, longest=_MAX_TEXT)
        self._phone = text_field(header, contact.phone, longest=_MAX_TEXT)
        self._country = text_field(header, contact.country, longest=_MAX_TEXT)
        self._email = text_field(header, contact.email, longest=_MAX_TEXT)
        self._zone = Field[str | None](header, contact.zone, lambda text: zone(text).key, empty=None)
        self._tags = [text_field(header, column, longest=_MAX_TAG) for column in contact.tags]
        self._profile = [text_field(header, column, longest=_MAX_TEXT) for column in contact.profile]
        self._calls = Field[int](
            header,
            call.attempts,
            lambda text: whole_number(text, 0, MAX_CALLS_A_CONTACT),
            empty=1,
            required=True,
        )
        unit = call.duration_unit
        self._duration = Field[int | None](
            header, call.duration, lambda text: duration_seconds(text, unit), empty=None
        )
        self._moments = Moments(header, call, mapping.zone)
        self._summary = text_field(header, call.summary, longest=_MAX_SUMMARY)
        self._transcript = text_field(header, call.transcript_reference, longest=_MAX_TEXT)
        outcome = mapping.outcome
        self._by_duration = None if outcome is None else outcome.by_duration
        self._outcome = Field[CallOutcome](
            header,
            None if outcome is None else outcome.column,
            choice({}, None) if outcome is None else choice(outcome.values, outcome.other),
            empty=CallOutcome.NOT_RECORDED
            if outcome is None
            else outcome.values.get("", CallOutcome.NOT_RECORDED),
        )
        self._goals = [
            Field[GoalResult | None](
                header, goal.column, choice(goal.values, goal.other), empty=goal.values.get("")
            )
            for goal in mapping.goals
        ]

    def read(self, record: Record) -> Row | Refusal:
        """What a record says, or everything that is wrong with it."""
        if record.problem is not None:
            return Refusal(record.number, record.line, (Complaint("", "", record.problem),))
        complaints: list[Complaint] = []
        person = self._person(record, complaints)
        calls = self._calls.read(record.cells, complaints)
        call: Call | None = self._call(record.cells, person.zone, complaints)
        if calls == 0 and call is not None:
            self._was_none(call, complaints)
            call = None
        results = self._results(record.cells, call, complaints)
        if complaints:
            return Refusal(record.number, record.line, tuple(complaints))
        return Row(record.number, record.line, person, max(calls - 1, 0), call, results)

    def _person(self, record: Record, complaints: list[Complaint]) -> Person:
        cells = record.cells
        reference = self._reference.read(cells, complaints) if self._reference.mapped else f"row-{record.number}"
        tags = [tag for one in self._tags if (tag := one.read(cells, complaints))]
        profile = {one.column: text for one in self._profile if (text := one.read(cells, complaints))}
        return Person(
            reference=reference,
            name=self._name.read(cells, complaints),
            phone=self._phone.read(cells, complaints),
            country=self._country.read(cells, complaints),
            email=self._email.read(cells, complaints),
            zone=self._zone.read(cells, complaints),
            tags=tuple(dict.fromkeys(tags)),
            profile=profile,
        )

    def _call(self, cells: Sequence[str], contact_zone: str | None, complaints: list[Complaint]) -> Call:
        seconds = self._duration.read(cells, complaints)
        outcome = self._outcome.read(cells, complaints)
        if self._by_duration is not None and seconds is not None:
            outcome = self._by_duration.above_zero if seconds > 0 else self._by_duration.zero
        return Call(
            outcome=outcome,
            duration_seconds=seconds,
            occurred=self._moments.read(cells, contact_zone, complaints),
            summary=self._summary.read(cells, complaints),
            transcript_reference=self._transcript.read(cells, complaints),
        )

    def _was_none(self, call: Call, complaints: list[Complaint]) -> None:
        reason = f"the row has no attempts ({self._calls.column}), but a call"
        if call.duration_seconds:
            complaints.append(Complaint(self._duration.column, str(call.duration_seconds), reason))
        if self._by_duration is None and call.outcome is not CallOutcome.NOT_RECORDED:
            complaints.append(Complaint(self._outcome.column, call.outcome, reason))

    def _results(
        self, cells: Sequence[str], call: Call | None, complaints: list[Complaint]
    ) -> tuple[tuple[int, GoalResult], ...]:
        results: list[tuple[int, GoalResult]] = []
        for place, goal in enumerate(self._goals):
            result = goal.read(cells, complaints)
            if result is None:
                continue
            # With a row a call it is that conversation that is judged; a call that was none can only have missed.
            if call is None or not self._per_call or MEANING[call.outcome].conversation:
                results.append((place, result))
            elif result in _GOOD and all(one.column != self._outcome.column for one in complaints):
                reason = f"'{result}' needs a conversation; a call that ended '{call.outcome}' is none"
                complaints.append(Complaint(goal.column, goal.text(cells), reason))
        return tuple(results)
