"""The tree over a log in tests: grown at once, signed by a known key, judged by the program in docs/."""

import hashlib
import importlib.util
from base64 import b64decode
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drumbeat.audit.following import SESSION, begun
from drumbeat.audit.heads import SignedHead
from drumbeat.audit.merkle import consistency, inclusion, roots, tiles_of
from drumbeat.audit.signing import SigningKey
from drumbeat.audit.stored import tiles
from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.transport.source import LogSource

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"signing key of the tests").digest()))
SIGNED_AT = datetime(2026, 3, 5, 11, 0, tzinfo=UTC)
CHECKER = Path(__file__).parents[2] / "docs" / "check_proof.py"


def grown(
    url: str,
    *,
    key: SigningKey | None = KEY,
    at: datetime = SIGNED_AT,
    batch_events: int = 7,
    most: int | None = None,
) -> int:
    """Bring the tree to the end of the log, or to `most` leaves, and sign it unless there is no key; its size."""
    with (
        closing(open_connection(url, settings=SESSION, role=Role.AUDIT)) as session,
        closing(LogSource(url)) as source,
    ):
        tree = begun(session)
        while rows := source.read(tree.position, batch_events).rows[: None if most is None else most - tree.size]:
            tree.append(rows)
        if key is not None and tree.size > (tree.head.tree_size if tree.head else 0):
            tree.sign(key, at)
        return tree.size


def checker() -> Any:
    """The program in docs/, as a module."""
    spec = importlib.util.spec_from_file_location("check_proof", CHECKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inclusion_hashes(connection: LogConnection, leaf: int, size: int) -> list[bytes]:
    """What proves that a leaf is in the tree of so many."""
    ranges = inclusion(leaf, size)
    return roots(ranges, tiles(connection, tiles_of(ranges)))


def consistency_hashes(connection: LogConnection, first: int, second: int) -> list[bytes]:
    """What proves that a tree is the beginning of another."""
    ranges = consistency(first, second)
    return roots(ranges, tiles(connection, tiles_of(ranges)))


def root_in(head: SignedHead) -> bytes:
    """The root hash, as the document shows it."""
    return b64decode(head.document()["sha256_root_hash"])
