"""Made-up people and how they answer the phone: a model of a dialler's world, the same for the same seed.

Nothing here reads a clock or writes anything; `demonstration` turns it into commands. Numbers lie in the ranges
that are kept free for fiction.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from drumbeat.events.values import AnsweredBy, CallOutcome, GoalResult, Priority

T = TypeVar("T")

# Area codes by zone; each has a hundred numbers for fiction, 555-0100 to 555-0199.
_AREA_CODES = {
    "America/New_York": ("212", "305", "404", "617", "202"),
    "America/Chicago": ("312", "214", "504", "612"),
    "America/Denver": ("303", "505", "801"),
    "America/Phoenix": ("480", "520"),
    "America/Los_Angeles": ("213", "415", "206", "503", "702", "619"),
}
_PLACES = [(zone, code) for zone, codes in _AREA_CODES.items() for code in codes]
MOST_PEOPLE = len(_PLACES) * 100

_FIRST = (
    "Ada Ben Cleo Dan Eve Finn Gus Hana Ines Jon Kim Lea Mats Nora Otto Pia Quin Rosa Sam Tia Uma Vic Wes Yara"
)
_LAST = (
    "Abbot Baker Cole Dunn Ellis Frost Gray Hale Irwin Jones Kemp Lowe Marsh Nash Owens Price Reed Stone Todd West"
)
_TAGS = ("newsletter", "event", "referral", "trial")
_WITHOUT_ZONE = 0.1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be called. `zone` None: the list did not say."""

    reference: str
    name: str
    phone: str
    zone: str | None
    priority: Priority
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call went. `ring_seconds` before anything happened, `duration_seconds` of the rest."""

    outcome: CallOutcome
    answered_by: AnsweredBy | None
    ring_seconds: int
    duration_seconds: int
    callback_in_seconds: int | None = None
    permanent: bool = False
    goal: GoalResult | None = None
    side_goal: GoalResult | None = None
    interest: int | None = None
    calls_back_in_seconds: int | None = None
    opts_out: bool = False
    reported_wrongly_as: CallOutcome | None = None


def people(seed: int, count: int) -> list[Person]:
    """That many people, all different. Raises `ValueError` beyond `MOST_PEOPLE`."""
    if not 1 <= count <= MOST_PEOPLE:
        raise ValueError(f"the simulator knows 1 to {MOST_PEOPLE:,} people, not {count:,}")
    chance = Random(f"{seed}:people")  # noqa: S311  a simulation, not a secret
    numbers = [(zone, code, line) for zone, code in _PLACES for line in range(100, 200)]
    chance.shuffle(numbers)
    firsts, lasts = _FIRST.split(), _LAST.split()
    return [
        Person(
            reference=f"demo-{number:05d}",
            name=f"{chance.choice(firsts)} {chance.choice(lasts)}",
            phone=f"+1{code}5550{line}",
            zone=None if chance.random() < _WITHOUT_ZONE else zone,
            priority=chance.choices((Priority.HIGH, Priority.NORMAL, Priority.LOW), (15, 70, 15))[0],
            tags=tuple(sorted(chance.sample(_TAGS, chance.choices((0, 1, 2), (30, 55, 15))[0]))),
        )
        for number, (zone, code, line) in enumerate(numbers[:count], start=1)
    ]


_HUMAN = {
    CallOutcome.COMPLETED: 52,
    CallOutcome.USER_HUNG_UP: 15,
    CallOutcome.ANSWERED_NO_CONVERSATION: 13,
    CallOutcome.CALLBACK: 10,
    CallOutcome.MEETING_BOOKED: 7,
    CallOutcome.CALL_TRANSFERRED: 3,
}
_MACHINE = {CallOutcome.LEFT_MESSAGE: 65, CallOutcome.NO_MESSAGE: 35}
_NOBODY = {
    CallOutcome.NO_ANSWER: 78,
    CallOutcome.BUSY: 14,
    CallOutcome.ISSUE_DIALING: 4,
    CallOutcome.FAILED: 4,
}
_LONG = {CallOutcome.COMPLETED, CallOutcome.MEETING_BOOKED, CallOutcome.CALL_TRANSFERRED}
_GOAL = {
    GoalResult.ACHIEVED: 16,
    GoalResult.PARTIALLY_ACHIEVED: 14,
    GoalResult.NOT_ACHIEVED: 58,
    GoalResult.UNKNOWN: 12,
}


def answer(seed: int, person: Person, attempt: int, now: datetime, *, zone: str) -> Answer:
    """How this person takes this attempt at this moment; `zone` is where the campaign is."""
    chance = Random(f"{seed}:{person.reference}:{attempt}")  # noqa: S311  a simulation, not a secret
    hour = now.astimezone(ZoneInfo(person.zone or zone)).hour
    human = 0.22 + (0.16 if hour >= 17 else 0.06 if 11 <= hour <= 13 else 0.0)
    lot = chance.random()
    if lot < human:
        return _human(chance)
    if lot < human + 0.27:
        return _machine(chance)
    return _nobody(chance)


def _human(chance: Random) -> Answer:
    outcome = _drawn(chance, _HUMAN)
    ring = chance.randint(3, 22)
    if outcome is CallOutcome.ANSWERED_NO_CONVERSATION:
        return Answer(outcome, AnsweredBy.HUMAN, ring, chance.randint(2, 9))
    duration = round(chance.lognormvariate(5.0, 0.55)) if outcome in _LONG else chance.randint(12, 75)
    booked = outcome is CallOutcome.MEETING_BOOKED
    return Answer(
        outcome,
        AnsweredBy.HUMAN,
        ring,
        duration,
        callback_in_seconds=chance.randint(2, 30) * 3600 if outcome is CallOutcome.CALLBACK else None,
        goal=GoalResult.ACHIEVED if booked else _drawn(chance, _GOAL),
        side_goal=_drawn(chance, _GOAL) if chance.random() < 0.6 else None,
        interest=chance.randint(3, 5) if booked else chance.randint(1, 5),
        opts_out=not booked and chance.random() < 0.02,
        reported_wrongly_as=CallOutcome.USER_HUNG_UP
        if outcome is CallOutcome.COMPLETED and chance.random() < 0.01
        else None,
    )


def _machine(chance: Random) -> Answer:
    outcome = _drawn(chance, _MACHINE)
    rings_back = outcome is CallOutcome.LEFT_MESSAGE and chance.random() < 0.08
    return Answer(
        outcome,
        AnsweredBy.MACHINE,
        chance.randint(12, 28),
        chance.randint(8, 40),
        calls_back_in_seconds=chance.randint(300, 3_000) if rings_back else None,
        goal=_drawn(chance, _GOAL) if rings_back else None,
    )


def _nobody(chance: Random) -> Answer:
    outcome = _drawn(chance, _NOBODY)
    rang = outcome is CallOutcome.NO_ANSWER
    return Answer(
        outcome,
        None,
        chance.randint(25, 30) if rang else chance.randint(1, 4),
        chance.randint(25, 30) if rang else 0,
        permanent=outcome is CallOutcome.FAILED and chance.random() < 0.4,
    )


def _drawn(chance: Random, weights: dict[T, int]) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]
