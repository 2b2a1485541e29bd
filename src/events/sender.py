"""Facts of a number, mailbox, identity or account; who uses it stands in the campaigns' streams."""

from typing import ClassVar
from uuid import UUID

from drumbeat.events.fact import Fact
from drumbeat.events.values import Channel


class SenderRegistered(Fact):
    """A sender is known. `address` is the workspace's own number or mailbox."""

    TYPE: ClassVar[str] = "sender.registered.v1"
    channel: Channel
    friendly_name: str
    address: str
    daily_limit: int | None = None
    schedule_id: UUID | None = None


class SenderRenamed(Fact):
    """Its friendly name changed."""

    TYPE: ClassVar[str] = "sender.renamed.v1"
    before: str
    after: str


class SenderSpamScoreReported(Fact):
    """How likely its calls are flagged, 0 to 10 (E-22). Version 1 did not say who reported it."""

    TYPE: ClassVar[str] = "sender.spam_score_reported.v2"
    score: int
    source: str


class SenderDisconnected(Fact):
    """It cannot be used at present."""

    TYPE: ClassVar[str] = "sender.disconnected.v1"
    cause: str


class SenderReconnected(Fact):
    """It can be used again."""

    TYPE: ClassVar[str] = "sender.reconnected.v1"


class SenderRetired(Fact):
    """It is not used any more."""

    TYPE: ClassVar[str] = "sender.retired.v1"
