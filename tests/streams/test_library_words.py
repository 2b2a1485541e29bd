"""What Kafka's library says of itself: kept where we tell the same better, or where it never stops."""

import logging
from collections.abc import Iterator

import pytest

from drumbeat.transport.cluster import quieten_the_library

NAMES = ("kafka", "kafka.coordinator")


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in NAMES}
    for name in NAMES:
        logging.getLogger(name).setLevel(logging.INFO)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def told(name: str) -> int:
    return logging.getLogger(name).getEffectiveLevel()


def test_a_projector_hears_the_librarys_warnings_but_not_its_search_for_a_coordinator_that_is_away() -> None:
    """It searches a hundred times a second until another broker takes over, and tells each time."""
    quieten_the_library(logging.WARNING)
    assert told("kafka.net.manager") == logging.WARNING
    assert told("kafka.coordinator.base") == logging.ERROR


def test_a_relay_tells_every_failure_itself() -> None:
    quieten_the_library()
    assert {told("kafka.producer.sender"), told("kafka.coordinator.base")} == {logging.CRITICAL}


def test_who_asks_for_everything_hears_everything() -> None:
    logging.getLogger("kafka").setLevel(logging.DEBUG)
    quieten_the_library()
    assert told("kafka") == logging.DEBUG
