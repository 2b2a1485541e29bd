"""Fixtures of the tests that speak to brokers."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def swept() -> Iterator[None]:
    """kafka-python leaves the sockets of failed attempts to the garbage collector: let it come in this test.

    Goes with a filter for the warnings that it then gives.
    """
    yield
    gc.collect()
