"""The workspaces' secret keys, kept in the ledger's database so that every process hashes alike."""

import secrets
from pathlib import Path
from threading import Lock

from drumbeat.access.database import Connections, reachable

_WORKSPACE_KEY = (Path(__file__).parent / "sql" / "workspace_key.sql").read_bytes()
_KEY_BYTES = 32


class StoredWorkspaceKeys:
    """The keys under which references and addresses are hashed; implements `commands.loop.WorkspaceKeys`.

    A workspace's key is made when it is asked for the first time, by whichever process comes first, and never
    changes. May be used by many threads at once; each key is read once a process.
    """

    def __init__(self, connections: Connections) -> None:
        """Nothing is read yet."""
        self._connections = connections
        self._known: dict[str, bytes] = {}
        self._asking = Lock()

    def key(self, workspace_id: str) -> bytes:
        """32 bytes, the same on every call. Raises `LedgerUnavailable` when the database is away."""
        known = self._known.get(workspace_id)
        if known is not None:
            return known
        with self._asking:
            if workspace_id not in self._known:
                self._known[workspace_id] = self._read(workspace_id)
            return self._known[workspace_id]

    def _read(self, workspace_id: str) -> bytes:
        while True:
            with reachable(), self._connections() as connection:
                offered = {"workspace_id": workspace_id, "offered": secrets.token_bytes(_KEY_BYTES)}
                row = connection.execute(_WORKSPACE_KEY, offered).fetchone()
            if row is not None:
                return bytes(row[0])
