"""The contacts of a campaign for the write side: who is to be enrolled in another one, and everyone's history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from drumbeat.events import Event, Fact
from drumbeat.readapi.asking import Ask, asked_by
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.contacts import SQL, filters_of_goals
from drumbeat.readapi.statements import filled
from drumbeat.web.authenticating import principal_of

CHOSEN = filled(SQL, "chosen")
CONTACTS_A_PAGE: Final = 500
_FILTERS = ("search", "status", "substatus", "status_label", "paused", "tag", "priority", "result")


class ContactsOfCampaign:
    """The contacts of one campaign, judged at a position that has been waited for. Belongs to one request."""

    def __init__(self, asked: Ask, campaign_id: UUID) -> None:
        self._ask = asked
        self._campaign_id = campaign_id

    def chosen(
        self, filters: Mapping[str, Any], contact_ids: Sequence[UUID] | None, *, limit: int
    ) -> tuple[int, Sequence[UUID]]:
        """The position, and the ids of at most `limit` contacts that the filters let through, in their order.

        The filters are those of the list of contacts. Raises `UnknownCampaign`, `CampaignDeleted`,
        `InvalidParameter`, `PositionNotReached`, `DatabaseAway`, `NotReady`.
        """
        given: dict[str, Any] = {name: filters.get(name) for name in _FILTERS}
        with self._ask.snapshot() as now:
            campaign = find(now, self._campaign_id)
            given |= filters_of_goals(campaign, filters.get("goal"), filters.get("result"))
            rows = now.rows(
                CHOSEN,
                replan=True,
                campaign_id=self._campaign_id,
                removed=filters.get("removed", False),
                contact_ids=None if contact_ids is None else list(contact_ids),
                limit=limit,
                **given,
            )
            return now.as_of.position, [row["contact_id"] for row in rows]

    def seen_at(self) -> tuple[int, datetime, str]:
        """The position that a history is read up to, the instant at which it is looked at, and their token.

        Raises as `chosen` does.
        """
        with self._ask.snapshot() as now:
            find(now, self._campaign_id)
            return now.as_of.position, now.as_of.instant, str(now.as_of)

    def are_more_than(self, most: int) -> bool:
        """Whether the campaign has more contacts than that, removed ones too."""
        with self._ask.snapshot() as now:
            rows = now.rows(SQL["one_too_many"], campaign_id=self._campaign_id, most=most)
            return bool(rows)

    def own_events(self, *, up_to: int) -> Sequence[tuple[int, Event[Fact]]]:
        """The campaign's own events up to a position, each with its position, oldest first."""
        stream = self._ask.services.ledger.stream(self._ask.workspace_id, self._campaign_id)
        return [(one.position, one.event) for one in stream if one.position <= up_to]

    def histories(self, *, up_to: int) -> Iterator[Sequence[tuple[int, datetime, Fact]]]:
        """Every contact with its events up to a position (position, time, fact), contact after contact.

        What is personal is withheld.

        Some hundred contacts are held at a time.
        """
        after: UUID | None = None
        while True:
            with self._ask.snapshot() as now:
                rows = now.rows(
                    SQL["everyone"],
                    campaign_id=self._campaign_id,
                    after=after,
                    limit=CONTACTS_A_PAGE,
                )
            if not rows:
                return
            page = [row["contact_id"] for row in rows]
            yield from self._ask.services.ledger.whole_streams(self._ask.workspace_id, page, up_to=up_to)
            after = page[-1]

    def persons(self, contact_ids: Sequence[UUID]) -> Sequence[Mapping[str, Any]]:
        """What is known of these contacts, in the order of their ids; who is not there any more is left out."""
        with self._ask.snapshot() as now:
            return now.rows(SQL["persons"], campaign_id=self._campaign_id, contact_ids=list(contact_ids))


async def contacts_of(request: Request, campaign_id: UUID) -> ContactsOfCampaign:
    """Waits for `at_least`, or where that is not given for all that the log holds now.

    Raises `PositionNotReached`, `TooManyWaiters`, `DatabaseAway`, `InvalidParameter`.
    """
    asked = await asked_by(request, principal_of(request))
    if "at_least" not in request.query_params:
        head = await run_in_threadpool(asked.services.ledger.head)
        await asked.services.waiting.reach(head)
        asked = replace(asked, at_least=head)
    return ContactsOfCampaign(asked, campaign_id)
