"""Rows of a campaign at two positions, folded from the log by the functions of the projections.

A contact whose rows have not changed since a position has the same rows then and now: only the others are folded,
some at a time, so that memory holds a few streams however many contacts there are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

import structlog

from drumbeat.events.light import LightEvent
from drumbeat.projections import attempts, campaigns, contacts, dashboard, senders
from drumbeat.projections.campaigns import CAMPAIGN_ROWS
from drumbeat.projections.contacts import CARDS, CONTACTS
from drumbeat.projections.contacts_rows import ContactCard, ContactState
from drumbeat.projections.differences import Difference, differences, document_of
from drumbeat.projections.engine import Entity
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.in_memory import CounterChange, MemoryRows
from drumbeat.projections.senders import CAMPAIGN_SENDER_ROWS
from drumbeat.readapi.ledger import LedgerReads

CONTACTS_AT_ONCE = 500

_OF_CAMPAIGN = (campaigns.PROJECTION, senders.PROJECTION)
_OF_CONTACT = (contacts.PROJECTION, attempts.PROJECTION, dashboard.PROJECTION)
_ROWS_OF_CONTACT: tuple[Entity[Any], Entity[Any]] = (CONTACTS, CARDS)
_COUNTERS = "dashboard_counters"
_KEY = frozenset({"workspace_id", "campaign_id", "contact_id"})
_INNER = frozenset({"position", "version", "changed_at", "name_key", "durations", "evaluations", "address_keys"})
"""Columns that only say which event was the last, or that other columns follow from."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one position (what was) to another (what is then), both of a workspace's campaign."""

    workspace_id: str
    campaign_id: UUID
    since: int
    until: int


@dataclass(slots=True)
class ContactAtBoth:
    """A contact's rows at both ends; None: it was not there.

    `moved`: by how much counters moved in between; `later`: from the second end up to where the read models are.
    """

    contact_id: UUID
    before: tuple[ContactState | None, ContactCard | None] = (None, None)
    after: tuple[ContactState | None, ContactCard | None] = (None, None)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    later: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def columns(self) -> list[str]:
        """The columns that differ."""
        return [
            name
            for entity, before, after in zip(_ROWS_OF_CONTACT, self.before, self.after, strict=True)
            for name in _shown(entity)
            if getattr(before, name, None) != getattr(after, name, None)
        ]

    @property
    def differences(self) -> list[Difference]:
        """The same, with what stands in them."""
        old, new = _document(self.before), _document(self.after)
        return [Difference(name, old.get(name), new.get(name)) for name in self.columns]


@cache
def _shown(entity: Entity[Any]) -> tuple[str, ...]:
    return tuple(name for name in entity.row.__struct_fields__ if name not in _KEY | _INNER)


def _document(rows: tuple[ContactState | None, ContactCard | None]) -> dict[str, Any]:
    told = [document_of(row, contacts.PROJECTION) for row in rows if row is not None]
    return {name: value for one in told for name, value in one.items()}


class Comparing:
    """Folds streams of one campaign. For one request; every method raises `DatabaseAway`."""

    def __init__(self, ledger: LedgerReads, stretch: Stretch) -> None:
        self._ledger = ledger
        self._stretch = stretch

    def campaign(self) -> tuple[int | None, list[Difference]]:
        """The position of the campaign's first event, and what differs in the campaign itself.

        That is its state, settings and goals, and what its senders may do, under `senders`.
        """
        rows = MemoryRows(_OF_CAMPAIGN)
        first, before, after = None, None, None
        for position, event in self._events(rows, [self._stretch.campaign_id], self._stretch.until):
            first = position if first is None else first
            if before is None and position > self._stretch.since:
                before = _campaign(rows)
            rows.fold(event, position)
        after = _campaign(rows)
        return first, differences(after if before is None else before, after)

    def contacts(self, contact_ids: Sequence[UUID], *, now: int) -> Iterator[ContactAtBoth]:
        """Contacts at both ends, in the order of their ids; `now` is where the read models are."""
        rows = MemoryRows(_OF_CONTACT)
        for start in range(0, len(contact_ids), CONTACTS_AT_ONCE):
            chunk = contact_ids[start : start + CONTACTS_AT_ONCE]
            happened = list(self._events(rows, chunk, now))
            happened.sort(key=lambda one: (one[1].stream_id, one[0]))
            for contact_id, stream in groupby(happened, lambda one: one[1].stream_id):
                yield self._contact(rows, contact_id, stream)
                rows.forget()

    def _contact(
        self, rows: MemoryRows, contact_id: UUID, stream: Iterator[tuple[int, LightEvent[Any]]]
    ) -> ContactAtBoth:
        at_both, stretch = ContactAtBoth(contact_id), self._stretch
        reached = 0
        try:
            for position, event in stream:
                if reached <= stretch.since < position:
                    at_both.before = _contact(rows)
                if reached <= stretch.until < position:
                    at_both.after = _contact(rows)
                reached = position
                if position <= stretch.since:
                    rows.fold(event, position)
                else:
                    _count(rows, event, position, at_both.moved if position <= stretch.until else at_both.later)
        except Exception as error:  # noqa: BLE001  as the projector does: what fails on an event holds up its stream
            log.warning("stream_not_compared_to_its_end", stream=str(contact_id), error=type(error).__name__)
        if reached <= stretch.since:
            at_both.before = _contact(rows)
        if reached <= stretch.until:
            at_both.after = _contact(rows)
        return at_both

    def _events(
        self, rows: MemoryRows, stream_ids: Sequence[UUID], up_to: int
    ) -> Iterator[tuple[int, LightEvent[Any]]]:
        stopped: set[UUID | None] = set()
        found = self._ledger.streams(stream_ids, up_to)
        for row, event in decode_rows(rows.plan, found, self._ledger.keys):
            if isinstance(event, LightEvent):
                if event.workspace_id == self._stretch.workspace_id and event.stream_id not in stopped:
                    yield row.position, event
            elif event is not None:
                # The read models wait before it too: it is parked there, and its stream behind it.
                stopped.add(event.stream_id)


def _count(rows: MemoryRows, event: LightEvent[Any], position: int, moved: Counter[tuple[str, str]]) -> None:
    for one in rows.apply(event, position):
        if isinstance(one, CounterChange) and one.table == _COUNTERS:
            moved[one.key[0], one.key[1]] += one.by


def _contact(rows: MemoryRows) -> tuple[ContactState | None, ContactCard | None]:
    # One contact's stream at a time: there is one row of each, or none.
    state, card = (next(iter(rows.rows(entity).values()), None) for entity in _ROWS_OF_CONTACT)
    return state, card


def _campaign(rows: MemoryRows) -> Mapping[str, Any]:
    row = next(iter(rows.rows(CAMPAIGN_ROWS).values()), None)
    if row is None:
        return {}
    told = document_of(row, campaigns.PROJECTION)
    numbers = {
        str(one.sender_id): {
            name: value
            for name, value in document_of(one, senders.PROJECTION).items()
            if name not in _KEY | _INNER | {"sender_id"}
        }
        for one in rows.rows(CAMPAIGN_SENDER_ROWS).values()
    }
    return {name: value for name, value in told.items() if name not in _KEY | _INNER} | {"senders": numbers}
