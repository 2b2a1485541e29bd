"""Facts of an address that is not to be contacted. The stream's id is a keyed hash of it."""

from typing import ClassVar

from drumbeat.events.fact import Fact


class SuppressionAdded(Fact):
    """The address is on the do-not-contact list."""

    TYPE: ClassVar[str] = "suppression.added.v1"
    reason: str
    source: str


class SuppressionLifted(Fact):
    """It no longer is. Nobody is revived by this."""

    TYPE: ClassVar[str] = "suppression.lifted.v1"
    reason: str
