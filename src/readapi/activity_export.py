"""The activity of a campaign as a file: every action that the list's filters let through, however many they are.

The rows are the list's own pages, read one after another while the client takes them, so that memory holds one
page and a connection is lent for one page at a time (docs/decisions/0032-exports-are-pages.md). All are at or
below the position of `as_of`; actions are never changed, so the pages are those of one moment.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from drumbeat.readapi import routing
from drumbeat.readapi.activity import LISTING, Done, Narrowed, done
from drumbeat.readapi.asking import AS_OF_HEADER, Ask, Asked
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.database import Snapshot
from drumbeat.readapi.names import names_of
from drumbeat.readapi.paging import Order
from drumbeat.web.problems import Problem

PAGE_ROWS = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for the beginning of a formula."""

log = structlog.get_logger(__name__)
router = routing.router("activity")


class ActivityFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


def csv_lines(rows: Sequence[Done]) -> bytes:
    """Rows of RFC 4180. A text that a spreadsheet would run as a formula has an apostrophe before it."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\r\n").writerows([_cell(value) for value in _values(row)] for row in rows)
    return lines.getvalue().encode()


def csv_head() -> bytes:
    """The names of the columns: the fields of the list's rows."""
    return ",".join(Done.__struct_fields__).encode() + b"\r\n"


def json_lines(rows: Sequence[Done]) -> bytes:
    """The list's rows, each a line."""
    return msgspec.json.Encoder().encode_lines(rows)


def _values(row: Done) -> list[Any]:
    told: dict[str, Any] = msgspec.to_builtins(row)
    return [told[name] for name in Done.__struct_fields__]


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_WRITTEN: Mapping[ActivityFormat, tuple[str, bytes, Callable[[Sequence[Done]], bytes]]] = {
    ActivityFormat.CSV: ("text/csv; charset=utf-8", csv_head(), csv_lines),
    ActivityFormat.JSONL: ("application/jsonl", b"", json_lines),
}


@dataclass(slots=True)
class _Pages:
    """The pages of one export, each read in a snapshot of its own. For one request."""

    ask: Ask
    filters: dict[str, Any]
    descending: bool
    names: Mapping[str, str]
    after: int | None = None

    def next(self) -> list[Done]:
        """The next rows, none after the last. Raises `DatabaseAway`."""
        with self.ask.snapshot() as now:
            return self.read(now)

    def read(self, now: Snapshot) -> list[Done]:
        """The same, in a snapshot that is there."""
        statement = LISTING.statements.pages["position", self.descending]
        rows = now.rows(statement, replan=True, after_id=self.after, limit=PAGE_ROWS, **self.filters)
        if rows:
            self.after = rows[-1]["position"]
        return [done(row, self.names) for row in rows]


@routing.downloads(
    router,
    "/campaigns/{campaign_id}/activity/export",
    media_types=("text/csv", "application/jsonl"),
    problems=routing.CAMPAIGN,
    summary="What was done in a campaign, as a file",
)
def activity_export(
    ask: Asked,
    campaign_id: UUID,
    filters: Narrowed,
    *,
    format_: Annotated[
        ActivityFormat, Query(alias="format", description="CSV with a head, or a JSON object a line.")
    ] = ActivityFormat.CSV,
    order: Order = Order.DESC,
) -> Response:
    """Every row of the list under the same filters. One that was cut off has no proper end of its transfer."""
    with ask.snapshot() as now:
        names = names_of(now, find(now, campaign_id))
        asked_up_to, position = filters["up_to"], now.as_of.position
        filters["up_to"] = position if asked_up_to is None else min(asked_up_to, position)
        pages = _Pages(ask, {"campaign_id": campaign_id, **filters}, order is Order.DESC, names)
        first = pages.read(now)
    media_type, head, written = _WRITTEN[format_]
    headers = {
        AS_OF_HEADER: str(now.as_of),
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="activity-{campaign_id}.{format_}"',
    }
    return StreamingResponse(_body(head, first, pages, written), 200, headers, media_type)


async def _body(
    head: bytes, rows: list[Done], pages: _Pages, written: Callable[[Sequence[Done]], bytes]
) -> AsyncIterator[bytes]:
    yield head + written(rows)
    while len(rows) == PAGE_ROWS:
        try:
            rows = await run_in_threadpool(pages.next)
        except Problem as problem:
            # The answer has begun: all that can still be said is that it does not end well.
            log.warning("export_cut_off", code=problem.code, after_position=pages.after)
            raise ClientDisconnect from problem
        yield written(rows)
