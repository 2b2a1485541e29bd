"""One batch on its way: what is to be done, how, how far it came, and where that leaves the partitions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from drumbeat.transport.consuming.handling import Later
from drumbeat.transport.consuming.kept import Cursor, Kind, ParkedEvent
from drumbeat.transport.consuming.steps import Step
from drumbeat.transport.source import Checkpoint, Delivery, Places, checkpoint_of


class How(Enum):
    """In which way events are handed over."""

    TOGETHER = "together"
    APART = "apart"
    ALONE = "alone"
    PARKED = "parked"


@dataclass(slots=True)
class Waiting:
    """The streams of which something is parked. `without_predecessor`: those that miss an event."""

    streams: set[UUID] = field(default_factory=set)
    without_predecessor: set[UUID] = field(default_factory=set)
    count: int = 0


@dataclass(slots=True)
class Run:
    """What became of the steps of one try. `done` of them are dealt with."""

    done: int = 0
    parked: list[ParkedEvent] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)
    later: Later | None = None

    def note(self, step: Step, kind: Kind | None, error: str | None, attempts: int) -> None:
        """A step was dealt with; parked when it has a kind."""
        if kind is not None:
            self.parked.append(ParkedEvent(kind, step.row, step.stream_id, error, attempts))
        if step.stream_id is not None and kind is not Kind.GAP:
            self.versions[step.stream_id] = step.version
        self.done += 1


@dataclass(frozen=True, slots=True)
class Work:
    """What one batch is: from where to where it moves, `move` says, which depends on how far it comes."""

    steps: Sequence[Step]
    before: Places
    move: Callable[[Cursor, Run], Places]


def reached(delivery: Delivery, steps: Sequence[Step], done: int) -> Places:
    """Where partitions stand when so many steps are dealt with."""
    if done == len(steps):
        return delivery.reached
    dealt_with = delivery.rows[: steps[done].source]
    left = {row.partition for row in delivery.rows[steps[done].source :]}
    reached: dict[str, Checkpoint] = {name: place for name, place in delivery.reached.items() if name not in left}
    reached |= {row.partition: checkpoint_of(row) for row in dealt_with if row.partition in left}
    return reached
