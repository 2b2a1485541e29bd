"""What changed in a campaign between two positions of the log: at a glance, and contact by contact."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from starlette.responses import Response

from drumbeat.readapi import as_of, cursors, routing
from drumbeat.readapi.activity import LISTING as ACTIVITY
from drumbeat.readapi.asking import Ask, Asked
from drumbeat.readapi.campaigns import SQL as CAMPAIGNS
from drumbeat.readapi.campaigns import found
from drumbeat.readapi.comparing import CONTACTS_AT_ONCE, Comparing, ContactAtBoth, Stretch
from drumbeat.readapi.database import Row, Snapshot
from drumbeat.readapi.difference_answers import (
    CampaignDifference,
    ChangedColumn,
    ChangedField,
    ChangedNumber,
    ChangedValue,
    ContactDifference,
    ContactsChanged,
    End,
    Happenings,
    Move,
)
from drumbeat.readapi.history import LISTING as HISTORY
from drumbeat.readapi.names import names_of
from drumbeat.readapi.paging import Page, Paged, next_page
from drumbeat.readapi.problems import (
    MalformedPosition,
    PositionBeforeTheCampaign,
    PositionInTheFuture,
    StretchTooLong,
    TooManyComparisons,
)
from drumbeat.readapi.statements import load
from drumbeat.web.problems import InvalidParameter
from drumbeat.web.read_models import UnknownCampaign

SQL = load("history_diff")
router = routing.router("history")

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Between:
    """What was asked: positions, or tokens that begin with one. `to` None: now."""

    since: str
    until: str | None


async def between(
    *,
    from_: Annotated[
        str,
        Query(
            alias="from", max_length=100, description="The position before, or an `as_of` that begins with one."
        ),
    ],
    to: Annotated[
        str | None, Query(max_length=100, description="The position after; left out: that of this answer.")
    ] = None,
) -> Between:
    """The parameters of both questions."""
    return Between(from_, to)


_Between = Annotated[Between, Depends(between)]
_PROBLEMS = (
    UnknownCampaign,
    MalformedPosition,
    PositionInTheFuture,
    PositionBeforeTheCampaign,
    StretchTooLong,
    TooManyComparisons,
)


@routing.reads(
    router,
    "/campaigns/{campaign_id}/history/diff",
    answers=CampaignDifference,
    problems=_PROBLEMS,
    summary="What changed in a campaign between two positions",
)
def history_diff(ask: Asked, campaign_id: UUID, asked: _Between) -> Response:
    """The campaign's fields, numbers, and contacts by column and label; of a deleted campaign too."""
    with _turn(ask), ask.snapshot() as now:
        question = _Question.of(ask, now, campaign_id, asked)
        contacts, moved, later = _sum(question.contacts(limit=ask.services.diff_contacts), question)
        numbers = question.numbers(moved, later)
        answer = CampaignDifference(
            from_=question.end(question.stretch.since),
            to=question.end(question.stretch.until),
            campaign=list(question.campaign),
            numbers=numbers,
            contacts=contacts,
            activity=question.happenings("activity", ACTIVITY.statements.count, _NO_FILTER_OF_ACTIVITY),
            history=question.happenings("history", HISTORY.statements.count, _NO_FILTER_OF_HISTORY),
        )
        return ask.answer(now, answer)


@routing.reads(
    router,
    "/campaigns/{campaign_id}/history/diff/contacts",
    answers=Page[ContactDifference],
    problems=(*_PROBLEMS, *routing.PAGED),
    summary="The contacts that changed between two positions, with what changed in each",
)
def history_diff_contacts(ask: Asked, campaign_id: UUID, asked: _Between, paged: Paged) -> Response:
    """In the order of their ids. Personal columns show what is known now, and nothing of a person erased since."""
    question_id = cursors.question(ask.request.url.path, ask.request.query_params.multi_items())
    after = None if paged.cursor is None else cursors.decode(paged.cursor, question_id, {"id": UUID})["id"]
    with _turn(ask), ask.snapshot() as now:
        question = _Question.of(ask, now, campaign_id, asked)
        page: Page[ContactDifference] = Page([])
        if paged.count:
            counted = question.contacts(limit=ask.services.diff_contacts)
            page.count = sum(1 for _, at_both in counted if at_both.columns)
        for known, at_both in question.contacts(after=after, at_once=min(CONTACTS_AT_ONCE, paged.limit + 1)):
            if not at_both.columns:
                continue
            if len(page.items) == paged.limit:
                page.next_cursor = cursors.encode(question_id, [page.items[-1].contact_id])
                return ask.answer(now, page, Link=f'<{next_page(ask, page.next_cursor)}>; rel="next"')
            page.items.append(_changed(known, at_both))
        return ask.answer(now, page)


_NO_FILTER_OF_ACTIVITY = dict.fromkeys(("contact", "action", "actor", "from", "to"))
_NO_FILTER_OF_HISTORY = dict.fromkeys(("stream", "type", "actor", "from", "to"))


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Ask
    now: Snapshot
    stretch: Stretch
    comparing: Comparing
    campaign: Sequence[ChangedField]
    """The fields of the campaign itself that differ."""
    names: Mapping[str, str]

    @classmethod
    def of(cls, ask: Ask, now: Snapshot, campaign_id: UUID, asked: Between) -> "_Question":
        """What is asked, once it is known that it can be answered."""
        campaign = found(now.row(CAMPAIGNS["known"], campaign_id=campaign_id), campaign_id, or_deleted=True)
        here = now.as_of.position
        since = _position("from", asked.since, here)
        until = here if asked.until is None else _position("to", asked.until, here)
        if since >= until:
            raise InvalidParameter(
                "from has to lie before to", field="from", value=asked.since, allowed=f"below {until}"
            )
        stretch = Stretch(ask.workspace_id, campaign_id, since, until)
        comparing = Comparing(ask.services.ledger, stretch)
        first, differing = comparing.campaign()
        if first is None or since < first:
            raise PositionBeforeTheCampaign(
                f"the campaign was made at position {first}",
                field="from",
                value=asked.since,
                allowed=f"from {first} to {here}",
            )
        names = names_of(now, campaign)
        fields = [ChangedField(one.field, _about(names, one.field), one.before, one.after) for one in differing]
        return cls(ask, now, stretch, comparing, fields, names)

    def contacts(
        self, *, limit: int | None = None, after: UUID | None = None, at_once: int = CONTACTS_AT_ONCE
    ) -> Iterator[tuple[Row, ContactAtBoth]]:
        """Every contact that may differ, in the order of their ids, with its name and reference of now.

        Raises `StretchTooLong` for more than `limit`.
        """
        key: dict[str, Any] = {"campaign_id": self.stretch.campaign_id, "since": self.stretch.since}
        if limit is not None:
            (counted,) = self.now.rows(SQL["how_many"], **key)
            if counted["count"] > limit:
                raise StretchTooLong(
                    f"{counted['count']:,} contacts have changed since position {self.stretch.since}; at most "
                    f"{limit:,} are compared",
                    field="from",
                    value=str(self.stretch.since),
                    allowed="a later position",
                )
        while rows := self.now.rows(SQL["touched"], after_id=after, limit=at_once, **key):
            known = {row["contact_id"]: row for row in rows}
            for at_both in self.comparing.contacts(list(known), now=self.now.as_of.position):
                yield known[at_both.contact_id], at_both
            after = rows[-1]["contact_id"]

    def numbers(self, moved: Counter[tuple[str, str]], later: Counter[tuple[str, str]]) -> list[ChangedNumber]:
        """Every counter that differs: what it is now, less what came after either end."""
        rows = self.now.rows(SQL["counters"], campaign_id=self.stretch.campaign_id)
        values = {(row["metric"], row["key"]): row["value"] for row in rows}
        return [
            ChangedNumber(
                counter=name,
                key=key or None,
                about=_about(self.names, key),
                before=values.get((name, key), 0) - later[name, key] - by,
                after=values.get((name, key), 0) - later[name, key],
            )
            for (name, key), by in sorted(moved.items())
            if by
        ]

    def end(self, position: int) -> End:
        """One of the two ends."""
        return End(position, self.ask.services.ledger.recorded_at(position))

    def happenings(self, what: str, count: bytes, filters: Mapping[str, Any]) -> Happenings:
        """How much was done in between, and where it is listed."""
        bounds = {"above": self.stretch.since, "up_to": self.stretch.until}
        (counted,) = self.now.rows(count, replan=True, campaign_id=self.stretch.campaign_id, **filters, **bounds)
        query = f"above={self.stretch.since}&up_to={self.stretch.until}&order=asc"
        return Happenings(counted["count"], f"/campaigns/{self.stretch.campaign_id}/{what}?{query}")


@contextmanager
def _turn(ask: Ask) -> Iterator[None]:
    # Before a connection is taken: whoever has to come again holds nothing.
    comparisons = ask.services.comparisons
    if not comparisons.acquire(blocking=False):
        raise TooManyComparisons("other comparisons are under way; try again")
    try:
        yield
    finally:
        comparisons.release()


def _position(name: str, text: str, here: int) -> int:
    try:
        position = as_of.parse_position(text)
    except as_of.NotAToken:
        raise MalformedPosition(
            f"{name} is a position, or an as_of token that begins with one",
            field=name,
            value=text,
            allowed="POSITION or POSITION@INSTANT",
        ) from None
    if position > here:
        raise PositionInTheFuture(
            f"the read models are at position {here}",
            field=name,
            value=text,
            allowed=f"up to {here}",
            position=here,
        )
    return position


def _sum(
    contacts: Iterator[tuple[Row, ContactAtBoth]], question: _Question
) -> tuple[ContactsChanged, Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    moved: Counter[tuple[str, str]] = Counter()
    later: Counter[tuple[str, str]] = Counter()
    columns: Counter[str] = Counter()
    labels: Counter[tuple[str | None, str | None]] = Counter()
    enrolled = changed = 0
    for _, at_both in contacts:
        moved.update(at_both.moved)
        later.update(at_both.later)
        differing = at_both.columns
        if not differing:
            continue
        before, after = at_both.before[0], at_both.after[0]
        if before is None:
            enrolled += 1
        else:
            changed += 1
            columns.update(differing)
        ends = _label(before), _label(after)
        if ends[0] != ends[1]:
            labels[ends] += 1
    stretch = question.stretch
    told = ContactsChanged(
        enrolled=enrolled,
        changed=changed,
        columns=[ChangedColumn(name, count) for name, count in columns.most_common()],
        labels=[Move(*ends, count) for ends, count in labels.most_common()],
        rows=f"/campaigns/{stretch.campaign_id}/history/diff/contacts?from={stretch.since}&to={stretch.until}",
    )
    return told, moved, later


def _label(row: Any) -> str | None:
    return None if row is None or row.removed else str(row.label)


def _changed(known: Row, at_both: ContactAtBoth) -> ContactDifference:
    return ContactDifference(
        contact_id=at_both.contact_id,
        reference=known["reference"],
        name=known["name"],
        enrolled=at_both.before[0] is None,
        columns=[ChangedValue(*one) for one in at_both.differences],
    )


def _about(names: Mapping[str, str], path: str) -> str | None:
    ids = _ID.findall(path)
    return names.get(ids[-1]) if ids else None
