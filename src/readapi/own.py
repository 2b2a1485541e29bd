"""Rows of packages' read models: a list of each table, made of its declaration; its key's columns are filters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import Parameter, Signature
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from psycopg import sql
from starlette.responses import Response

from drumbeat.events.workspace import KeyScope
from drumbeat.projections.own.fitting import counters_of
from drumbeat.projections.own.found import Own
from drumbeat.projections.own.statements import live_view, names, shown_columns
from drumbeat.projections.own.tables import Column, Declared
from drumbeat.readapi import cursors, routing
from drumbeat.readapi.as_of import AsOf
from drumbeat.readapi.asking import Ask, asked_by
from drumbeat.readapi.campaigns import find
from drumbeat.readapi.database import Snapshot
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.paging import Page, Paged, Paging, next_page
from drumbeat.readapi.statements import load, template
from drumbeat.web.authenticating import admit, asks_for
from drumbeat.web.problems import NotReady

SQL = load("own")

_PYTHON: Final[Mapping[str, Any]] = {
    "text": str,
    "uuid": UUID,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "boolean": bool,
    "double precision": float,
    "timestamptz": datetime,
    "jsonb": Any,
    "text[]": list[str | None],
    "uuid[]": list[UUID | None],
    "bigint[]": list[int | None],
}
_BOUNDS: Final = {
    kind: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for kind, bits in (("smallint", 16), ("integer", 32), ("bigint", 64))
}
_WORKSPACE, _CAMPAIGN = "workspace_id", "campaign_id"
_NO_FILTERS: Final = frozenset({"limit", "cursor", "count", "at_least", "as_of", "ask", "paged"})
"""Columns that are no filter: they mean something else to every list."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as readers see it, with the statements that read it. The workspace is that of the key they show."""

    table: Declared
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    page: bytes
    count: bytes

    @property
    def filters(self) -> tuple[Column, ...]:
        """The columns that can be asked for."""
        return tuple(column for column in self.key if column.name not in _NO_FILTERS)


def shown(own: Own, table: Declared) -> Shown:
    """What readers see of a table of a package's projection."""
    seen = shown_columns(table, counters_of(own.projection))
    columns = [column for column in table.columns if column.name in seen and column.name != _WORKSPACE]
    key = [column for name in table.key for column in columns if column.name == name]
    filters = [_filter(column) for column in key if column.name not in _NO_FILTERS]
    parts = {
        "columns": names([column.name for column in columns]),
        "view": live_view(table.name),
        "key": names([column.name for column in key]),
        "after": sql.SQL(", ").join([_given("after", column) for column in key]),
        "filters": sql.SQL(" AND ").join([sql.SQL("workspace_id = %(workspace_id)s"), *filters]),
    }
    page, count = (template(SQL, name).format(**parts).as_string().encode() for name in ("page", "count"))
    return Shown(table, tuple(columns), tuple(key), page, count)


def _filter(column: Column) -> sql.Composed:
    given = _given("only", column)
    return sql.SQL("({0} IS NULL OR {1} = {0})").format(given, sql.Identifier(column.name))


def _given(what: str, column: Column) -> sql.Composed:
    return sql.SQL("{}::{}").format(sql.Placeholder(f"{what}_{column.name}"), sql.SQL(column.type))


def router_of(own: Own) -> APIRouter:
    """The routes of a package's projection: every table, of the workspace, and where it has campaigns of one."""
    router = routing.router("projections")
    for table in own.tables:
        one = shown(own, table)
        _declare(router, own, one, f"/projections/{table.name}", of_campaign=False)
        if table.column(_CAMPAIGN) is not None:
            _declare(router, own, one, f"{routing.OF_A_CAMPAIGN}/projections/{table.name}", of_campaign=True)
    return router


def statement_of_position(name: str) -> bytes:
    """What tells how far a package's projection is, for who waits for it."""
    return template(SQL, "reached").format(projection=sql.Literal(name)).as_string().encode()


def _declare(router: APIRouter, own: Own, one: Shown, path: str, *, of_campaign: bool) -> None:
    name, package = own.projection.name, own.projection.package
    row = _row_type(one)
    page: Any = Page

    def rows(*, ask: Ask, paged: Paging, **given: Any) -> Response:
        with ask.snapshot() as now:
            if of_campaign:
                find(now, given[_CAMPAIGN])
            return _answer(ask, _standing(ask, now, name), paged, one, row, given)

    rows.__name__ = f"projection_{one.table.name}" + ("_of_campaign" if of_campaign else "")
    rows.__doc__ = f"In the order of its key ({', '.join(column.name for column in one.key)}); version "
    rows.__doc__ += f"{own.projection.version} of the projection {name}, from the package {package}."
    # FastAPI reads a signature: here it follows from the table's key.
    rows.__signature__ = Signature(_parameters(name, one, of_campaign=of_campaign))  # type: ignore[attr-defined]
    problems = (*routing.CAMPAIGN, *routing.PAGED) if of_campaign else routing.PAGED
    whose = "of a campaign" if of_campaign else "of the workspace"
    declare = routing.reads(
        router, path, answers=page[row], problems=problems, summary=f"Rows {whose} in {one.table.name}"
    )
    declare(rows)


def _parameters(name: str, one: Shown, *, of_campaign: bool) -> list[Parameter]:
    required: list[tuple[str, Any]] = [("ask", Annotated[Ask, Depends(_asking(name))]), ("paged", Paged)]
    if of_campaign:
        required.append((_CAMPAIGN, UUID))
    filters = [
        Parameter(column.name, Parameter.KEYWORD_ONLY, default=None, annotation=_asked(column))
        for column in one.filters
        if not (of_campaign and column.name == _CAMPAIGN)
    ]
    return [
        *(Parameter(called, Parameter.KEYWORD_ONLY, annotation=kind) for called, kind in required),
        *filters,
    ]


def _asked(column: Column) -> Any:
    least, most = _BOUNDS.get(column.type, (None, None))
    return Annotated[_PYTHON[column.type] | None, Query(description=_words(column), ge=least, le=most)]


def _words(column: Column) -> str:
    return column.words or f"Only rows with this {column.name}."


def _asking(name: str) -> Callable[[Request], Any]:
    @asks_for(KeyScope.READ)
    async def ask(request: Request) -> Ask:
        asked = await asked_by(request, await admit(request, KeyScope.READ))
        if asked.moment is None:
            await asked.services.own[name].reach(asked.at_least)
        return asked

    return ask


def _row_type(one: Shown) -> type[msgspec.Struct]:
    fields = [(column.name, _field(column)) for column in one.columns]
    return msgspec.defstruct("".join(map(str.capitalize, one.table.name.split("_"))) + "Row", fields, kw_only=True)


def _field(column: Column) -> Any:
    kind = Instant if column.type == "timestamptz" else _PYTHON[column.type]
    whole = kind | None if column.nullable and kind is not Any else kind
    return Annotated[whole, msgspec.Meta(description=column.words)] if column.words else whole


def _standing(ask: Ask, now: Snapshot, name: str) -> Snapshot:
    """The snapshot at the position of the projection, which stands by itself; of an earlier moment, at that."""
    if ask.moment is not None:
        return now
    row = now.row(SQL["standing"], projection=name)
    if row is None:
        raise NotReady(f"the projection {name} is not built yet: see `drumbeat projections progress`")
    return ask.far_enough(
        replace(now, as_of=AsOf(row["position"], now.as_of.instant), recorded_at=row["recorded_at"])
    )


def _answer(
    ask: Ask, now: Snapshot, paged: Paging, one: Shown, row: type[msgspec.Struct], given: Mapping[str, Any]
) -> Response:
    asked = cursors.question(ask.request.url.path, ask.request.query_params.multi_items())
    types = {f"after_{column.name}": _PYTHON[column.type] for column in one.key}
    after: dict[str, Any] = dict.fromkeys(types)
    if paged.cursor is not None:
        after = cursors.decode(paged.cursor, asked, types)
    only = {f"only_{column.name}": given.get(column.name) for column in one.filters}
    found = now.rows(
        one.page, replan=True, limit=paged.limit + 1, further=paged.cursor is not None, **after, **only
    )
    page = Page([row(**values) for values in found[: paged.limit]])
    if paged.count:
        page.count = now.rows(one.count, replan=True, **only)[0]["count"]
    if len(found) <= paged.limit:
        return ask.answer(now, page)
    last = found[paged.limit - 1]
    page.next_cursor = cursors.encode(asked, [last[column.name] for column in one.key])
    return ask.answer(now, page, Link=f'<{next_page(ask, page.next_cursor)}>; rel="next"')
