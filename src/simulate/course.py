"""How one contact fares under one variant: its state, and what its recorded history says no more about."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from drumbeat.aggregates.contact.evolve import apply
from drumbeat.aggregates.contact.state import Contact
from drumbeat.events import Fact
from drumbeat.events.contact import ContactFinished
from drumbeat.simulate.timeline import Under


@dataclass(slots=True)
class Course:
    """One contact under one variant. Written by the replay of its variant alone.

    `made` has the numbers, in the record, of the attempts that are made here too; `not_made` counts the others.
    `early`: an attempt was recorded before it would have been due here, so that its date here is not known.
    `left_out`: something the contact did after an attempt that is not made here was left out: it may have followed
    from that attempt.
    """

    under: Under
    state: Contact | None = None
    made: list[int] = field(default_factory=list)
    not_made: int = 0
    early: bool = False
    left_out: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def take(self, facts: Iterable[Fact], time: datetime) -> None:
        """Go on with what was decided or stands as recorded."""
        for fact in facts:
            self.state = apply(self.state, fact, time)
            if type(fact) is ContactFinished:
                self.finished_at = time

    def number_of(self, recorded: int) -> int | None:
        """The number here of an attempt of the record; None when it is not made."""
        return self.made.index(recorded) + 1 if recorded in self.made else None
