"""Lists: a page, the cursor to the next one, and how many rows there are in all when that is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Query, Request
from starlette.responses import Response

from drumbeat.readapi import cursors
from drumbeat.readapi.asking import Ask
from drumbeat.readapi.database import Row, Snapshot
from drumbeat.readapi.statements import ListStatements
from drumbeat.web.declaring import rows_of_page

T = TypeVar("T", bound=msgspec.Struct)

DEFAULT_LIMIT = 50


class Order(StrEnum):
    """The direction of a list."""

    ASC = "asc"
    DESC = "desc"


class Page(msgspec.Struct, Generic[T]):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come and go.
    `count` is the number of all rows that the filters let through, when asked for with `count=true`.
    """

    items: list[T]
    next_cursor: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list."""

    limit: int
    cursor: str | None
    count: bool


async def paging(
    request: Request,
    *,
    limit: Annotated[int, Query(ge=1, description="Rows a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=2000, description="`next_cursor` of the page before, of the same question.")
    ] = None,
    count: Annotated[bool, Query(description="Count all rows that the filters let through.")] = False,
) -> Paging:
    """The parameters that every list has. Raises `PageTooLarge`."""
    return Paging(rows_of_page(request, limit, request.app.state.services.page_rows), cursor, count)


Paged = Annotated[Paging, Depends(paging)]

Position = Annotated[int, Query(ge=0, lt=10**18)]
Above = Annotated[Position | None, Query(description="Above this position of the log.")]
UpTo = Annotated[Position | None, Query(description="At this position of the log, or below it.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a list is read: its statements, the type of each sort's key, its rows' id and the id's type."""

    statements: ListStatements
    key_types: Mapping[str, Any]
    id_column: str
    id_type: Any

    def answer(
        self,
        ask: Ask,
        snapshot: Snapshot,
        paged: Paging,
        show: Callable[[Row], T],
        *,
        sort: str,
        order: Order,
        **filters: Any,
    ) -> Response:
        """One page, each row shown by `show`. Raises `MalformedCursor`."""
        asked = cursors.question(ask.request.url.path, ask.request.query_params.multi_items())
        types = {"after_key": self.key_types[sort], "after_id": self.id_type}
        after: dict[str, Any] = dict.fromkeys(types)
        if paged.cursor is not None:
            after = cursors.decode(paged.cursor, asked, types)
        statement = self.statements.pages[sort, order is Order.DESC]
        rows = snapshot.rows(statement, replan=True, limit=paged.limit + 1, **after, **filters)
        page = Page([show(row) for row in rows[: paged.limit]])
        if paged.count:
            page.count = snapshot.rows(self.statements.count, replan=True, **filters)[0]["count"]
        if len(rows) <= paged.limit:
            return ask.answer(snapshot, page)
        last = rows[paged.limit - 1]
        page.next_cursor = cursors.encode(asked, (last["sort_key"], last[self.id_column]))
        return ask.answer(snapshot, page, Link=f'<{next_page(ask, page.next_cursor)}>; rel="next"')


def next_page(ask: Ask, cursor: str) -> str:
    """The address of the page that a cursor leads to."""
    kept = [(name, value) for name, value in ask.request.query_params.multi_items() if name != "cursor"]
    return f"{ask.request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
