"""One request: who asks, when, and how its answer is sent."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Semaphore
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from drumbeat.events import Principal
from drumbeat.events.workspace import KeyScope
from drumbeat.readapi import as_of
from drumbeat.readapi.database import Glance, ReadModels, Seen, Snapshot
from drumbeat.readapi.instants import Instant
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.moments import moment
from drumbeat.readapi.pulse import Pulse
from drumbeat.readapi.routing import entity_tag, matches
from drumbeat.readapi.statements import GlanceStatement
from drumbeat.readapi.waiting import Waiting, not_reached
from drumbeat.readapi.worlds import Worlds
from drumbeat.web.authenticating import admit, asks_for
from drumbeat.web.declaring import refuse_unknown
from drumbeat.web.problems import InvalidParameter

S = TypeVar("S", bound=Seen)

AS_OF_HEADER = "Drumbeat-As-Of"


class Freshness(msgspec.Struct):
    """How fresh an answer is: the position it is about, when the newest event in it was recorded, and how many
    positions the log was ahead when it was last looked at (null while that is not known)."""

    position: int
    recorded_at: Instant | None
    lag_events: int | None


class Fresh(msgspec.Struct):
    """What every answer from the read models begins with. `as_of` is `position@instant`."""

    as_of: str
    freshness: Freshness


class Content(NamedTuple):
    """An answer without its token, and the entity tag made of it: the tag changes only when the answer does."""

    encoded: bytes
    tag: str


def content_of(body: msgspec.Struct) -> Content:
    """An answer, encoded."""
    encoded = msgspec.json.encode(body)
    return Content(encoded, entity_tag(encoded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What requests need; made by `create_app`, one a process."""

    read_models: ReadModels
    ledger: LedgerReads
    waiting: Waiting
    own: Mapping[str, Waiting]
    """For the projections of packages, by name: each stands by itself."""
    worlds: Worlds
    pulse: Pulse
    clock: Callable[[], datetime]
    wait_limit_seconds: float
    page_rows: int
    diff_contacts: int
    comparisons: Semaphore
    """One for each comparison that may be under way: they take the interpreter from everybody who reads."""
    metrics_need_key: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on its way. Belongs to one request."""

    request: Request
    services: Services
    workspace_id: str
    at_least: int
    moment: Seen | None = None
    """The earlier moment that is asked about; None: now."""

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The read models at one position: that of `moment`, else at least the one that was waited for."""
        services = self.services
        if self.moment is not None:
            campaign_id = UUID(self.request.path_params["campaign_id"])
            with services.worlds.snapshot(self.workspace_id, campaign_id, self.moment) as snapshot:
                yield snapshot
            return
        with services.read_models.snapshot(self.workspace_id, services.clock()) as snapshot:
            yield self.far_enough(snapshot)

    def glance(self, statement: GlanceStatement, campaign_id: UUID) -> Glance:
        """What one statement answers, now in one round trip; its position is as that of `snapshot`."""
        if self.moment is not None:
            with self.snapshot() as snapshot:
                return snapshot.glance(statement, campaign_id)
        services = self.services
        seen = services.read_models.glance(self.workspace_id, services.clock(), statement, campaign_id)
        return self.far_enough(seen)

    def answer(self, seen: Seen, body: msgspec.Struct | Content, **headers: str) -> Response:
        """The answer with its `as_of`, or 304 when the client has the same already."""
        content = body if isinstance(body, Content) else content_of(body)
        as_of_token = str(seen.as_of)
        sent = {AS_OF_HEADER: as_of_token, "ETag": content.tag, "Cache-Control": "private, no-cache", **headers}
        if matches(self.request.headers.get("if-none-match"), content.tag):
            return Response(status_code=304, headers=sent)
        fresh = msgspec.json.encode(Fresh(as_of_token, self._freshness(seen)))
        return Response(fresh[:-1] + b"," + content.encoded[1:], 200, sent, "application/json")

    def far_enough(self, seen: S) -> S:
        """What was seen, at the position that was waited for, or beyond. Raises `PositionNotReached`."""
        # A database that was set back since its position was waited for does not pretend.
        position = seen.as_of.position
        if position < self.at_least:
            raise not_reached(self.at_least, position, self.services.wait_limit_seconds)
        return seen

    def _freshness(self, seen: Seen) -> Freshness:
        position, head = seen.as_of.position, self.services.pulse.head
        return Freshness(position, seen.recorded_at, None if head is None else max(0, head - position))


@asks_for(KeyScope.READ)
async def ask(request: Request) -> Ask:
    """The dependency of every endpoint that reads: who asks? Waits for `at_least` without holding a thread.

    It reads that parameter and `as_of` itself, and `routing.reads` declares them: FastAPI's way costs every read
    without them.
    """
    return await asked_by(request, await admit(request, KeyScope.READ))


async def asked_by(request: Request, principal: Principal) -> Ask:
    """The same, of somebody who was admitted."""
    services: Services = request.app.state.services
    position, seen = 0, None
    if request.scope["query_string"]:
        refuse_unknown(request)
        position = _position(request.query_params.get("at_least"))
        asked = request.query_params.get("as_of")
        if asked is not None:
            seen = await run_in_threadpool(moment, asked, services.ledger, services.clock())
            position = _within(position, seen.as_of.position)
        await services.waiting.reach(position)
    return Ask(request, services, principal.workspace_id, position, seen)


def _within(at_least: int, position: int) -> int:
    if at_least > position:
        raise InvalidParameter(
            f"at_least is beyond as_of, which is at position {position}",
            field="at_least",
            value=str(at_least),
            allowed=f"at most {position}, or left out",
        )
    return position


def _position(at_least: str | None) -> int:
    if at_least is None:
        return 0
    try:
        return as_of.parse_position(at_least)
    except as_of.NotAToken:
        raise InvalidParameter(
            "at_least is a position, or an as_of token that begins with one",
            field="at_least",
            value=at_least,
            allowed="POSITION or POSITION@INSTANT",
        ) from None


Asked = Annotated[Ask, Depends(ask)]
