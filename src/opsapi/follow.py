"""Show the log: its end, a stretch of it, or whatever comes; filtered by what stands in an event's envelope."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from threading import Event
from typing import Any
from uuid import UUID

import msgspec
import structlog

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.transport.source import LogRow, ReadsLog, SourceUnavailable, instant

log = structlog.get_logger(__name__)

_BATCH = 5_000
_POLL_SECONDS = 0.2
_PAUSE_SECONDS = 0.5


class Shown(msgspec.Struct, frozen=True):
    """An event as it is shown: what its envelope says, and its data as it stands in the log."""

    id: UUID
    type: str
    time: datetime
    subject: UUID
    streamversion: int
    actor: str
    cause: str
    correlationid: UUID
    data: msgspec.Raw
    workspaceid: str = ""
    campaignid: UUID | None = None


_decode = msgspec.json.Decoder(Shown).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which events are shown. `types` are patterns (`contact.*`); any of them is enough. None: all."""

    workspace_id: str
    types: tuple[str, ...] = ()
    stream_id: UUID | None = None
    campaign_id: UUID | None = None
    since: datetime | None = None
    """Not recorded before this instant."""

    def shown(self, row: LogRow) -> Shown | None:
        """The event when it is to be shown. One whose bytes cannot be read belongs to no workspace."""
        if self.types and not any(fnmatchcase(row.type, pattern) for pattern in self.types):
            return None
        if self.since is not None and instant(row.recorded_at_us) < self.since:
            return None
        try:
            event = _decode(row.bytes)
        except msgspec.MsgspecError:
            return None
        return event if self._fits(event) else None

    def _fits(self, event: Shown) -> bool:
        return (
            event.workspaceid == self.workspace_id
            and self.stream_id in {None, event.subject}
            and self.campaign_id in {None, event.campaignid, event.subject}
        )


def since(text: str | None) -> tuple[int, datetime | None]:
    """Where to begin: the position to begin after, and the instant to begin at. Raises `Failed`."""
    if text is None or text.isdecimal():
        return int(text or 0), None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(
            Exit.WRONG_USE, f"--since is {text!r}, but must be a position or an instant like 2026-01-31T09:00:00Z"
        ) from None
    return 0, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stretch(source: ReadsLog, choice: Choice, *, after: int) -> Iterator[tuple[int, Shown]]:
    """What is chosen above a position, up to the end of the log; ends there."""
    while rows := source.read(after, _BATCH).rows:
        for row in rows:
            event = choice.shown(row)
            if event is not None:
                yield row.position, event
        after = rows[-1].position


def last(source: ReadsLog, choice: Choice, *, count: int) -> list[tuple[int, Shown]]:
    """The newest events that are chosen."""
    return list(deque(stretch(source, choice, after=0), maxlen=count))


def follow(source: ReadsLog, choice: Choice, *, after: int, stop: Event) -> Iterator[tuple[int, Shown]]:
    """What is chosen above a position, as it comes, until `stop` is set; a database that is away is waited for."""
    while not stop.is_set():
        try:
            rows = source.read(after, _BATCH).rows
            if not rows:
                source.wait(_POLL_SECONDS)
        except SourceUnavailable as error:
            log.warning("events_wait_for_the_database", problem=str(error))
            stop.wait(_PAUSE_SECONDS)
            continue
        for row in rows:
            after = row.position
            event = choice.shown(row)
            if event is not None:
                yield after, event


def as_line(position: int, event: Shown) -> str:
    """One event on one line, for people."""
    data = bytes(event.data).decode()
    moment = event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{position:>9}  {moment}  {event.type:<34} {event.subject}/{event.streamversion}  {event.actor}  {data}"
    )


def as_json(position: int, event: Shown) -> str:
    """One event on one line, for programs."""
    document: dict[str, Any] = {"position": position, **msgspec.structs.asdict(event)}
    return msgspec.json.encode(document).decode()
