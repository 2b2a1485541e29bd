"""Rows of read models, and how they travel to Postgres and back.

A row is written as one line of CSV made by msgspec (its JSON array, without the brackets) and read back as a JSON
array, because that costs a tenth of encoding each column in Python (docs/decisions/0004-projection-engine.md).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

_encoder = msgspec.json.Encoder()
_ESCAPE = re.compile(rb'\\(?:["\\/]|([bfnrt])|u([0-9a-fA-F]{4}))')
_PERHAPS_AN_ESCAPE_THAT_CSV_LACKS = re.compile(rb"\\[nrtubf]")
_PLAIN = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}

COPY_OPTIONS = "FORMAT csv, NULL 'null', ESCAPE '\\'"
"""How Postgres reads what `csv_lines` makes."""


class Row(msgspec.Struct, array_like=True, gc=False):
    """The base of every row type: its fields are the table's columns, by name and in any order of the table.

    A field is a str, int, float, bool, UUID, datetime (with zone), an enum of strings, or None. Columns of arrays
    and of JSON are held as strings, made by `as_array` and `as_json`. A fold gets a copy of its own, which it may
    change and return.
    """


def csv_lines(rows: Iterable[Any]) -> bytes:
    """Rows (or tuples of the same kinds of values) as CSV for `COPY … WITH (COPY_OPTIONS)`."""
    # JSON has no raw line break inside a value: this sequence stands between two rows and nowhere else.
    lines = _encoder.encode_lines(rows)[1:-2].replace(b"]\n[", b"\n")
    if _PERHAPS_AN_ESCAPE_THAT_CSV_LACKS.search(lines):
        return _ESCAPE.sub(_unescape, lines)
    return lines


def json_rows(rows: Sequence[Any]) -> str:
    """Rows (or tuples of the same kinds of values) as a JSON array of arrays."""
    return _encoder.encode(rows).decode()


def _unescape(match: re.Match[bytes]) -> bytes:
    plain, code = match.groups()
    if plain is not None:
        return _PLAIN[plain]
    if code is not None:
        return chr(int(code, 16)).encode()
    return match[0]


def as_json(value: Any) -> str:
    """A value for a json or jsonb column."""
    return _encoder.encode(value).decode()


def as_array(values: Sequence[str | int | UUID | None]) -> str:
    """Values for an array column."""
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: str | int | UUID | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
