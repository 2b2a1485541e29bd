"""Keys in tests: made as rows alone, so that the log holds what a test wrote and nothing else."""

import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.request import Request
from uuid import uuid4, uuid5

import httpx

from drumbeat.access import Authenticator, RateLimit, StoredKeys
from drumbeat.access.tokens import Token
from drumbeat.events.ids import DRUMBEAT
from drumbeat.events.workspace import KeyScope
from drumbeat.eventstore.connections import Connections, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.web.authenticating import KeyGate

EVERYTHING = tuple(KeyScope)


def key_for(
    url: str,
    workspace_id: str = "default",
    *,
    name: str | None = None,
    scopes: Sequence[KeyScope] = EVERYTHING,
    expires_at: datetime | None = None,
) -> str:
    """A new key of a workspace in the database at a URL, as its holder sends it."""
    token = Token.new(uuid4())
    called = name or f"test {token.key_id.hex[:12]}"
    _put(url, token, workspace_id, name=called, scopes=scopes, expires_at=expires_at)
    return token.text()


def _put(
    url: str,
    token: Token,
    workspace_id: str,
    *,
    name: str,
    scopes: Sequence[KeyScope] = EVERYTHING,
    expires_at: datetime | None = None,
) -> None:
    stored_keys(url).put(
        token,
        workspace_id=workspace_id,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        at=datetime.now(UTC),
        by="tests",
    )


def stored_keys(url: str) -> StoredKeys:
    """The rows of the keys, over a connection for each look."""
    return StoredKeys(lambda: closing(open_connection(url, settings={}, role=Role.WRITE)))


def gate_for(url: str, *, limit: RateLimit | None = None, wait_seconds: float = 10.0, **named: Any) -> KeyGate:
    """What admits to an application who shows a key of this database; without a limit unless one is named."""
    pool = Connections(url, limit=2, patience_seconds=wait_seconds, settings={}, role=Role.KEYS)
    keys = Authenticator(StoredKeys(pool.use), **{"clock": lambda: datetime.now(UTC), **named})
    return KeyGate(keys, limit or RateLimit(0), wait_seconds=wait_seconds, closed=pool.close)


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def asking(address: str, key: str) -> Request:
    """A GET that shows a key, for `urlopen`."""
    return Request(address, headers=bearer(key))


class Showing(httpx.Auth):
    """Shows a key with every request of a client; `auth=None` sends one without."""

    def __init__(self, key: Callable[[], str]) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request, with the key that is asked for now."""
        request.headers["Authorization"] = f"Bearer {self._key()}"
        yield request


class Keys:
    """The key `tests` of each workspace that a test asks as: it may do everything, and is the same every run.

    For many threads.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: dict[str, str] = {}
        self._making = threading.Lock()

    def of(self, workspace_id: str) -> str:
        """The workspace's key; made when it is asked for first."""
        with self._making:
            if workspace_id not in self._made:
                token = _of_tests(workspace_id)
                _put(self.url, token, workspace_id, name="tests")
                self._made[workspace_id] = token.text()
            return self._made[workspace_id]

    def with_scopes(self, *scopes: KeyScope) -> str:
        """A new key of the default workspace for these alone."""
        return key_for(self.url, scopes=scopes)


def _of_tests(workspace_id: str) -> Token:
    secret = urlsafe_b64encode(sha256(workspace_id.encode()).digest()).decode().rstrip("=")
    return Token(uuid5(DRUMBEAT, f"key of {workspace_id}"), secret)


TESTS_KEY = _of_tests("default").text()
"""What `Keys.of("default")` answers, for whom writes requests by hand."""
