"""Named statements in `.sql` files."""

from pathlib import Path

import pytest

from drumbeat.eventstore.sql import load_queries

FILE = """A line ahead of the first name is nobody's.
-- name: first
-- Answers one,
-- and says so in two lines.
SELECT 1;

-- name: second
-- Answers two.
SELECT 2 -- not a description
    AS two;
"""


def test_statements_are_found_by_name_with_their_descriptions(tmp_path: Path) -> None:
    (tmp_path / "some.sql").write_text(FILE)
    queries = load_queries(tmp_path / "some.sql")
    assert list(queries) == ["first", "second"]
    assert queries["first"] == b"SELECT 1"
    assert queries["second"] == b"SELECT 2 -- not a description\n    AS two"
    assert queries.descriptions["first"] == "Answers one, and says so in two lines."


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("-- name: bare\nSELECT 1", "bare"),
        ("-- name: empty\n-- Says something.\n", "empty"),
        ("-- name: twice\n-- One.\nSELECT 1;\n-- name: twice\n-- Two.\nSELECT 2;", "twice"),
    ],
)
def test_a_statement_without_description_or_sql_or_named_twice_is_refused(
    tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "some.sql").write_text(text)
    with pytest.raises(ValueError, match=f"some.sql: statement '{wrong}'"):
        load_queries(tmp_path / "some.sql")


def test_every_sql_file_of_named_statements_can_be_loaded() -> None:
    source = Path(__file__).parents[2] / "src"
    files = [path for path in source.rglob("*.sql") if "-- name:" in path.read_text()]
    assert files
    assert all(load_queries(path) for path in files)
