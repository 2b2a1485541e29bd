"""The statements of `sql/`: loaded by name, and composed where a list has several orders."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """Compose the statements `matching`, `page` and `count` of a file.

    `keys` names for each sort the fragment of the file that is its key. `{matching}` stands for the rows that are
    asked for, `{key}` for the sort key, `{beyond}` for the comparison that leads on, `{order}` for the direction.
    """
    matching = sql.SQL(_trusted(queries["matching"]))
    pages = {
        (sort, descending): sql.SQL(_trusted(queries["page"])).format(
            matching=matching,
            key=sql.SQL(_trusted(queries[fragment])),
            beyond=sql.SQL("<" if descending else ">"),
            order=sql.SQL("DESC" if descending else "ASC"),
        )
        for sort, fragment in keys.items()
        for descending in (False, True)
    }
    count = sql.SQL(_trusted(queries["count"])).format(matching=matching)
    return ListStatements(
        {which: page.as_string().encode() for which, page in pages.items()}, count.as_string().encode()
    )


@dataclass(frozen=True, slots=True)
class GlanceStatement:
    """One statement that answers everything about a campaign as one JSON document, its position included.

    `$1` is the workspace, `$2` the campaign. `name` is its own among all that are prepared in a session.
    """

    name: str
    sql: bytes


def glance(name: str) -> GlanceStatement:
    """The only statement of a file of this name, with that of the position where `{position}` stands."""
    template = sql.SQL(_trusted(load(name)[name]))
    whole = template.format(position=sql.SQL(_trusted(POSITION))).as_string()
    return GlanceStatement(f"read_{name}", whole.encode())


def _trusted(statement: bytes) -> LiteralString:
    # Read from our own files, never from a request.
    return statement.decode()
