"""The base of every command, and what carrying one out answers."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from drumbeat.events import Fact


class Command(BaseModel):
    """A wish, named as an imperative. Frozen; unknown fields are refused.

    Who wishes it, in which workspace and when is never part of it: that comes from authentication and the clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    NAME: ClassVar[str]
    """The stable name, for idempotency keys and the command line: `launch_campaign`."""
    JUDGED_BY_ROW: ClassVar[frozenset[str]] = frozenset()
    """Fields whose rows are judged one by one, so that a bad row spoils no other."""
    PERSONAL: ClassVar[frozenset[str]] = frozenset()
    """Fields that tell of a person: no error repeats them."""

    def fingerprint(self) -> bytes:
        """What identifies the request under an idempotency key: SHA-256 of name and content."""
        return hashlib.sha256(f"{self.NAME}:{self.model_dump_json()}".encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command was carried out, or there was nothing to do (`facts` is empty then).

    `version` is the stream's version afterwards; `position` that of the last event written, or the newest of the
    log when none was: a read model at that position shows the effect. `results` holds an answer per row where the
    command had rows. `repeated`: the idempotency key was known, this is the first answer and nothing was written.
    """

    stream_id: UUID
    version: int
    position: int
    facts: tuple[Fact, ...] = ()
    results: tuple[dict[str, Any], ...] = ()
    repeated: bool = False
