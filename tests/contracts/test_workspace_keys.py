"""Workspace keys: made once, the same for everybody, another for each workspace."""

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from drumbeat.access import StoredWorkspaceKeys
from drumbeat.commands.ledger import LedgerUnavailable

pytestmark = pytest.mark.postgres


def connections(url: str) -> Callable[[], AbstractContextManager[Connection[Any]]]:
    return lambda: psycopg.connect(url)


def test_a_key_is_made_once_and_found_again_by_every_process(database_url: str) -> None:
    made = StoredWorkspaceKeys(connections(database_url)).key("default")
    assert len(made) == 32
    assert StoredWorkspaceKeys(connections(database_url)).key("default") == made


def test_two_workspaces_have_two_keys(database_url: str) -> None:
    keys = StoredWorkspaceKeys(connections(database_url))
    assert keys.key("one") != keys.key("two")


def test_processes_that_ask_first_at_the_same_moment_agree_on_one_key(database_url: str) -> None:
    found: list[bytes] = []
    together = threading.Barrier(6)

    def ask() -> None:
        keys = StoredWorkspaceKeys(connections(database_url))
        together.wait()
        found.append(keys.key("default"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_known_key_needs_no_database(database_url: str) -> None:
    lent: list[int] = []

    @contextlib.contextmanager
    def lend() -> Any:
        lent.append(1)
        with psycopg.connect(database_url) as connection:
            yield connection

    keys = StoredWorkspaceKeys(lend)
    assert keys.key("default") == keys.key("default")
    assert lent == [1]


def test_a_database_that_is_away_is_an_unavailable_ledger() -> None:
    away = connections("postgresql://127.0.0.1:1/nowhere?connect_timeout=2")
    with pytest.raises(LedgerUnavailable, match="does not answer"):
        StoredWorkspaceKeys(away).key("default")
