"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds of findings."""

    ALTERED = "altered"
    """The event at a position has other bytes than when it was added."""
    REMOVED = "removed"
    """There is no event any more at a position."""
    INSERTED = "inserted"
    """An event stands between others that were there before it."""
    REORDERED = "reordered"
    """An event stands at another position than its own."""
    CUT_OFF = "cut_off"
    """A head was signed for more leaves than there are."""
    HEAD_DIFFERS = "head_differs"
    """A head was signed for another root: events and tree were changed together."""
    HEAD_NOT_SIGNED = "head_not_signed"
    """A head is not signed by the key."""
    TREE_DAMAGED = "tree_damaged"
    """The stored tree is not one; the log may be as it was."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: at which leaf and position, where these are known."""

    kind: Kind
    leaf: int | None
    position: int | None
    words: str

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"kind": self.kind.value, "leaf": self.leaf, "position": self.position, "words": self.words}


@dataclass(frozen=True, slots=True)
class Report:
    """A check: leaves of the tree, events that were compared with them, heads that agree.

    `untold`: how many more differences there are than `findings` tells.
    """

    leaves: int
    events: int
    compared: tuple[Finding, ...]
    rejected: tuple[Finding, ...]
    agreeing_heads: int
    untold: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong."""
        return (*self.compared, *self.rejected)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings and not self.untold

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "intact": self.intact,
            "leaves": self.leaves,
            "events": self.events,
            "agreeing_heads": self.agreeing_heads,
            "findings": [one.document() for one in self.findings],
            "untold": self.untold,
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.leaves:,} leaves, {self.events:,} events, {self.agreeing_heads:,} heads agree"]
        told += [f"{one.kind.value.replace('_', ' ')}: {one.words}" for one in self.findings]
        told += [f"and {self.untold:,} more differences"] if self.untold else []
        told.append("the log is as it was" if self.intact else "the log or its tree was changed")
        return told
