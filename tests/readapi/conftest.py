"""One history for all tests that only read it."""

from collections.abc import Iterator

import httpx
import pytest

from support.auditing import grown
from support.postgres import TestServer
from support.reading import Reading
from support.story import NOW, tell_story


@pytest.fixture(scope="package")
def story(postgres_server: TestServer) -> Iterator[Reading]:
    """A seeded history of campaigns, projected; nobody writes to it."""
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log)
        reading.applied()
        grown(url, most=100)
        grown(url)
        yield reading


@pytest.fixture(scope="package")
def client(story: Reading) -> Iterator[httpx.Client]:
    """The read API on it."""
    with story.client() as made:
        yield made
