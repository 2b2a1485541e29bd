"""Signed tree heads, in the shapes of RFC 6962: what a log says of itself and cannot take back."""

import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from drumbeat.audit.merkle import HASH_BYTES

_SIGNED: Final = struct.Struct(">BBQQ32s")
_VERSION_1: Final = 0
_TREE_HASH: Final = 1


class NotAHead(ValueError):
    """Something else than a signed tree head."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tree at a moment: number of leaves, milliseconds since 1970 UTC, root hash."""

    tree_size: int
    timestamp_ms: int
    root_hash: bytes

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: the `TreeHeadSignature` of RFC 6962, section 3.5."""
        return _SIGNED.pack(_VERSION_1, _TREE_HASH, self.timestamp_ms, self.tree_size, self.root_hash)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with its Ed25519 signature (64 bytes), and the key that is said to have made it (32 bytes)."""

    head: TreeHead
    signature: bytes
    public_key: bytes

    @property
    def tree_size(self) -> int:
        """The number of leaves."""
        return self.head.tree_size

    def is_signed_by(self, public_key: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.head.signed_bytes)
        except (InvalidSignature, ValueError):
            return False
        return True

    def document(self) -> dict[str, Any]:
        """As it is shown and published: the names of RFC 6962, section 4.3; bytes as Base64."""
        return {
            "tree_size": self.head.tree_size,
            "timestamp": self.head.timestamp_ms,
            "sha256_root_hash": b64encode(self.head.root_hash).decode(),
            "tree_head_signature": b64encode(self.signature).decode(),
            "public_key": b64encode(self.public_key).decode(),
        }


def head_of(document: Mapping[str, Any]) -> SignedHead:
    """The head that a document shows. Raises `NotAHead`."""
    try:
        size, timestamp = document["tree_size"], document["timestamp"]
        root, signature, key = (
            b64decode(document[name], validate=True)
            for name in ("sha256_root_hash", "tree_head_signature", "public_key")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotAHead(f"no signed tree head: {error}") from error
    if not all(isinstance(number, int) and 0 <= number < 1 << 63 for number in (size, timestamp)):
        raise NotAHead("no signed tree head: tree_size and timestamp are whole numbers")
    if len(root) != HASH_BYTES:
        raise NotAHead("no signed tree head: the root hash has 32 bytes")
    return SignedHead(TreeHead(size, timestamp, root), signature, key)
