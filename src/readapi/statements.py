"""The statements of `sql/`: loaded by name, and composed where a list has several orders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from drumbeat.eventstore.sql import Queries, load_queries

_FOLDER = Path(__file__).parent / "sql"

POSITION = load_queries(_FOLDER / "position.sql")["position"]
"""How far the read models are."""


def load(name: str) -> Queries:
    """The statements of one file."""
    return load_queries(_FOLDER / f"{name}.sql")


@dataclass(frozen=True, slots=True)
class ListStatements:
    """A list's statements: a page by (sort, descending), and the number of all its rows."""

    pages: Mapping[tuple[str, bool], bytes]
    count: bytes


def listing(queries: Queries, keys: Mapping[str, str]) -> ListStatements:
    """Compose the statements `page` and `count` of a file, which name other fragments of it in braces.

    `keys` names for each sort the fragment that is its key. In a page `{key}` stands for the sort key, `{beyond}`
    for the comparison that leads on, `{order}` for the direction.
    """
    pages = {
        (sort, descending): _fill(
            queries,
            "page",
            key=_fill(queries, fragment),
            beyond=sql.SQL("<" if descending else ">"),
            order=sql.SQL("DESC" if descending else "ASC"),
        )
        for sort, fragment in keys.items()
        for descending in (False, True)
    }
    return ListStatements(
        {which: page.as_string().encode() for which, page in pages.items()}, filled(queries, "count")
    )


@dataclass(frozen=True, slots=True)
class GlanceStatement:
    """One statement that answers everything about a campaign as one JSON document, its position included.

    `$1` is the workspace, `$2` the campaign. `name` is its own among all that are prepared in a session.
    `document` answers the document alone, as text, where the position is known already.
    """

    name: str
    sql: bytes
    document: bytes


def glance(name: str) -> GlanceStatement:
    """The only statement of a file of this name, with that of the position where `{position}` stands."""
    template = sql.SQL(_trusted(load(name)[name]))
    whole = template.format(position=sql.SQL(_trusted(POSITION)))
    without = template.format(position=sql.SQL("SELECT 0 AS position, NULL AS recorded_at"))
    document = sql.SQL("SELECT g.document::text FROM ({}) AS g (position, recorded_at, document)").format(without)
    return GlanceStatement(f"read_{name}", whole.as_string().encode(), document.as_string().encode())


_VIEW = re.compile(rb"\blive\.(\w+)")


@lru_cache(maxsize=512)
def on_own_views(statement: bytes) -> bytes:
    """The same statement on views of the session's own, which are named `live_contacts` and so on."""
    return _VIEW.sub(rb"live_\1", statement)


def template(queries: Queries, name: str) -> sql.SQL:
    """A statement, to be filled with what stands for its names in braces."""
    return sql.SQL(_trusted(queries[name]))


def filled(queries: Queries, name: str) -> bytes:
    """A statement with the fragments of its file where their names stand in braces."""
    return _fill(queries, name).as_string().encode()


def _fill(queries: Queries, name: str, **more: sql.Composable) -> sql.Composed:
    template = _trusted(queries[name])
    fragments = {fragment: _fill(queries, fragment) for fragment in queries if "{" + fragment + "}" in template}
    return sql.SQL(template).format(**fragments, **more)


def _trusted(statement: bytes) -> LiteralString:
    # Read from our own files, never from a request.
    return statement.decode()
