"""Operations on attempts.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Attempt, AttemptPage
from drumbeat.client.generated.words import AnswerStatus, CallOutcome, Direction, OfZone, Order, State
from drumbeat.client.paging import each
from drumbeat.client.values import AtLeast, Id


class AttemptsOperations:
    """Operations on attempts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        campaign_id: Id,
        *,
        contact: Id | None = None,
        sender: Id | None = None,
        direction: Sequence[Direction] | None = None,
        state: Sequence[State] | None = None,
        outcome: Sequence[CallOutcome] | None = None,
        answer_status: Sequence[AnswerStatus] | None = None,
        conversation: bool | None = None,
        counts_in_total_time: bool | None = None,
        weekday: Sequence[Literal["1", "2", "3", "4", "5", "6", "7", "unknown"]] | None = None,
        hour: Sequence[
            Literal[
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "8",
                "9",
                "10",
                "11",
                "12",
                "13",
                "14",
                "15",
                "16",
                "17",
                "18",
                "19",
                "20",
                "21",
                "22",
                "23",
                "unknown",
            ]
        ]
        | None = None,
        zone_source: Sequence[OfZone] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> AttemptPage:
        """The calls of a campaign, newest first.

        In the order in which they were recorded. Calls of removed contacts stay, marked.

        `GET /campaigns/{campaign_id}/attempts`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/attempts", campaign_id=campaign_id),
            query={
                "contact": contact,
                "sender": sender,
                "direction": direction,
                "state": state,
                "outcome": outcome,
                "answer_status": answer_status,
                "conversation": conversation,
                "counts_in_total_time": counts_in_total_time,
                "weekday": weekday,
                "hour": hour,
                "zone_source": zone_source,
                "from": from_,
                "to": to,
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=AttemptPage,
        )

    def each(
        self,
        campaign_id: Id,
        *,
        contact: Id | None = None,
        sender: Id | None = None,
        direction: Sequence[Direction] | None = None,
        state: Sequence[State] | None = None,
        outcome: Sequence[CallOutcome] | None = None,
        answer_status: Sequence[AnswerStatus] | None = None,
        conversation: bool | None = None,
        counts_in_total_time: bool | None = None,
        weekday: Sequence[Literal["1", "2", "3", "4", "5", "6", "7", "unknown"]] | None = None,
        hour: Sequence[
            Literal[
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "8",
                "9",
                "10",
                "11",
                "12",
                "13",
                "14",
                "15",
                "16",
                "17",
                "18",
                "19",
                "20",
                "21",
                "22",
                "23",
                "unknown",
            ]
        ]
        | None = None,
        zone_source: Sequence[OfZone] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[Attempt]:
        """Every row of `list`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.list(
                campaign_id,
                contact=contact,
                sender=sender,
                direction=direction,
                state=state,
                outcome=outcome,
                answer_status=answer_status,
                conversation=conversation,
                counts_in_total_time=counts_in_total_time,
                weekday=weekday,
                hour=hour,
                zone_source=zone_source,
                from_=from_,
                to=to,
                order=order,
                limit=limit,
                count=count,
                at_least=at_least,
                as_of=as_of,
                cursor=cursor,
            )
        )
