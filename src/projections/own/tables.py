"""The tables that a package's `.sql` file declares: a small part of SQL, read here and said again by us.

Nothing of the file is run. What it may say is so little that it can be told wrong by name before any database sees
it, and described to those who read: a column's comment stands in the OpenAPI document.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

TYPES: Final = (
    "text",
    "uuid",
    "smallint",
    "integer",
    "bigint",
    "boolean",
    "double precision",
    "timestamptz",
    "jsonb",
    "text[]",
    "uuid[]",
    "bigint[]",
)
"""The types that a column may have."""

IN_KEYS: Final = tuple(kind for kind in TYPES if kind not in {"jsonb", "double precision"} and kind[-1] != "]")
"""Those of columns that tell a row."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
"""What projections, tables and columns may be called."""

NAMES: Final = "1 to 48 of a to z, 0 to 9 and _, a letter first"

_TABLE = re.compile(
    r"(?i:create table) (\S+) ?\((.*)\)(?: (?i:with) ?\( ?(?i:fillfactor) ?= ?([1-9][0-9]|100) ?\))?"
)
_INDEX = re.compile(r"(?i:create index)(?: [a-z0-9_]+)? (?i:on) (\S+) ?\((.*)\)")
_KEY = re.compile(r"(?i:primary key) ?\((.*)\)")
_STATEMENTS = "CREATE TABLE name (…) [WITH (fillfactor = N)]; CREATE INDEX [name] ON table (columns)"
_ITEMS = "name type [NOT NULL], and one PRIMARY KEY (columns)"


class Misdeclared(Exception):
    """What a declaration says that it may not: which part, what it says there, and what is allowed."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} is {value!r}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, with the comment that stands on its line."""

    name: str
    type: str
    nullable: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A table with its primary key, its indexes (each the columns, with or without DESC) and its fill factor."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    fillfactor: int = 100

    def column(self, name: str) -> Column | None:
        """The column of a name."""
        return next((column for column in self.columns if column.name == name), None)


def read_tables(script: str) -> tuple[Declared, ...]:
    """The tables of the block `tables` of a file. Raises `Misdeclared`."""
    found: dict[str, Declared] = {}
    for statement, comments in _statements(script):
        if table := _TABLE.fullmatch(statement):
            name = table[1]
            if name in found:
                raise Misdeclared(f"table {name}", "declared twice", "one declaration")
            found[name] = _declared(name, table[2], comments, fillfactor=int(table[3] or 100))
        elif index := _INDEX.fullmatch(statement):
            _add_index(found, index[1], _split(index[2]))
        else:
            raise Misdeclared("statement", statement[:80], _STATEMENTS)
    return tuple(found.values())


def _statements(script: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each statement in one line, without comments; those by the first word of their line."""
    code: list[str] = []
    comments: dict[str, str] = {}
    # A quote has no place in what may be said, so every `--` begins a comment.
    for line in [*script.splitlines(), ";"]:
        said, _, comment = line.partition("--")
        first, ends = said.split()[:1], said.rstrip().endswith(";")
        if first and comment:
            comments[first[0]] = comment.strip()
        code.append(said)
        if ends:
            statement = " ".join(" ".join(code).split()).removesuffix(";").strip()
            if statement:
                yield statement, comments
            code, comments = [], {}


def _declared(name: str, body: str, comments: dict[str, str], *, fillfactor: int) -> Declared:
    _check_name(f"table {name[:60]}", name)
    columns: list[Column] = []
    keys: list[tuple[str, ...]] = []
    for item in _split(body):
        if key := _KEY.fullmatch(item):
            keys.append(tuple(_split(key[1])))
            continue
        column = _column(name, item, comments)
        if any(column.name == other.name for other in columns):
            raise Misdeclared(f"column {name}.{column.name}", "declared twice", "one declaration")
        columns.append(column)
    if len(keys) != 1:
        raise Misdeclared(f"primary key of {name}", f"{len(keys)} of them", "one PRIMARY KEY (columns) at the end")
    table = Declared(name=name, columns=tuple(columns), key=keys[0], fillfactor=fillfactor)
    for part in table.key:
        found = table.column(part)
        if found is None or found.nullable:
            named = ", ".join(column.name for column in columns if not column.nullable)
            raise Misdeclared(f"primary key of {name}", part, f"columns that are NOT NULL: {named}")
        if found.type not in IN_KEYS:
            raise Misdeclared(f"type of {name}.{part}, in the primary key", found.type, ", ".join(IN_KEYS))
    return table


def _column(table: str, item: str, comments: dict[str, str]) -> Column:
    name, _, rest = item.partition(" ")
    kind = re.sub(r"(?i: not null)$", "", rest).lower()
    _check_name(f"column {table}.{name[:60]}", name)
    if kind not in TYPES:
        raise Misdeclared(f"type of {table}.{name}", rest or "missing", f"{', '.join(TYPES)} ({_ITEMS})")
    return Column(name=name, type=kind, nullable=kind == rest.lower(), words=comments.get(name, ""))


def _check_name(field: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise Misdeclared(field, name, NAMES)


def _add_index(found: dict[str, Declared], name: str, columns: Sequence[str]) -> None:
    table = found.get(name)
    if table is None:
        raise Misdeclared("index on", name, f"a table that is declared above it: {', '.join(found) or 'none'}")
    for column in columns:
        named = re.sub(r"(?i: desc)$", "", column)
        if table.column(named) is None:
            known = ", ".join(one.name for one in table.columns)
            raise Misdeclared(f"index on {name}", column, f"its columns, with or without DESC: {known}")
    more = (*table.indexes, tuple(columns))
    found[name] = Declared(
        name=name, columns=table.columns, key=table.key, indexes=more, fillfactor=table.fillfactor
    )


def _split(body: str) -> list[str]:
    """What stands between commas, those within parentheses left out."""
    parts, depth = [""], 0
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
