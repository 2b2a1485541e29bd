"""What is answered to the question what changed in a campaign between two positions."""

from typing import Any
from uuid import UUID

import msgspec

from drumbeat.readapi.instants import Instant


class End(msgspec.Struct):
    """One end of what is compared: everything up to the position. `recorded_at`: of the newest event in it."""

    position: int
    recorded_at: Instant | None


class ChangedField(msgspec.Struct):
    """A field of the campaign whose value is another: `status`, `settings.max_retries`, `senders.ID.standing`.

    `about` is what the goal, analysis or number in the path is called now. Null: it was not there, or is gone.
    """

    field: str
    about: str | None
    before: Any
    after: Any


class ChangedNumber(msgspec.Struct):
    """A counter of the dashboard whose value is another; `key` tells those of one name apart: `GOAL/result`.

    `about` is what the goal or number in the key is called now.
    """

    counter: str
    key: str | None
    about: str | None
    before: int
    after: int


class ChangedColumn(msgspec.Struct):
    """In how many contacts a column of the read row has another value; of those that were there at both ends."""

    column: str
    contacts: int


class Move(msgspec.Struct):
    """How many contacts went from one label to another. Null: not in the campaign, before or since."""

    before: str | None
    after: str | None
    contacts: int


class ContactsChanged(msgspec.Struct):
    """How many contacts came, how many of the others changed, in which columns and from where to where.

    `rows` lists them.
    """

    enrolled: int
    changed: int
    columns: list[ChangedColumn]
    labels: list[Move]
    rows: str


class Happenings(msgspec.Struct):
    """What was done in between: how many rows of a list, and the link to them."""

    count: int
    rows: str


class CampaignDifference(msgspec.Struct, kw_only=True):
    """What changed in a campaign between two positions, under today's definitions; nothing else is there."""

    from_: End = msgspec.field(name="from")
    to: End
    campaign: list[ChangedField]
    numbers: list[ChangedNumber]
    contacts: ContactsChanged
    activity: Happenings
    history: Happenings


class ChangedValue(msgspec.Struct):
    """A column of a contact's read row, and what stood in it."""

    column: str
    before: Any
    after: Any


class ContactDifference(msgspec.Struct, kw_only=True):
    """What changed in one contact. `enrolled`: it came in between. Name and reference are those of now."""

    contact_id: UUID
    reference: str
    name: str | None
    enrolled: bool
    columns: list[ChangedValue]
