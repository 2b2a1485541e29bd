"""The database that the settings name: a server of the user's own, or the embedded one, joined or started."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.settings import Settings

Say = Callable[[str], None]


@contextmanager
def database(settings: Settings, *, say: Say = lambda _words: None) -> Iterator[str]:
    """The URL of the database: the one of the settings, or that of the embedded server, joined or started.

    Raises `EmbeddedServerError`. The embedded server ends with its last user.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    with EmbeddedServer(settings.postgres_home, progress=say) as server:
        yield server.url


@contextmanager
def revival(settings: Settings) -> Iterator[Callable[[], object]]:
    """What to call when the database of `database` is away: starts the embedded server again when it has ended.

    A server of the user's own comes back by itself. What is called raises `EmbeddedServerError`.
    """
    if settings.database_url is not None:
        yield lambda: None
        return
    server = EmbeddedServer(settings.postgres_home)
    try:
        yield server.start
    finally:
        server.stop()


@contextmanager
def database_of_log(settings: Settings, *, say: Say = lambda _words: None) -> Iterator[str | None]:
    """As `database`; None where read models of their own server are fed from Kafka and no log is named."""
    if settings.database_url is None and settings.read_database_url is not None and settings.projects_from_kafka:
        yield None
        return
    with database(settings, say=say) as url:
        yield url
