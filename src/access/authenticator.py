"""Who shows a key: found in memory within microseconds, in the database when it was not looked for of late.

NotAdmitted
├── NotAKey       no token of ours, no key of that id, or another secret: one answer for all three
├── KeyExpired    the right secret of a key whose time is over
└── KeyRevoked    the right secret of a key that was revoked
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final
from uuid import UUID

import structlog

from drumbeat.access.api_keys import Kept, StoredKeys
from drumbeat.access.tokens import LONGEST_TOKEN, Token, same
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.events.workspace import KeyScope

log = structlog.get_logger(__name__)

SECONDS_BETWEEN_USES: Final = 60.0
"""How often the last use of a key is written, at most, by one process."""

_NOBODY: Final = Kept(
    key_id=UUID(int=0),
    workspace_id="",
    name="",
    scopes=(),
    # No secret has this hash that anybody could find; what is compared with it takes the usual time.
    secret_hash=bytes(32),
    old_secret_hash=None,
    old_secret_until=None,
    expires_at=None,
    revoked_at=None,
)


class NotAdmitted(Exception):
    """The base of this module's errors. The message may be told to whoever asked."""


class NotAKey(NotAdmitted):
    """Nothing is said of what is wrong with it: not even whether there is a key of that id."""


class KeyExpired(NotAdmitted):
    """Its time is over."""


class KeyRevoked(NotAdmitted):
    """It was revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What the key stands for that was shown. `until`: after that instant it, or this secret of it, is void."""

    key_id: UUID
    workspace_id: str
    name: str
    scopes: frozenset[KeyScope]
    until: datetime | None


def judged(kept: Kept | None, token: Token, now: datetime) -> Holder:
    """Who shows a token, by the row of its id. Raises `NotAdmitted`.

    A key that is not there takes the same steps as a wrong secret, and both comparisons are always made.
    """
    secret_hash, found = token.secret_hash(), kept or _NOBODY
    is_new = same(secret_hash, found.secret_hash)
    is_old = same(secret_hash, found.old_secret_hash or _NOBODY.secret_hash)
    if not (is_new or is_old) or kept is None:
        raise _not_a_key()
    if kept.revoked_at is not None:
        raise KeyRevoked("this key was revoked")
    if kept.expires_at is not None and now >= kept.expires_at:
        raise KeyExpired(f"this key expired at {kept.expires_at.isoformat()}")
    until = kept.expires_at
    if not is_new:
        if kept.old_secret_until is None or now >= kept.old_secret_until:
            raise KeyRevoked("this key was rotated, and the time of its old secret is over")
        until = kept.old_secret_until if until is None else min(until, kept.old_secret_until)
    return Holder(
        key_id=kept.key_id,
        workspace_id=kept.workspace_id,
        name=kept.name,
        scopes=frozenset(kept.scopes),
        until=until,
    )


@dataclass(slots=True)
class _Known:
    holder: Holder
    looked_at: float
    used_at: float
    renewing: bool = False


class Authenticator:
    """Tells who shows a token. May be used by many threads and by an event loop at once.

    A key that was revoked, or whose secret was replaced, is admitted for at most `trusted_seconds` more; one that
    expires stops at its instant. While a key is in use it is looked up again in the background, after half of that
    time: no request waits for that. Look-ups use at most `threads` threads and connections of their own, so that a
    flood of wrong keys takes none from those who work.
    """

    def __init__(
        self,
        keys: StoredKeys,
        *,
        clock: Callable[[], datetime],
        trusted_seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
        threads: int = 2,
        most_known: int = 10_000,
    ) -> None:
        """`clock` judges expiry, `monotonic` how long ago a key was looked up."""
        self._keys = keys
        self._clock = clock
        self._trusted_seconds = trusted_seconds
        self._monotonic = monotonic
        self._most_known = most_known
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._changing = Lock()
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="keys")

    def known(self, token: str) -> Holder | None:
        """Who shows a token, from memory; None when the database has to be asked. Never blocks.

        Raises `NotAKey` for what is no token at all, `KeyExpired`.
        """
        if len(token) > LONGEST_TOKEN:
            raise _not_a_key()
        known = self._known.get(_digest(token))
        if known is None:
            if Token.parse(token) is None:
                raise _not_a_key()
            return None
        now = self._monotonic()
        age = now - known.looked_at
        if age >= self._trusted_seconds:
            return None
        if known.holder.until is not None and self._clock() >= known.holder.until:
            # An old secret and an expired key alike: the database knows which.
            return None
        if age >= self._trusted_seconds / 2 and not known.renewing:
            known.renewing = True
            self._in_background(self._renew, token, known)
        elif now - known.used_at >= SECONDS_BETWEEN_USES:
            known.used_at = now
            self._in_background(self._note_use, known.holder.key_id)
        return known.holder

    def look_up(self, token: str) -> Holder:
        """Who shows a token, from the database; to be called in a thread.

        Raises `NotAdmitted`, and `LedgerUnavailable`.
        """
        asked_at = self._monotonic()
        parsed = Token.parse(token)
        if parsed is None:
            raise _not_a_key()
        digest = _digest(token)
        try:
            holder = judged(self._keys.find(parsed.key_id), parsed, self._clock())
        except NotAdmitted:
            with self._changing:
                self._known.pop(digest, None)
            raise
        with self._changing:
            before = self._known.get(digest)
            used_at = -math.inf if before is None else before.used_at
            is_due = asked_at - used_at >= SECONDS_BETWEEN_USES
            # Asked before another look-up and answered after it: the older answer does not count.
            if before is None or before.looked_at <= asked_at:
                self._known[digest] = _Known(holder, asked_at, asked_at if is_due else used_at)
                self._known.move_to_end(digest)
            while len(self._known) > self._most_known:
                self._known.popitem(last=False)
        if is_due:
            self._in_background(self._note_use, holder.key_id)
        return holder

    def close(self) -> None:
        """End the threads; what is under way is waited for."""
        self.executor.shutdown(wait=True, cancel_futures=True)

    def _renew(self, token: str, known: _Known) -> None:
        try:
            # What is found, or not, replaces what is known; whoever asks next hears it.
            with suppress(NotAdmitted):
                self.look_up(token)
        except LedgerUnavailable as error:
            # Tried again by the next request; when the time is over, requests wait for the database, and say so.
            log.warning("key_not_renewed", problem=str(error))
        finally:
            known.renewing = False

    def _note_use(self, key_id: UUID) -> None:
        try:
            self._keys.touch(key_id, at=self._clock())
        except LedgerUnavailable as error:
            log.warning("key_use_not_noted", problem=str(error))

    def _in_background(self, work: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the process is ending
            self.executor.submit(work, *arguments)


def _digest(token: str) -> bytes:
    # Memory is searched by a hash: how long that takes tells nothing of a secret, and no secret stays in it.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _not_a_key() -> NotAKey:
    return NotAKey("this is no key, or not its secret")
