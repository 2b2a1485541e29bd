"""Cursors: where a page ended, by key and not by number, so that rows added or gone shift nothing.

A cursor is bound to the question it came from: sort, direction and filters. It is opaque, not secret: it holds
the keys of a row that its bearer has seen.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from drumbeat.readapi.problems import MalformedCursor

_NOT_OF_THE_QUESTION = frozenset({"cursor", "limit", "at_least", "count", "as_of"})
"""A cursor leads on at any moment: who goes on with the first page's `as_of` reads pages of one moment."""


def question(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    """A short name of what is asked: the path and every parameter that decides which rows come in which order."""
    asked = sorted((name, value) for name, value in parameters if name not in _NOT_OF_THE_QUESTION)
    return hashlib.blake2b(msgspec.json.encode((path, asked)), digest_size=8).hexdigest()


def encode(asked: str, keys: Sequence[Any]) -> str:
    """The cursor after a row with these keys."""
    return base64.urlsafe_b64encode(msgspec.json.encode((asked, *keys))).rstrip(b"=").decode()


def decode(cursor: str, asked: str, types: Mapping[str, Any]) -> dict[str, Any]:
    """The keys in a cursor by their names, each of its type. Raises `MalformedCursor`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        shape: Any = tuple[(str, *types.values())]  # type: ignore[misc]
        bound_to, *keys = msgspec.json.decode(raw, type=shape)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise MalformedCursor(
            "this is not a cursor; leave it out for the first page", field="cursor", value=cursor
        ) from None
    if bound_to != asked:
        raise MalformedCursor(
            "this cursor belongs to another question: filters, sort and order must stay as they were",
            field="cursor",
            value=cursor,
        )
    return dict(zip(types, keys, strict=True))
