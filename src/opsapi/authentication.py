"""What tells who sends a request, and what makes keys, put together from the settings."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from drumbeat.access import Authenticator, RateLimit, StoredKeys
from drumbeat.access.keyring import KeyRing
from drumbeat.commands.dispatch import Commands
from drumbeat.eventstore.connections import Connections, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.settings import Settings
from drumbeat.web.authenticating import KeyGate

_THREADS = 2


def key_gate(settings: Settings, database_url: str, clock: Callable[[], datetime]) -> KeyGate:
    """Admits who shows a key of this database; connects when it is asked."""
    # A connection for each thread: they are the API's last, and no work waits for them.
    pool = Connections(
        database_url,
        limit=_THREADS,
        patience_seconds=settings.database_wait_seconds,
        settings={},
        role=Role.KEYS,
    )
    keys = Authenticator(
        StoredKeys(pool.use), clock=clock, trusted_seconds=settings.key_trusted_seconds, threads=_THREADS
    )
    limit = RateLimit(settings.key_requests_per_second)
    return KeyGate(keys, limit, wait_seconds=settings.database_wait_seconds, closed=pool.close)


def key_ring(database_url: str, commands: Commands) -> KeyRing:
    """Makes, renews and ends keys; connects when it is asked."""
    return KeyRing(
        commands, StoredKeys(lambda: closing(open_connection(database_url, settings={}, role=Role.WRITE)))
    )
