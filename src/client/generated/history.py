"""Operations on history.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Change, ChangePage
from drumbeat.client.generated.words import Order, WorkspaceStream
from drumbeat.client.paging import each
from drumbeat.client.values import AtLeast


class HistoryOperations:
    """Operations on history."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def workspace(
        self,
        *,
        stream: Sequence[WorkspaceStream] | None = None,
        type_: Sequence[str] | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
    ) -> ChangePage:
        """Every change of the workspace that belongs to no campaign: its keys, senders, hours, suppressions.

        Newest first. What was done to keys is of the stream `workspace`; `subject_id` is the key.

        `GET /history`
        """
        return self._connection.read(
            "GET",
            path("/history"),
            query={
                "stream": stream,
                "type": type_,
                "actor": actor,
                "from": from_,
                "to": to,
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
            },
            answers=ChangePage,
        )

    def each_workspace(
        self,
        *,
        stream: Sequence[WorkspaceStream] | None = None,
        type_: Sequence[str] | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
    ) -> Iterator[Change]:
        """Every row of `workspace`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.workspace(
                stream=stream,
                type_=type_,
                actor=actor,
                from_=from_,
                to=to,
                order=order,
                limit=limit,
                count=count,
                at_least=at_least,
                cursor=cursor,
            )
        )
