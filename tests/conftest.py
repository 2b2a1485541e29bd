"""Fixtures that every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import structlog
from hypothesis import HealthCheck, settings

from support.postgres import TestServer, server_for_session

pytest_plugins = ["support.kafka.plugin"]

settings.register_profile(
    "drumbeat",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("drumbeat")


@pytest.fixture(scope="session", autouse=True)
def _loggers_that_keep_nothing() -> Iterator[None]:
    """Loggers of modules outlive a test: none may keep how a command run inside the test process configured it."""
    configure = structlog.configure
    with mock.patch.object(
        structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False})
    ):
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The session's Postgres server, shared by its parallel workers."""
    folder: Path = tmp_path_factory.getbasetemp()
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone{os.getpid()}")
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with server_for_session(folder / "session-server", session) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: TestServer) -> Iterator[str]:
    """The URL of a database of this test's own, migrated and empty."""
    with postgres_server.fresh_database() as url:
        yield url
