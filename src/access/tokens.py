"""What a client shows: `drumbeat_ID_SECRET`. The id finds the key, the secret proves it; only its hash is kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(r"drumbeat_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
LONGEST_TOKEN: Final = 85
"""Every token has this many characters."""


@dataclass(frozen=True, slots=True)
class Token:
    """A key's id and a secret of 256 random bits. Neither its `repr` nor a log record shows the secret."""

    key_id: UUID
    secret: str = field(repr=False)

    @staticmethod
    def new(key_id: UUID) -> "Token":
        """A token with a secret of its own."""
        return Token(key_id, secrets.token_urlsafe(_SECRET_BYTES))

    @staticmethod
    def parse(text: str) -> "Token | None":
        """The token that a text is; None when it is none."""
        found = _TOKEN.fullmatch(text) if len(text) == LONGEST_TOKEN else None
        return None if found is None else Token(UUID(found[1]), found[2])

    def text(self) -> str:
        """What is shown once, and sent with every request."""
        return f"drumbeat_{self.key_id.hex}_{self.secret}"

    def secret_hash(self) -> bytes:
        """SHA-256 of the secret: what is kept."""
        return hashlib.sha256(self.secret.encode()).digest()


def same(one: bytes, other: bytes) -> bool:
    """Whether two hashes are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one, other)
