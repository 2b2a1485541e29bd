"""Facts of a person in a workspace, nothing personal in them. The stream's id is a keyed hash of the reference."""

from typing import ClassVar

from drumbeat.events.fact import Fact


class PersonErased(Fact):
    """The person's key was destroyed: what was sealed under it says nothing any more, wherever it is.

    Whoever keeps something personal of them in clear has to forget it; each contact of theirs says so too
    (`contact.erased`). The same reference enrolled later is a new beginning under a new key.
    """

    TYPE: ClassVar[str] = "person.erased.v1"
    reason: str
