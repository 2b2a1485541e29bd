"""What is done to whom and when: a list made from a seed alone, so that the same storm can be made again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, cycle, islice
from typing import Final


class Kind(StrEnum):
    """What can happen."""

    KILL = "kill"
    """kill -9; started again as a supervisor would."""
    PAUSE = "pause"
    """A broker is stopped by SIGSTOP: its partitions are cut off, its connections stay open. Then it wakes."""
    SUSPEND = "suspend"
    """SIGSTOP until others have taken over, then SIGCONT: a zombie that believes it leads or owns partitions.

    A projector is stopped for longer than its session timeout. A relay's sessions are ended meanwhile, as a server
    ends those of a host that is gone.
    """
    FOREIGN = "foreign"
    """Another producer writes into our topics what is none of ours."""
    POISON = "poison"
    """A program of another version appends an event to the log that no projection here can apply."""


BROKERS: Final = ("broker-1", "broker-2", "broker-3")
PROJECTORS: Final = ("project-1", "project-2")
RELAYS: Final = ("relay-1", "relay-2")
OTHERS: Final = (*RELAYS, *PROJECTORS, "api", "policies", "postgres")
VICTIMS: Final = (*OTHERS, *BROKERS)
"""Whom kill -9 may meet."""

FOREIGN_RECORDS: Final = (
    "no-cloudevent",
    "no-headers",
    "unknown-type",
    "wrong-schema",
    "null-value",
    "another-key",
)
POISON_EVENTS: Final = ("unknown-type", "wrong-schema")

_ZOMBIE_SECONDS: Final = (13.0, 18.0)
"""Longer than a projector's session timeout of ten seconds."""

_BROKER_REST_SECONDS: Final = 10.0
"""What a killed or paused broker takes to have every copy again, about; the next one waits for it anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much happens, and how fast: faults begin `gap_seconds` (least, most) after each other."""

    kills: int
    broker_kills: int
    pauses: int
    suspensions: int
    """Of projectors, and as many of relays."""
    foreign: int
    poison: int
    gap_seconds: tuple[float, float]
    pause_seconds: tuple[float, float]


LONG: Final = Size(
    kills=84,
    broker_kills=24,
    pauses=9,
    suspensions=6,
    foreign=18,
    poison=6,
    gap_seconds=(1.0, 6.5),
    pause_seconds=(1.0, 14.0),
)
SHORT: Final = Size(
    kills=7,
    broker_kills=3,
    pauses=1,
    suspensions=1,
    foreign=6,
    poison=2,
    gap_seconds=(0.2, 2.0),
    pause_seconds=(2.0, 5.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that happens, so long after the storm began; later when what it must wait for took longer."""

    at_seconds: float
    kind: Kind
    target: str
    lasts_seconds: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.lasts_seconds:.1f} s" if self.lasts_seconds else ""
        return f"{self.kind} {self.target}{lasts}"


@dataclass(slots=True)
class _Free:
    """Who can be met by the next fault: one broker at a time is away, a zombie is left alone until it wakes."""

    until: dict[str, float] = field(default_factory=dict)

    def takes(self, fault: Fault, now: float) -> bool:
        return self.until.get(_place(fault.target), 0.0) <= now

    def note(self, fault: Fault) -> None:
        rest = _BROKER_REST_SECONDS if fault.target in BROKERS else 0.0
        self.until[_place(fault.target)] = fault.at_seconds + fault.lasts_seconds + rest


def _place(target: str) -> str:
    return "brokers" if target in BROKERS else target


def make_plan(seed: int, size: Size) -> tuple[Fault, ...]:
    """The faults of a storm, in order. Every victim and every kind of record comes before any comes again."""
    chance = random.Random(seed)
    waiting = list(_bag(chance, size))
    chance.shuffle(waiting)
    free, now = _Free(), 0.0
    planned: list[Fault] = []
    while waiting:
        now += chance.uniform(*size.gap_seconds)
        chosen = next((one for one in waiting if free.takes(one, now)), None)
        if chosen is None:
            continue
        waiting.remove(chosen)
        fault = Fault(
            at_seconds=round(now, 2),
            kind=chosen.kind,
            target=chosen.target,
            lasts_seconds=round(chosen.lasts_seconds, 1),
        )
        free.note(fault)
        planned.append(fault)
    return tuple(planned)


def _bag(chance: random.Random, size: Size) -> Iterator[Fault]:
    def some(
        kind: Kind, targets: Sequence[str], count: int, lasts: tuple[float, float] = (0.0, 0.0)
    ) -> Iterator[Fault]:
        order = chance.sample(targets, len(targets))
        for target in islice(cycle(order), count):
            yield Fault(at_seconds=0.0, kind=kind, target=target, lasts_seconds=chance.uniform(*lasts))

    return chain(
        some(Kind.KILL, OTHERS, size.kills),
        some(Kind.KILL, BROKERS, size.broker_kills),
        some(Kind.PAUSE, BROKERS, size.pauses, size.pause_seconds),
        some(Kind.SUSPEND, PROJECTORS, size.suspensions, _ZOMBIE_SECONDS),
        some(Kind.SUSPEND, RELAYS, size.suspensions, _ZOMBIE_SECONDS),
        some(Kind.FOREIGN, FOREIGN_RECORDS, size.foreign),
        some(Kind.POISON, POISON_EVENTS, size.poison),
    )
