"""Lists, page by page."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Page(Protocol[T_co]):
    """Rows, and the cursor of the next page."""

    @property
    def items(self) -> "Rows[T_co]":
        """The rows in their order."""

    @property
    def next_cursor(self) -> str | None:
        """None on the last page."""


class Rows(Protocol[T_co]):
    """Rows that can be walked through."""

    def __iter__(self) -> Iterator[T_co]:
        """Each in its turn."""


def each(page: Callable[[str | None], Page[T_co]]) -> Iterator[T_co]:
    """Every row of every page; a page is asked for when the one before is used up."""
    cursor: str | None = None
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return
