"""Every number of a dashboard links to exactly the rows behind it, over a seeded history."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.reading import get, pages
from support.story import SPRING

pytestmark = pytest.mark.postgres


def numbers(answer: Any) -> Iterator[dict[str, Any]]:
    """Every number anywhere in an answer."""
    if isinstance(answer, dict):
        if "rows" in answer and "metric" in answer:
            yield answer
        for value in answer.values():
            yield from numbers(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from numbers(value)


@pytest.mark.parametrize("question", ["dashboard", "heatmap", "senders"])
def test_every_number_links_to_exactly_its_rows(client: httpx.Client, question: str) -> None:
    found = list(numbers(get(client, f"/campaigns/{SPRING}/{question}")))
    assert any(number["value"] > 0 for number in found)
    for number in found:
        rows = pages(client, number["rows"])
        behind = len(rows) if "sums" not in number else sum(row[number["sums"]] or 0 for row in rows)
        assert behind == number["value"], number
