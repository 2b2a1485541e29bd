"""Named statements from `.sql` files.

A file is a row of blocks: a line `-- name: statement_name`, at least one line `-- what it answers`, the SQL.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

_MARK = "-- name:"


class Queries(Mapping[str, bytes]):
    """The statements of one file by name, as psycopg takes them; `descriptions` has their comments."""

    def __init__(self, statements: Mapping[str, bytes], descriptions: Mapping[str, str]) -> None:
        self._statements = statements
        self.descriptions = descriptions

    def __getitem__(self, name: str) -> bytes:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def load_queries(path: Path) -> Queries:
    """Read a file of named statements. Raises `ValueError` for a block without description or SQL."""
    statements: dict[str, bytes] = {}
    descriptions: dict[str, str] = {}
    for block in path.read_text(encoding="utf-8").split(_MARK)[1:]:
        first, _, rest = block.partition("\n")
        name, lines = first.strip(), rest.strip().split("\n")
        comment_count = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
        description = " ".join(line.removeprefix("--").strip() for line in lines[:comment_count])
        statement = "\n".join(lines[comment_count:]).strip().removesuffix(";")
        if not description or not statement or name in statements:
            raise ValueError(f"{path.name}: statement {name!r} needs a name of its own, a description and SQL")
        statements[name], descriptions[name] = statement.encode(), description
    return Queries(statements, descriptions)
